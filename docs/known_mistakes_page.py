"""Write ``known_mistakes.md`` from the table in the code: ``python docs/known_mistakes_page.py``.

What each mistake does to training is measured here, on small models; the threads stand in ``known_mistakes.json``.
"""

import itertools
import json
from pathlib import Path

import keras
import numpy as np

from tf_gd.explain import mistakes
from tf_gd.explain.case import Case
from tf_gd.explain.deviation import Deviation
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.optimizers import OTHERS
from tf_gd.explain.other_data import OTHER_IMAGES, OTHER_INPUTS, OTHER_PROBABILITIES, OTHER_TARGETS, OTHER_TIMES
from tf_gd.explain.variants import variants_of

HERE = Path(__file__).parent
PAGE = HERE / "known_mistakes.md"

# Threads in which users met a mistake, by the field of the deviation, or by the field and its value.
THREADS = json.loads((HERE / "known_mistakes.json").read_text(encoding="utf-8"))

_TOP = """# Known mistakes

What {py:func}`tf_gd.explain_difference` knows by name. A script makes this page from the table in the code
(`docs/known_mistakes_page.py`). Each mistake is put into Keras's own step, which then runs from your weights on your
batches; the one that leads where your loop went is the cause. Mistakes that do the same on your data are named together.
Several at once are found as well, up to four.

When none fits, the report says what agrees, what is the first that does not, and where to look.

**Loss / Keras's**: the loss after 40 steps, divided by that of Keras's step, on a small model where the mistake can be
made, and what that means. Ahead is a mistake still: the loop is not the one that was meant. **Threads**: public reports
of it that we read, at most three.
"""

_layers = keras.layers
_numbers = np.random.default_rng(5)
_X = _numbers.normal(size=(44, 6)).astype("float32")
_Y = (_X @ _numbers.normal(size=(6, 2)) / 2 + 0.1 * _numbers.normal(size=(44, 2))).astype("float32")
_LABELS = (_X[:, 0] > 0).astype("int32") + (_X[:, 1] > 0)
_ONE_HOT = np.eye(3, dtype="float32")[_LABELS]
_WORDS = np.where(np.arange(7) < _numbers.integers(2, 8, 44)[:, None], _numbers.integers(1, 20, (44, 7)), 0)


def _model(*layers, inputs=6, dtype="float32"):
    def build():
        keras.utils.set_random_seed(0)
        return keras.Sequential([_layers.Input((inputs,), dtype=dtype), *(layer() for layer in layers)])

    return build


def _dense(*arguments, **options):
    return lambda: _layers.Dense(*arguments, **options)


def _two_outputs():
    inputs = _layers.Input((6,))
    hidden = _layers.Dense(5, "tanh")(inputs)
    return keras.Model(inputs, [_layers.Dense(2, name="a")(hidden), _layers.Dense(2, name="b")(hidden)])


def _sgd(rate=0.05, **options):
    return keras.optimizers.SGD(rate, **options)


_schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.7)
_plain = _model(_dense(5, "tanh"), _dense(2))
_one = _model(_dense(5, "tanh"), _dense(1))
_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
_smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
_weights = np.linspace(0.2, 3.0, 44).astype("float32")
_tagger = _model(lambda: _layers.Embedding(20, 4, mask_zero=True), _dense(3), inputs=7, dtype="int32")
_tags = (_WORDS % 3).astype("int32")
_momentum = _sgd(momentum=0.9)
_both = dict(momentum=0.9, clipnorm=0.5, weight_decay=0.1)

_biased = _model(_dense(5, "tanh", bias_initializer="ones"), _dense(2, bias_initializer="ones"))
_excluding = _sgd(weight_decay=0.5)
_excluding.exclude_from_weight_decay(var_names=["bias"])

