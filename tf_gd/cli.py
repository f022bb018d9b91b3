"""The command ``tf-gd``: run, compare, tour, list, doctor.

Exit codes: 0 done; 1 the run diverged, the comparison failed or a claim does not hold; 2 wrong usage; 130 Ctrl-C;
143 SIGTERM.
Only the commands that compute import TensorFlow, so that ``--help`` and ``list`` answer at once.
"""

import argparse
import importlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from tf_gd import __version__
from tf_gd._signals import ends_on_sigterm

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Examples:
        >>> main(["list", "--json"])  # doctest: +ELLIPSIS
        {"objectives": [{"name": "beale", ...
        0
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        with ends_on_sigterm():
            return options.command(options)
    except (ValueError, TypeError) as error:
        print(f"tf-gd {options.name}: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"tf-gd {options.name}: stopped by Ctrl-C", file=sys.stderr)
        return INTERRUPTED


def _list(options) -> int:
    from tf_gd import tutorials
    from tf_gd.toy import objectives

    known = [objectives.get(name) for name in objectives.names()]
    scripts = tutorials.find()
    if options.json:
        functions = [
            {"name": o.name, "dim": o.dim, "formula": o.formula, "start": o.start, "minima": o.minima, "domain": o.domain}
            for o in known
        ]
        return _print_json({"objectives": functions, "tutorials": [{"name": s.name, "title": s.title} for s in scripts]})
    print("Objectives (tf-gd run NAME, tf-gd compare NAME)\n")
    for objective in known:
        print(f"  {objective.name:<18}{objective.dim}-D  {objective.formula[:54]}")
    print("\nTutorials (tf-gd tour, tf-gd tour NAME)\n")
    for script in scripts:
        print(f"  {script.name:<24}{script.title}")
    return DONE


def _run(options) -> int:
    _start_tensorflow(options)
    import tf_gd

    directory = _writable(options.output_dir)
    path = tf_gd.gradient_descent(
        _objective(options.objective), tolerance=options.tolerance, checkpoint=options.checkpoint, **_settings(options)
    )
    stem = path.settings["objective"]
    files = _save(
        directory, {f"{stem}_path.png": path.plot(), f"{stem}_loss.png": tf_gd.show.plot_losses({"by hand": path})}
    )
    files.append(str(path.save(directory / f"{stem}.npz")))
    if options.json:
        _print_json({**path.report(), "settings": path.settings, "files": files})
    else:
        print(tf_gd.show.table(["", "by hand"], [[key, value] for key, value in path.summary().items()]))
        print("\nsaved " + "\nsaved ".join(files))
    if path.outcome in ("diverged", "non_finite"):
        smaller = f"--learning-rate={options.learning_rate / 10:g}"
        print(f"\nthe run went up instead of down: try a smaller rate, {smaller}", file=sys.stderr)
    _show(options)
    return {"converged": DONE, "max_steps": DONE, "interrupted": INTERRUPTED}.get(path.outcome, FAILED)


def _compare(options) -> int:
    _start_tensorflow(options)
    import tf_gd

    directory = _writable(options.output_dir)
    result = tf_gd.compare(_objective(options.objective), **_settings(options))
    stem = result.manual.settings["objective"]
    files = _save(directory, {f"{stem}_distance.png": result.plot(), f"{stem}_path.png": result.manual.plot()})
    if options.json:
        _print_json({**result.report(), "settings": result.manual.settings, "files": files})
    else:
        print(result)
        print("\nsaved " + "\nsaved ".join(files))
    _show(options)
    return DONE if result.identical else FAILED


def _tour(options) -> int:
    from tf_gd import tutorials

    chosen = tutorials.choose(options.tutorials)
    directory = _writable(options.output_dir)
    _start_tensorflow(options)
    from tf_gd import tour

    report = tour.run(chosen, directory)
    if options.json:
        _print_json(report.as_dict())
    else:
        print(report.table())
        print(f"\n{report.verdict()}\nopen {directory / 'index.html'}")
    if options.show:
        import webbrowser

        webbrowser.open((directory / "index.html").resolve().as_uri())
    return DONE if report.holds else FAILED


def _launch(options) -> int:
    from tf_gd import _checks, launch

    workers = _checks.whole_number("--workers", options.workers, minimum=1, maximum=1000)
    return launch.launch(options.script, options.arguments, workers)


def _doctor(options) -> int:
    from tf_gd import doctor

    findings = doctor.examine()
    print(json.dumps(findings.as_dict(), indent=2) if options.json else findings.text())
    return DONE if findings.healthy else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tf-gd", description="Gradient descent you can read, check and race.")
    parser.add_argument("--version", action="version", version=f"tf-gd {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name, function, text, *, output_dir=None):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=function, name=name)
        sub.add_argument("--json", action="store_true", help="print JSON for a program to read")
        if output_dir:
            sub.add_argument("--output-dir", metavar="DIR", default=output_dir, help="where to write; default: %(default)s")
            sub.add_argument("--show", action="store_true", help="open what was drawn")
        return sub

    tour = command(
        "tour", _tour, "run the tutorials, check every number they state, and make a page of it", output_dir="tour"
    )
    tour.add_argument("tutorials", nargs="*", metavar="TUTORIAL", help="names or numbers, for example 04; all by default")
    command("list", _list, "list the objectives and the tutorials")
    for name, function, text in (
        ("run", _run, "minimise a function by hand-written gradient descent"),
        ("compare", _compare, "run the update by hand and keras.optimizers.SGD side by side"),
    ):
        _add_run_options(command(name, function, text, output_dir="pictures"), tolerance=name == "run")
    several = commands.add_parser("launch", help="run a script as several workers on this machine")
    several.set_defaults(command=_launch, name="launch")
    several.add_argument("--workers", type=int, default=2, metavar="N", help="how many; default: %(default)s")
    several.add_argument("script", metavar="SCRIPT", help="a Python file with a tf.distribute.MultiWorkerMirroredStrategy")
    several.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    command("doctor", _doctor, "print versions and devices, and what is wrong with them")
    return parser


def _add_run_options(sub: argparse.ArgumentParser, *, tolerance: bool) -> None:
    sub.add_argument("objective", metavar="OBJECTIVE", help="a name from `tf-gd list`, or module:function of your own")
    sub.add_argument("--start", metavar="X1,X2,...", help="the first point, for example --start=-1.2,1")
    sub.add_argument("--learning-rate", type=float, default=0.01, metavar="RATE", help="default: %(default)s")
    sub.add_argument("--momentum", type=float, default=0.0, metavar="M", help="from 0 to 1; default: %(default)s")
    sub.add_argument("--nesterov", action="store_true", help="look ahead along the velocity")
    sub.add_argument("--steps", type=int, default=1000, metavar="N", help="default: %(default)s")
    sub.add_argument("--record-every", type=int, default=1, metavar="N", help="default: %(default)s")
    sub.add_argument("--mode", default="auto", metavar="MODE", help="auto, eager, graph or xla; default: %(default)s")
    sub.add_argument("--dtype", default="float32", metavar="TYPE", help="float32 or float64; default: %(default)s")
    sub.add_argument("--device", default="auto", metavar="NAME", help="CPU or GPU:0; default: the CPU")
    if tolerance:
        sub.add_argument("--checkpoint", metavar="DIR", help="keep the run here, and go on with it if it was killed")
        sub.add_argument("--tolerance", type=float, metavar="T", help="stop when the gradient norm is at most this")


def _settings(options) -> dict[str, Any]:
    names = ("learning_rate", "momentum", "nesterov", "steps", "record_every", "mode", "dtype", "device")
    return {"start": _point(options.start), **{name: getattr(options, name) for name in names}}


def _point(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"--start: got {text!r}, expected numbers with commas between, as in --start=-1.2,1.") from None


def _objective(name: str):
    """Return the name as it is, or for ``module:function`` what that module calls by that name."""
    module_name, separator, attribute = name.partition(":")
    if not separator:
        return name
    sys.path.insert(0, os.getcwd())  # as `python -m` does  # noqa: PTH109
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        raise ValueError(
            f"objective: got {name!r}, but cannot import {module_name!r} ({type(error).__name__}: {error}). "
            "Expected module:function, of a module in this folder that imports without error."
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise ValueError(f"objective: got {name!r}, expected a function called {attribute!r} in {module.__file__}.")
    return function


def _start_tensorflow(options) -> None:
    from tf_gd._quiet import quiet_tensorflow

    quiet_tensorflow(cpus=2 if options.name == "tour" else 1)
    if not options.show:
        import matplotlib

        matplotlib.use("Agg")


def _writable(name: str) -> Path:
    """Return the directory, made if it is not there."""
    directory = Path(name)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ".tf_gd").touch()
        (directory / ".tf_gd").unlink()
    except OSError as error:
        raise ValueError(
            f"--output-dir: cannot write to {directory} ({error.strerror}), expected a directory you may write to. "
            "Choose another, for example --output-dir=pictures."
        ) from error
    return directory


def _save(directory: Path, pictures: dict[str, Any]) -> list[str]:
    from tf_gd import show

    return [str(show.write(axes, directory / name)) for name, axes in pictures.items()]


def _show(options) -> None:
    if options.show:
        import matplotlib
        import matplotlib.pyplot as plt

        if matplotlib.get_backend().lower() in ("agg", "pdf", "svg", "ps", "cairo", "template"):
            print(f"--show: there is no display; the pictures are in {options.output_dir}", file=sys.stderr)
        else:
            plt.show()


def _print_json(value) -> int:
    print(json.dumps(_plain(value), allow_nan=False))
    return DONE


def _plain(value):
    """Return the value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
