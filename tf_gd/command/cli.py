"""The command ``tf-gd``: tour, list, run, compare, explore, explain, exercises, launch, doctor.

Exit codes: 0 done; 1 diverged, not identical or a claim fails; 2 usage, or something is missing;
130 Ctrl-C (0 where a command only waits for it); 141 closed pipe; 143 SIGTERM.
Only the commands that compute import TensorFlow, so that ``--help`` and ``list`` answer at once.
"""

import sys
import textwrap
from typing import Any

from tf_gd._signals import TERMINATED, ends_on_sigterm
from tf_gd.command import command_line, output
from tf_gd.command.modules import objective_of, point_of, raised

DONE, FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Examples:
        >>> main(["list", "--json"])  # doctest: +ELLIPSIS
        {"objectives": [{"name": "beale", ...
        0
    """
    commands = {
        "tour": _tour,
        "list": _list,
        "run": _run,
        "compare": _compare,
        "explore": _explore,
        "explain": _explain,
        "exercises": _exercises,
        "launch": _launch,
        "doctor": _doctor,
    }
    parser = command_line.parser(commands)
    options = parser.parse_args(
        command_line.joined(sys.argv[1:] if arguments is None else arguments)
    )
    if options.command is None:
        command_line.say_what_to_do_first(parser)
    output.replace_what_cannot_be_shown()
    try:
        with ends_on_sigterm(), output.json_alone(options):
            code = options.command(options)
            if sys.stdout is not None:  # as where it was closed before the start
                sys.stdout.flush()
            return code
    except (ValueError, TypeError) as error:
        message = command_line.as_typed(str(error), options)
        print(f"tf-gd {options.name}: {message}", file=sys.stderr)
        return USAGE
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name
        advice = f". Install it: python -m pip install {missing.split('.')[0]}" if missing else ""
        print(f"tf-gd {options.name}: {raised(error)}{advice}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        output.close_standard_output()  # who reads it is gone: nobody is to be told
        return CLOSED_PIPE
    except OSError as error:
        output.close_standard_output()
        print(f"tf-gd {options.name}: {raised(error)}", file=sys.stderr)
        return USAGE
    except SystemExit as error:
        if error.code == TERMINATED:
            raise
        said = f"your code ended the program with {error.code!r}"
        print(f"tf-gd {options.name}: {said}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"tf-gd {options.name}: stopped by Ctrl-C", file=sys.stderr)
        return INTERRUPTED


def _list(options) -> int:
    from tf_gd.command import listing, tutorials
    from tf_gd.toy import objectives

    known = [objectives.get(name) for name in objectives.names()]
    scripts = tutorials.find()
    if not options.json:
        print(listing.listing(known, scripts))
        return DONE
    shown = ("name", "dim", "formula", "start", "minima", "domain")
    functions = [{key: getattr(objective, key) for key in shown} for objective in known]
    named = [{"name": one.name, "title": one.title, "part": one.part} for one in scripts]
    output.print_json({"objectives": functions, "tutorials": named})
    return DONE


def _run(options) -> int:
    _check(options)
    output.start_tensorflow(options)
    import tf_gd

    directory = output.writable(options.output_dir)
    objective = objective_of(options)
    settings = {**_settings(options), "tolerance": options.tolerance}
    path = tf_gd.gradient_descent(objective, checkpoint=options.checkpoint, **settings)
    stem = output.file_name(path.settings["objective"])
    losses = tf_gd.show.plot_losses({"by hand": path})
    files = output.save(directory, {f"{stem}_path.png": path.plot(), f"{stem}_loss.png": losses})
    if options.save_data:
        files.append(str(path.save(directory / f"{stem}.npz")))
    if options.json:
        output.print_json({**path.report(), "settings": path.settings, "files": files})
    else:
        print(f"{_title(path)}\n")
        print(tf_gd.show.table(["", "by hand"], [list(row) for row in path.summary().items()]))
        print("\nsaved " + "\nsaved ".join(files))
    _advise(path, settings)
    output.show(options)
    known = {"converged": DONE, "max_steps": DONE, "interrupted": INTERRUPTED}
    return known.get(path.outcome, FAILED)


def _title(path) -> str:
    """Return what was run: the function, its start and its settings."""
    used = path.settings
    start = ", ".join(f"{x:g}" for x in path.points[0])
    momentum = f", momentum {used['momentum']:g}" if used["momentum"] else ""
    kind = " (Nesterov)" if used["nesterov"] and used["momentum"] else ""
    rate = f"learning rate {used['learning_rate']:g}"
    decay = f", weight decay {used['weight_decay']:g}" if "weight_decay" in used else ""
    return f"{used['objective']} from ({start}), {rate}{momentum}{kind}{decay}"


def _check(options) -> None:
    """Check the options before importing TensorFlow, which takes seconds."""
    from tf_gd import _checks
    from tf_gd.toy import objectives

    if ":" not in options.objective:
        objectives.get(options.objective)
    _checks.number("learning_rate", options.learning_rate, above=0.0)
    _checks.number("momentum", options.momentum, minimum=0.0, maximum=1.0)
    if options.weight_decay is not None:
        _checks.number("weight_decay", options.weight_decay, minimum=0.0)
    _checks.whole_number("steps", options.steps, minimum=0)
    _checks.whole_number("record_every", options.record_every, minimum=1)
    if options.start is not None:
        _point(options)
    if options.nesterov and not options.momentum:
        said = "--nesterov does nothing without a momentum. Add one, for example --momentum=0.9."
        print(said, file=sys.stderr)


def _advise(path, settings: dict[str, Any]) -> None:
    """After a run that went up, say on standard error which rate theory allows."""
    if path.outcome in ("diverged", "non_finite"):
        from tf_gd.command.advice import advice

        said = textwrap.fill(advice(path, settings), 80, break_on_hyphens=False)
        print(f"\n{said}", file=sys.stderr)


def _compare(options) -> int:
    _check(options)
    output.start_tensorflow(options)
    import tf_gd

    directory = output.writable(options.output_dir)
    settings = _settings(options)
    result = tf_gd.compare(objective_of(options), **settings)
    stem = output.file_name(result.manual.settings["objective"])
    drawn = {f"{stem}_distance.png": result.plot(), f"{stem}_path.png": result.manual.plot()}
    files = output.save(directory, drawn)
    if options.json:
        output.print_json({**result.report(), "settings": result.manual.settings, "files": files})
    else:
        print(result)
        print("\nsaved " + "\nsaved ".join(files))
    _advise(result.manual, settings)
    output.show(options)
    return DONE if result.identical else FAILED


def _explore(options) -> int:
    from tf_gd.command import exploring

    return exploring.explore(options)


def _explain(options) -> int:
    from tf_gd.command import explaining

    return explaining.explain(options)


def _exercises(options) -> int:
    from tf_gd.command import exercising

    return exercising.exercises(options)


def _tour(options) -> int:
    from tf_gd.command import tutorials

    chosen = tutorials.choose(options.tutorials)
    directory = output.writable(options.output_dir)
    from tf_gd.command import tour

    page = directory / "index.html"
    report = tour.run(chosen, directory, say=None if options.json else _say)
    if options.json:
        output.print_json(report.as_dict())
    else:
        failing = [stop.number for stop in report.stops if not stop.holds]
        again = f"\nto run those that fail again: tf-gd tour {' '.join(failing)}" if failing else ""
        print(f"\n{report.verdict()}{again}\nopen {page}")
    if options.show:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return DONE if report.holds else FAILED


def _say(line: str) -> None:
    print(line, flush=True)


def _launch(options) -> int:
    from tf_gd import _checks
    from tf_gd.command import launch

    workers = _checks.whole_number("--workers", options.workers, minimum=1, maximum=1000)
    return launch.launch(options.script, options.arguments, workers)


def _doctor(options) -> int:
    from tf_gd.command import doctor

    findings = doctor.examine()
    if options.json:
        output.print_json(findings.as_dict(), indent=2)
    else:
        print(findings.text())
    return DONE if findings.healthy else FAILED


def _settings(options) -> dict[str, Any]:
    numbers = ("learning_rate", "momentum", "nesterov", "weight_decay", "steps", "record_every")
    names = (*numbers, "mode", "dtype", "device")
    return {"start": _point(options), **{name: getattr(options, name) for name in names}}


def _point(options) -> list[float] | None:
    return point_of(options, needed=":" in options.objective)
