"""Formulas in pictures: what is typeset, what is left alone, and that drawing it never fails."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.mathtext import MathTextParser

import tf_gd
from tf_gd.show.formula import title_of, typeset


@pytest.mark.parametrize("name", tf_gd.objectives.names())
def test_every_formula_of_the_catalogue_is_typeset(name):
    written = typeset(tf_gd.objectives.get(name).formula)
    assert written.startswith("$")
    assert written.endswith("$")
    assert MathTextParser("path").parse(written).width > 0
    assert title_of(tf_gd.objectives.get(name)) == f"$f(x) = {written[1:]}"


@pytest.mark.parametrize(
    ("plain", "mathtext"),
    [
        ("x^2", "$x^2$"),
        ("x1^2 + 2 x2^10", "$x_1^2 + 2 x_2^{10}$"),
        ("100 (x2 - x1^2)^2 + (1 - x1)^2", "$100 (x_2 - x_1^2)^2 + (1 - x_1)^2$"),
        ("x cos(0.15 pi x)", r"$x \, \cos (0.15 \pi x)$"),
        ("1/2 sum l_i x_i^2", r"$\frac{1}{2} \, \sum_i l_i x_i^2$"),
        (
            "sum 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2",
            r"$\sum_i [ 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2 ]$",
        ),
        ("sum x_i^2 + 3 x1", r"$\sum_i x_i^2 + 3 x_1$"),
        ("sqrt(x1^2 + 1) exp(-x2)", r"$\sqrt{x_1^2 + 1} \, \exp (- x_2)$"),
        ("x12 + theta1", r"$x_{12} + \theta_1$"),
        ("x**2 + 3*y**2", r"$x^2 + 3 \cdot y^2$"),
        ("x^-1 + 2^x", "$x^{-1} + 2^x$"),
        ("10/3 x^(1/2)", r"$\frac{10}{3} x^{\frac{1}{2}}$"),
        ("abs(x)", "$|x|$"),
    ],
)
def test_the_plain_notation(plain, mathtext):
    assert typeset(plain) == mathtext


@pytest.mark.parametrize("plain", ["1/2x", "1/2^x", "3/1/2", "x^1/2", "1/2(x + 1)"])
def test_what_divides_more_than_a_number_is_no_fraction(plain):
    assert r"\frac" not in typeset(plain)


UNSURE = [
    *(
        "",
        "a bowl of mine",
        "(x",
        "x)",
        "(x]",
        "x^",
        "^2",
        "_x",
        "x^2^3",
        "x_1_2",
        "sqrt x",
        "sqrt",
        "x'",
    ),
    *(
        "2 3",
        "x 2",
        "1e-3 x",
        "x | y",
        "é",
        "x\n+ y",
        "\\frac",
        "{x}",
        "x &",
        "(" * 500,
        "x^(" * 60 + "2" + ")" * 60,
    ),
]


@pytest.mark.parametrize("text", UNSURE)
def test_what_may_not_be_a_formula_is_left_as_it_is(text):
    assert typeset(text) == text or text == "x\n+ y"


def test_mathtext_of_ones_own_stays_and_a_lone_dollar_is_escaped():
    assert typeset(r"$\alpha x^2$") == r"$\alpha x^2$"
    assert typeset("costs $5") == r"costs \$5"
    assert typeset(r"$\frac$") == r"\$\frac\$"


DOLLARS = ["$", "$$", "$$$", r"$\frac$", r"\$5 and $6", "$x", "$x^2$", "x$y$"]


@pytest.mark.parametrize("text", [*UNSURE, *DOLLARS])
def test_drawing_never_fails_whatever_the_formula(text):
    fn = tf_gd.objectives.get("ellipse").fn
    bowl = tf_gd.Objective(text, fn, start=[1.0, 2.0], formula=text)
    ax = tf_gd.gradient_descent(bowl, steps=2, mode="eager").plot()
    ax.figure.canvas.draw()
    tf_gd.show.plot_losses({text[:40]: [2.0, 1.0]}, title=text[:80]).figure.canvas.draw()
    plt.close("all")


def test_what_a_title_says_without_a_formula():
    def my_bowl(x):
        return x

    assert title_of(my_bowl) == "my_bowl"
    assert title_of(lambda x: x) == "$f(x)$"
    named = tf_gd.Objective("cone", lambda x: x[..., 0], start=[1.0], formula="a cone = 3")
    assert title_of(named) == "a cone = 3"
    equation = tf_gd.Objective("y", lambda x: x[..., 0], start=[1.0], formula="y = x^2")
    assert title_of(equation) == "$y = x^2$"
