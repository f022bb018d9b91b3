"""The options of ``tf-gd``, and errors in their words."""

import argparse
import difflib
import re
from collections.abc import Callable, Sequence

from tf_gd import __version__

_NUMBERS = re.compile(r"[-+.,0-9e]*[0-9][-+.,0-9e]*")

_FIRST = """begin with one of these:
  tf-gd tour                run the tutorials, and make a page of what they show
  tf-gd list                see the functions and the tutorials
  tf-gd run himmelblau      descend on one of the functions
  tf-gd compare himmelblau  by hand and keras.optimizers.SGD, side by side
"""
_RUN = """examples:
  tf-gd run himmelblau --learning-rate=0.01
  tf-gd run rosenbrock --learning-rate=0.001 --momentum=0.9 --steps=5000
  tf-gd run my_module:my_function --start=1,2
"""
_COMPARE = """examples:
  tf-gd compare rosenbrock --learning-rate=0.001 --momentum=0.9 --nesterov
  tf-gd compare my_module:my_function --start=1,2
"""
_EXPLORE = """examples:
  tf-gd explore
  tf-gd explore cosine_wave --start=10 --learning-rate=2
  tf-gd explore my_module:my_function --start=1,2
"""
_EXPLAIN = """example:
  tf-gd explain my_module:train_step --model my_module:build_model --data my_module:data

data is (x, y), (x, y, sample_weight) or batches, or a function that returns them.
Optimizer and loss are those that the model is compiled with, or --optimizer and --loss.
"""
_EXERCISES = """actions:
  start [FOLDER]   copy the files to write in; default: exercises
  list             what is done, and what comes next
  check [NAME ..]  check a file, or all
  watch            check each file when it is saved
  hint NAME        what is wrong; again, and it says more, up to three times
  reset NAME       get a file back as it was
  solution NAME    show the solution, once it is solved, or with --give-up
"""
_TOUR = """examples:
  tf-gd tour
  tf-gd tour 04 08
"""
_LAUNCH = """example:
  tf-gd launch --workers 2 train.py --epochs 3
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors name the closest command or option."""

    known: Sequence[str] = ()  # the commands

    def error(self, message: str):
        """Print the usage and the message, and exit with code 2."""
        mistyped = re.search(r"unrecognized arguments: (\S+)|invalid choice: '([^']*)'", message)
        if mistyped:
            word = (mistyped[1] or mistyped[2]).partition("=")[0]
            options = [option for option in self._option_string_actions if option.startswith("--")]
            for meant in difflib.get_close_matches(word, [*self.known, *options], n=1, cutoff=0.5):
                message += f" Did you mean {meant!r}?"
        super().error(message)

    def parse_args(self, args=None, namespace=None):
        """Return the options; an unknown one is an error of the command it was typed for."""
        options, rest = self.parse_known_args(args, namespace)
        if hasattr(options, "action") and not any(word.startswith("-") for word in rest):
            options.names, rest = [*options.names, *rest], []  # those behind an option
        if rest:
            of = getattr(options, "parser", self)
            of.error(f"unrecognized arguments: {' '.join(rest)}")
        return options


def joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments, with the numbers after ``--start`` joined: ``--start=-1,2``.

    Examples:
        >>> joined(["run", "booth", "--start", "-1", "2", "--json"])
        ['run', 'booth', '--start=-1,2', '--json']
    """
    with_start = ("run", "compare", "explore")
    if not arguments or arguments[0] not in with_start:  # a script has options of its own
        return list(arguments)
    result: list[str] = []
    for word in arguments:
        within = bool(result) and result[-1].partition("=")[0] == "--start"
        if within and _NUMBERS.fullmatch(word):
            result[-1] += ("," if "=" in result[-1] else "=") + word.strip(",")
        else:
            result.append(word)
    return result


def parser(commands: dict[str, Callable]) -> argparse.ArgumentParser:
    """Return the parser; ``options.command`` is the function of the command that was typed."""
    whole = _Parser(
        prog="tf-gd",
        description="Gradient descent you can read, check and race.",
        epilog=_FIRST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"tf-gd {__version__}")
    whole.set_defaults(command=None)
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND")
    whole.known = list(commands)

    def command(name, text, usage, examples=None):
        sub = subparsers.add_parser(
            name,
            help=text,
            usage=f"tf-gd {name} {usage}".rstrip(),
            description=text[0].upper() + text[1:] + ".",
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=commands[name], name=name, parser=sub)
        return sub

    text = "run the tutorials, and check their numbers"
    tour = command("tour", text, "[TUTORIAL ...] [options]", _TOUR)
    text = "numbers or names; default: all"
    tour.add_argument("tutorials", nargs="*", metavar="TUTORIAL", help=text)
    _output(tour, "tour", "open the page in a browser")
    listing = command("list", "list the functions and the tutorials", "[--json]")
    _output(listing)
    run = command("run", "minimise a function by hand", "OBJECTIVE [options]", _RUN)
    _descent(run)
    text = "stop when the norm of the gradient is at most this"
    run.add_argument("--tolerance", type=float, metavar="T", help=text)
    text = "write checkpoints here, and resume from them"
    run.add_argument("--checkpoint", metavar="DIR", help=text)
    _output(run, "pictures", "open the pictures in a window")
    run.add_argument("--save-data", action="store_true", help="write the numbers as well, NAME.npz")
    text = "run by hand and keras.optimizers.SGD side by side"
    compare = command("compare", text, "OBJECTIVE [options]", _COMPARE)
    _descent(compare)
    _output(compare, "pictures", "open the pictures in a window")
    text = "open a page: drag the start, slide the rate, see both paths"
    explore = command("explore", text, "[OBJECTIVE] [options]", _EXPLORE)
    text = "a name from tf-gd list, or module:function; default: %(default)s"
    explore.add_argument(
        "objective", nargs="?", default="rosenbrock", metavar="OBJECTIVE", help=text
    )
    explore.add_argument("--start", metavar="X1,X2", help="to begin with, as --start=-1.2,1")
    text = "to begin with; default: 1/L at the first minimum, rounded down"
    explore.add_argument("--learning-rate", type=float, metavar="RATE", help=text)
    for name, metavar, of, default in (
        ("momentum", "M", float, 0.0),
        ("weight-decay", "W", float, None),
        ("steps", "N", int, 200),
    ):
        text = "to begin with; default: %(default)s"
        explore.add_argument(f"--{name}", type=of, default=default, metavar=metavar, help=text)
    explore.add_argument("--nesterov", action="store_true", help="begin with Nesterov's momentum")
    explore.add_argument("--port", type=int, metavar="N", help="default: any that is free")
    explore.add_argument("--no-browser", action="store_true", help="only print the address")
    text = "say why a training step of your own differs from Keras's"
    explain = command("explain", text, "STEP --model MODEL --data DATA [options]", _EXPLAIN)
    text = "module:function of your own, train_step(model, x, y) -> loss"
    explain.add_argument("train_step", metavar="STEP", help=text)
    text = "module:function that returns a new model at each call"
    explain.add_argument("--model", metavar="MODEL", required=True, help=text)
    text = "module:name of the training data"
    explain.add_argument("--data", metavar="DATA", required=True, help=text)
    text = "a name, as sgd, or module:function that returns one"
    explain.add_argument("--optimizer", metavar="NAME", help=text)
    explain.add_argument("--loss", metavar="NAME", help="a name, as mse, or module:name")
    for name, default, text in (
        ("batch-size", 32, "samples in a batch"),
        ("steps", 10, "how many"),
    ):
        shown = f"{text}; default: %(default)s"
        explain.add_argument(f"--{name}", type=int, default=default, metavar="N", help=shown)
    _output(explain)
    text = "write the loops of the course, and have them checked"
    exercises = command("exercises", text, "ACTION [NAME ...] [options]", _EXERCISES)
    actions = ("start", "list", "check", "watch", "hint", "reset", "solution")
    exercises.add_argument("action", choices=actions, metavar="ACTION", help="see below")
    text = "names, numbers or files of exercises"
    exercises.add_argument("names", nargs="*", metavar="NAME", help=text)
    text = "where the files are; default: here, or in exercises"
    exercises.add_argument("--folder", metavar="DIR", help=text)
    text = "with start: a folder with exercises of your own"
    exercises.add_argument("--course", metavar="DIR", help=text)
    text = "of the values drawn; others each time by default"
    exercises.add_argument("--seed", type=int, metavar="N", help=text)
    text = "with solution: show it unsolved"
    exercises.add_argument("--give-up", action="store_true", help=text)
    _output(exercises)
    text = "run a script as several workers on this machine"
    launch = command("launch", text, "[--workers N] SCRIPT ...", _LAUNCH)
    text = "how many; default: %(default)s"
    launch.add_argument("--workers", type=int, default=2, metavar="N", help=text)
    launch.add_argument("script", metavar="SCRIPT", help="one with a MultiWorkerMirroredStrategy")
    launch.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    doctor = command("doctor", "print versions and devices, and what is wrong", "[--json]")
    _output(doctor)
    return whole


def say_what_to_do_first(whole: argparse.ArgumentParser) -> None:
    """Print the usage and a few commands to begin with, and exit with code 2."""
    whole.exit(2, f"{whole.format_usage()}\n{_FIRST}\nall commands: tf-gd --help\n")


def as_typed(message: str, options: argparse.Namespace) -> str:
    """Return an error of the library in the words of the command line.

    Examples:
        >>> options = argparse.Namespace(learning_rate=0.0, start=None)
        >>> as_typed("learning_rate: got 0, for example learning_rate=0.1", options)
        '--learning-rate: got 0, for example --learning-rate=0.1'
        >>> as_typed("start: got 1 coordinates, for example [1.0, 2.0].", options)
        '--start: got 1 coordinates, for example --start=1.0,2.0.'
    """
    if " raised " in message:  # the rest is what the user's own code says
        return message
    for name in sorted(
        vars(options).keys() - {"objective", "tutorials", "script", "name", "parser", "train_step"}
    ):
        typed = f"--{name.replace('_', '-')}"
        message = re.sub(rf"^{name}: ", f"{typed}: ", message)
        message = re.sub(rf"(?<![\w-]){name}=", f"{typed}=", message)
    if message.startswith("--start: "):
        for words, point in re.findall(r"(for example|such as) \[([^\]]*)\]", message):
            typed = f"{words} --start={point.replace(' ', '')}"
            message = message.replace(f"{words} [{point}]", typed)
    return message


def _descent(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    text = "a name from tf-gd list, or module:function of your own"
    add("objective", metavar="OBJECTIVE", help=text)
    add("--start", metavar="X1,X2,...", help="the first point, for example --start=-1.2,1")
    for name, metavar, default, text in (
        ("learning-rate", "RATE", 0.01, "a step is this times the gradient"),
        ("momentum", "M", 0.0, "share of the last step to keep, 0 to 1"),
        ("steps", "N", 1000, "how many"),
        ("record-every", "N", 1, "record every N-th point"),
        ("mode", "MODE", "auto", "auto, eager, graph or xla"),
        ("dtype", "TYPE", "float32", "float32 or float64"),
        ("device", "NAME", "auto", "auto (the CPU), CPU or GPU:0"),
    ):
        shown = f"{text}; default: %(default)s"
        add(f"--{name}", type=type(default), default=default, metavar=metavar, help=shown)
    add("--nesterov", action="store_true", help="with momentum: look ahead along the last step")
    text = "take this times the rate off the point in each step"
    add("--weight-decay", type=float, metavar="W", help=text)


def _output(sub: argparse.ArgumentParser, directory: str = "", show: str = "") -> None:
    if directory:
        text = "where to write; default: %(default)s"
        sub.add_argument("--output-dir", metavar="DIR", default=directory, help=text)
        sub.add_argument("--show", action="store_true", help=show)
    sub.add_argument("--json", action="store_true", help="print JSON for a program to read")