# Model, x, y, optimizer, loss, and what else explain_difference is given; the first that fits a mistake measures it.
SETTINGS: list[tuple] = [
    (_plain, _X, _Y, _sgd(), "mse", {}),
    (_one, _X, _Y[:, :1], _sgd(), "mse", {}),
    (_model(_dense(5, "tanh", kernel_regularizer="l2"), _dense(2)), _X, _Y, _sgd(), "mse", {}),
    (_model(_dense(9), _layers.BatchNormalization, _dense(2)), _X, _Y, _sgd(), "mse", {}),
    (_model(_dense(9), _layers.BatchNormalization, lambda: _layers.Dropout(0.3), _dense(2)), _X, _Y, _sgd(), "mse", {}),
    (_model(_dense(5, "tanh"), _dense(3)), _X, _LABELS, _sgd(0.3), _logits, {}),
    (_model(_dense(5, "tanh"), _dense(3)), _X, _ONE_HOT, _sgd(0.3), _smooth, {}),
    (_model(_dense(5, "tanh"), _dense(3, "softmax")), _X, _ONE_HOT, _sgd(0.3), "categorical_crossentropy", {}),
    (_one, _X, _Y[:, :1], _sgd(), "mse", dict(sample_weight=_weights)),
    (_model(_dense(5, "tanh"), _dense(3)), _X, _LABELS, _sgd(), _logits, dict(class_weight={0: 1.0, 1: 4.0, 2: 0.3})),
    (_tagger, _WORDS, _tags, _sgd(0.5), _logits, {}),
    (_two_outputs, _X, [_Y, _Y[::-1] + 1], _sgd(), ["mse", "mse"], {}),
    (_model(_dense(6, "tanh", trainable=False), _dense(2)), _X, _Y, _sgd(), "mse", {}),
    (_plain, _X, _Y, _sgd(momentum=0.9), "mse", {}),
    (_plain, _X, _Y, _sgd(momentum=0.9, nesterov=True), "mse", {}),
    (_plain, _X, _Y, _sgd(**_both), "mse", {}),
    (_plain, _X, _Y, _sgd(momentum=0.9, global_clipnorm=0.5), "mse", {}),
    (_model(_dense(1, use_bias=False), _dense(1, use_bias=False), inputs=1), _X[:, :1], _Y[:, :1], _momentum, "mse", {}),
    (_plain, _X, _Y, _sgd(_schedule), "mse", {}),
    (_plain, _X, _Y, _sgd(gradient_accumulation_steps=4), "mse", {}),
    (_plain, _X, _Y, _sgd(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3), "mse", {}),
    (_model(_dense(5, "tanh", kernel_constraint="unit_norm"), _dense(2)), _X, _Y, _sgd(), "mse", {}),
    (_plain, _X, _Y, keras.optimizers.Adam(0.01), "mse", {}),
    (_plain, _X, _Y, keras.optimizers.AdamW(0.01, weight_decay=0.1), "mse", {}),
    (_biased, _X, _Y, _excluding, "mse", {}),
    (_plain, _X, _Y, keras.optimizers.RMSprop(0.01), "mse", {}),
]
STEPS = 40


class _Trial:
    """A setting, with Keras's run in it."""

    def __init__(self, build, x, y, optimizer, loss, rest):
        given = dict(loss_weights=None, batch_size=8, steps=STEPS, seed=0)
        self.case = Case.of(build, x, y, optimizer=optimizer, loss=loss, **given, **rest)
        model = self.case.fresh()
        initial = [np.array(v.numpy()) for v in model.variables]
        names = [v.path for v in model.variables]
        new = (self.case.new_optimizer(), self.case.batches, 8, initial, names, self.case.weighed_by)
        self.experiment = Experiment(model, *new)
        self.of_keras = self.loss(Deviation())

    def loss(self, deviation) -> float:
        """Return the loss on all data after the steps, without training."""
        with np.errstate(all="ignore"):
            try:
                run = self.experiment.make_steps(deviation)
            except ValueError:
                return float("nan")
            state = self.experiment.at(self.experiment.start(), run.weights[-1])
            batches = self.experiment.batches[:6]  # an epoch
            losses = [self.experiment.loss_in(Deviation(), state, one, training=False) for one in batches]
        found = float(np.mean(losses))
        return found if np.isfinite(found) else float("inf")


