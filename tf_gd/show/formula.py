"""Formulas as one types them, typeset for pictures: ``x1^2 + 2 x2^2`` becomes mathtext."""

import re
import textwrap

from matplotlib.cbook import is_math_text
from matplotlib.mathtext import MathTextParser

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?![eE][-+]?\d)"  # 1e-3 is not typeset
_TOKEN = re.compile(rf"(\s*)({_NUMBER}|[A-Za-z]+|[-+*/^_=,()\[\]])")
_GREEK = "alpha beta gamma delta epsilon eta theta kappa lambda mu nu xi pi rho sigma tau phi omega"
_FUNCTIONS = "sin cos tan sinh cosh tanh exp log ln max min"
_CLOSING = {"(": ")", "[": "]"}
_SUM = r"\sum_i"
_LONGEST, _COLUMNS = 200, 80  # characters: of a formula, of a line
_parser = MathTextParser("path")


def typeset(formula: str) -> str:
    """Return a typed formula as mathtext, or the text itself where its meaning is unclear.

    Args:
        formula: what the catalogue writes: a space multiplies, ``x1`` and ``x_(i+1)`` have indices,
            ``^`` raises, ``sum``, ``sqrt``, ``cos`` and ``pi`` are known. ``x**2 * y`` is read too.

    Returns:
        Text that Matplotlib always draws without an error: if it is not typeset, a ``$`` that
        begins no formula is escaped.

    Examples:
        >>> typeset("x cos(0.15 pi x)")
        '$x \\\\, \\\\cos (0.15 \\\\pi x)$'
        >>> typeset("1/2 x1^2 - x_(i+1)^10")
        '$\\\\frac{1}{2} x_1^2 - x_{i+1}^{10}$'
        >>> typeset("a bowl of my own")
        'a bowl of my own'
    """
    try:
        written = f"${_read(_tokens(formula))}$"
        _parser.parse(written)
        return written
    except (_UnsureError, ValueError, RecursionError):
        return harmless(formula)


def title_of(objective) -> str:
    """Return ``f(x) = ...`` typeset, or else the name of the objective, or ``f(x)``."""
    formula = str(getattr(objective, "formula", None) or "")
    written = typeset(formula) if formula.strip() else ""
    if written.startswith("$") and "$" not in formula and "=" not in formula:
        return f"$f(x) = {written[1:]}"
    if not written:
        name = getattr(objective, "name", None) or getattr(objective, "__name__", "")
        written = "$f(x)$" if name in ("", "<lambda>") else harmless(str(name))
    return written if "$" in written else textwrap.fill(written, _COLUMNS, max_lines=3)


def harmless(text: str) -> str:
    """Return text that Matplotlib draws without an error: mathtext stays where it can be parsed."""
    if "$" in text:
        try:
            if is_math_text(text):
                _parser.parse(text)
                return text
        except (ValueError, RecursionError):
            pass
    return text.replace("$", r"\$")


class _UnsureError(Exception):
    """The formula cannot be read with certainty."""


def _tokens(formula: str) -> list[tuple[str, bool]]:
    """Return the tokens, last first, each with whether it touches the one before."""
    found, at = [], 0
    formula = formula.strip().replace("**", "^")
    while at < len(formula):
        match = _TOKEN.match(formula, at)
        if match is None or len(formula) > _LONGEST:
            raise _UnsureError
        found.append((match[2], not match[1]))
        at = match.end()
    return found[::-1]


def _read(tokens: list, closing: str = "") -> str:
    """Pop the tokens up to ``closing``; return them as mathtext."""
    written: list[str] = []
    left = "sign"  # what stands to the left: a sign, a function, or a factor
    while tokens:
        token, _ = tokens.pop()
        if token == closing:
            return _joined(written)
        if token in ("^", "_"):
            if left == "sign":
                raise _UnsureError
            written[-1] += token + _braced(_script(tokens))
        elif token in _CLOSING:
            written.append(f"{token}{_read(tokens, _CLOSING[token])}{_CLOSING[token]}")
            left = "factor"
        elif token[0].isalpha():
            word, kind = _word(token, tokens)
            written += [r"\,"] if (left, kind) == ("factor", "function") else []  # x cos, not xcos
            written.append(word)
            left = kind
        elif token[0] in "0123456789.":
            if left == "factor":  # 2 3 would look like 23
                raise _UnsureError
            written.append(_number(token, tokens, divided=bool(written) and written[-1] == "/"))
            left = "factor"
        elif token in ")]":
            raise _UnsureError
        else:
            written.append({"*": r"\cdot"}.get(token, token))
            left = "sign"
    if closing or not written:
        raise _UnsureError
    return _joined(written)


def _joined(written: list[str]) -> str:
    """Put brackets around what is summed, where each term has the index of the sum, and join."""
    if _SUM in written:
        first = written.index(_SUM) + 1
        marked = ["\n" if part in ("+", "-") else part for part in written[first:]]
        terms = " ".join(marked).split("\n")
        if len(terms) > 1 and all(re.search(r"_\{?i", term) for term in terms):
            written = [*written[:first], "[", *written[first:], "]"]
    return " ".join(written)


def _word(word: str, tokens: list) -> tuple[str, str]:
    """Return a name, with the digits that touch it as its index, and its kind."""
    if word in ("sqrt", "abs"):
        if not tokens or tokens.pop()[0] != "(":
            raise _UnsureError
        inner = _read(tokens, ")")
        return (rf"\sqrt{{{inner}}}" if word == "sqrt" else f"|{inner}|"), "factor"
    if word == "sum":
        over_i = any(one == "i" for one, _ in tokens) and tokens[-1][0] != "_"
        return _SUM if over_i else r"\sum", "function"
    known = word in _GREEK.split() or word in _FUNCTIONS.split()
    if len(word) > 1 and not known:
        raise _UnsureError
    written = f"\\{word}" if known else word
    if tokens and tokens[-1][1] and tokens[-1][0].isdigit():
        written += "_" + _braced(tokens.pop()[0])
    return written, "function" if word in _FUNCTIONS.split() else "factor"


def _number(number: str, tokens: list, divided: bool) -> str:
    """Return a number, or the fraction that begins with it: 1/2 x, but not 1/2x, 1/2^x or 3/1/2."""
    (slash, _), (below, _), (after, touches) = [*tokens[:-4:-1], *[("", False)] * 3][:3]
    goes_on = after in ("^", "/") or (touches and (after.isalpha() or after in _CLOSING))
    if slash == "/" and below.isdigit() and not divided and not goes_on:
        del tokens[-2:]
        return rf"\frac{{{number}}}{{{below}}}"
    return number


def _script(tokens: list) -> str:
    """Return an exponent or an index: a number, a letter or a bracket, with its sign."""
    token, _ = tokens.pop() if tokens else ("", False)
    if token in ("-", "+"):
        return token + _script(tokens)
    if token == "(":
        return _read(tokens, ")").replace(" + ", "+").replace(" - ", "-")
    if token[:1].isdigit():
        return token
    if token.isalpha():
        word, kind = _word(token, tokens)
        if kind == "factor":
            return word
    raise _UnsureError


def _braced(script: str) -> str:
    return script if len(script) == 1 else f"{{{script}}}"