def measured() -> dict[str, float]:
    """Return for each mistake its name, and the loss it leads to as a multiple of Keras's.

    Of the settings in which it can be made, the first in which it shows.
    """
    found: dict[str, float] = {}
    for setting in SETTINGS:
        trial = _Trial(*setting)
        known = [m for m in mistakes.MISTAKES if m.possible(trial.experiment)] + variants_of(trial.experiment)
        for mistake in known:
            if abs(found.get(mistake.name, 1.0) - 1) < 0.005:
                times = trial.loss(mistakes.together([mistake])) / trial.of_keras
                if np.isfinite(times) or np.isinf(times):
                    found[mistake.name] = times
    return found


def threads_of(changes: dict) -> list[str]:
    """Return the links of the threads about a mistake."""
    (field, value), *_ = changes.items()
    keys = (f"{field}: {value}", field)
    return next((THREADS[key] for key in keys if key in THREADS), [])


def page(numbers: dict[str, float]) -> str:
    """Return the page, from what :func:`measured` returns."""
    parts = [_TOP, "## In the step\n", *_table(mistakes.MISTAKES, numbers)]
    trials = {"In Adam and AdamW": SETTINGS[-2], "In RMSprop, Adagrad and others, by example of RMSprop": SETTINGS[-1]}
    for title, setting in trials.items():
        variants = variants_of(_Trial(*setting).experiment)
        # Each of Adam's is tried with the epsilon of the paper as well.
        known = [m for m in variants if "in the paper" not in m.name and not isinstance(m.changes.get("optimizer", ""), str)]
        parts += [f"\n## {title}\n", *_table(known, numbers)]
    inputs, targets = OTHER_INPUTS | OTHER_IMAGES, OTHER_TARGETS | OTHER_TIMES | OTHER_PROBABILITIES
    named = (("Another optimizer", OTHERS), ("Other inputs", inputs), ("Other targets", targets))
    for title, table in named:
        parts += [f"\n## {title}\n", *(f"* {name}" for name in table)]
    parts += ["\n## Measured on the loop\n", *(f"* {one}" for one in _MEASURED)]
    return "\n".join(parts) + "\n"


_MEASURED = (
    "another learning rate, constant or a schedule; a factor on the loss, constant or one that changes with the batch",
    "another momentum, with or without Nesterov",
    "another limit or another way of clipping",
    "another weight decay: its amount, of which variables, in the gradient or not, with the rate or without",
    "an L2 penalty of every variable or of the kernels, and its amount; L2 on the wrong variables",
    "variables that are never updated; gradients that were given to the wrong variable or layer, or transposed",
    "other weights of the losses of several outputs; another number in the loss, such as Huber's delta",
    "a rate of its own for some variables; a limit within which the weights are kept",
    "random numbers that the step draws: called twice at the same weights, it returns two losses",
    "another order of the batches",
    "another number returned than the loss: after the update, a mean so far, without the penalties, a metric",
)


def _table(rows, numbers) -> list[str]:
    lines = ["| the loop has | loss / Keras's | threads | the fix |", "|---|---|---|---|"]
    for name, group in itertools.groupby(rows, key=lambda one: one.name):
        one = next(group)
        times = f"{numbers[name]:.2g}: {_in_words(numbers[name])}" if name in numbers else ""
        links = ", ".join(f"[{n}]({link})" for n, link in enumerate(threads_of(one.changes), start=1))
        lines.append(f"| {name} | {times} | {links} | {_code(one.fix)} |")
    return lines


def _in_words(times: float) -> str:
    """Return what a loss means that is so many times as high as Keras's."""
    words = {0.95: "ahead, here", 1.05: "hardly shows, here", 1.5: "a little behind", 5: "behind", np.inf: "far behind"}
    return next((word for limit, word in words.items() if float(f"{times:.2g}") < limit), "diverges")


def _code(fix: str) -> str:
    """Return a fix as code, if it is some, with its comment behind it."""
    code, _, comment = fix.partition("  # ")
    if "(" not in code or code.rstrip().endswith("."):
        return fix.replace("|", "\\|")
    return f"`{code}`" + (f" ({comment})" if comment else "")


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
