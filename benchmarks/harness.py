"""What the benchmarks share: contestants that run by turns, medians, ratios, spreads, the table.

A contestant is a function that prepares and returns what is timed. Those that are ``"here"`` run
in one process. The others run in a process for each label: ``"peers"`` in the environment of
``--peers PATH``, any other label in ours, with settings of its own. No two run at the same time.
"""

import argparse
import contextlib
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
QUICK = "--quick" in sys.argv
OPTIONAL = {"jax", "jaxlib", "optax", "torch"}  # without them a contestant is left out


def size(full, quick):
    """Return a size of the benchmark, which ``--quick`` makes tiny."""
    return quick if QUICK else full


class Contestant(NamedTuple):
    """``build()`` prepares and returns a function; a round takes the median of its calls."""

    build: Callable[[], Callable[[], Any]]
    steps: int = 1  # of one call; times are those of one step
    calls: int = 1
    where: str = "here"


@dataclass
class Times:
    """Seconds: of the first call, and of a step in each round. ``value``: what was returned."""

    first: float
    value: Any
    each: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.each)

    def ratios(self, base: "Times") -> list[float]:
        """Return how many times as long as ``base`` this took, in each round."""
        return [mine / other for mine, other in zip(self.each, base.each, strict=True)]


def timed(run) -> tuple[float, Any]:
    """Return the seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value


def grown(run) -> tuple[int, float, Any]:
    """Return by how many bytes the peak of memory grows in a call, its seconds and its value."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, value = timed(run)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, seconds, value


def race(contestants: dict[str, Contestant], options, rounds=None) -> dict[str, Times]:
    """Call each once, which compiles, then by turns, the order reversed from round to round."""
    with contextlib.ExitStack() as stack:
        ready = _prepare(contestants, options, stack)
        times = {name: Times(*ready[name]()) for name in contestants if name in ready}
        for number in range(options.rounds if rounds is None else rounds):
            for name in list(times)[:: -1 if number % 2 else 1]:
                _, steps, calls, _ = contestants[name]
                measured = [ready[name]() for _ in range(calls)]
                times[name].value = measured[-1][1]
                times[name].each.append(statistics.median(each for each, _ in measured) / steps)
    return times


def first_calls(contestants: dict[str, Contestant], options) -> dict[str, Times]:
    """Time first calls: in each round, by turns, of processes that have just started."""
    found = []
    for number in range(options.rounds):
        order = list(contestants)[:: -1 if number % 2 else 1]
        found.append(race({name: contestants[name] for name in order}, options, rounds=0))
    firsts = {name: [times[name].first for times in found] for name in found[0]}
    return {name: Times(each[0], None, each) for name, each in firsts.items()}


def show(times: dict[str, Times], base: str, unit: str = "ms", **columns: dict[str, str]) -> str:
    """Return the table of a race, the ratios being to ``base``, with more columns if given."""
    rows, scale = [], {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    for name, measured in times.items():
        ratio = statistics.median(measured.ratios(times[base]))
        shown = [digits(measured.median * scale), spread(measured.each), digits(ratio)]
        more = [column.get(name, "") for column in columns.values()]
        rows.append([name, *shown, f"{measured.first:.2f}", *more])
    return table(["", unit, "spread", "ratio", "first, s", *columns], rows)


def table(headers, rows) -> str:
    """Return a table of at most 80 columns."""
    from tf_gd.show import table  # here, because the peers' environment has no tf_gd

    return table(headers, rows)


def digits(number: float) -> str:
    """Return a number to three digits, or in whole ones."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def spread(numbers: list[float]) -> str:
    """Return the distance of the largest from the smallest, as a share of the median."""
    return f"{(max(numbers) - min(numbers)) / statistics.median(numbers):.0%}"


def main(doc, contestants, title="", unit="ms", *, report=None, check=None, rounds=5) -> None:
    """Run a benchmark from the command line.

    Without a ``report`` of its own that is one race, whose table has the ratios to the first of the
    ``contestants``, after a ``check`` of what they returned.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--peers", help="the Python that has jax, optax, torch")
    parser.add_argument("--rounds", type=int, default=size(rounds, 1))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does all still run?")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve({name: contestants[name] for name in options.serve})
    elif report:
        report(options)
    else:
        times = race(contestants, options)
        if check:
            check(times)
        print(f"{title}\n\n{show(times, next(iter(times)), unit)}")


def _prepare(contestants, options, stack) -> dict[str, Callable]:
    """Build all that can be, by name; say what is left out and why."""
    processes, ready, absent = {}, {}, {}
    for where in dict.fromkeys(contestant.where for contestant in contestants.values()):
        names = [name for name in contestants if contestants[name].where == where]
        python = options.peers if where == "peers" else sys.executable
        if where == "here":
            continue
        if python is None or not Path(python).exists():
            reason = f"{python} is not there" if python else "no --peers PATH given"
            absent |= dict.fromkeys(names, reason)
        else:
            processes[where] = stack.enter_context(_Process(python, names, where))
    for process in processes.values():
        absent |= process.answer()
        ready |= {name: functools.partial(process.ask, name) for name in process.names}
    for name, contestant in contestants.items():
        if contestant.where == "here":
            ready[name] = functools.partial(timed, contestant.build())
    for reason in dict.fromkeys(absent.values()):
        names = dict.fromkeys(name.split(": ")[0] for name in absent if absent[name] == reason)
        print(textwrap.fill(f"Left out ({reason}): {'; '.join(names)}.", 80), end="\n\n")
    return {name: run for name, run in ready.items() if name not in absent}


class _Process:
    """Contestants in a process of their own, which calls one when it is asked to."""

    def __init__(self, python: str, names: list[str], where: str):
        command = [python, sys.argv[0], *["--quick"] * QUICK, "--serve", *names]
        environment = os.environ | ({"KERAS_BACKEND": "jax"} if where == "peers" else {})
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.names, self.process = names, subprocess.Popen(command, env=environment, **pipes)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{', '.join(self.names)}: ended with exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, name: str):
        print(name, file=self.process.stdin, flush=True)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def _serve(contestants) -> None:
    """Build, say which cannot be for want of a package, then call those that are asked for."""
    ready, absent = {}, {}
    with contextlib.redirect_stdout(sys.stderr):  # so that only answers go to the pipe
        for name, contestant in contestants.items():
            try:
                ready[name] = contestant.build()
            except ModuleNotFoundError as error:
                if str(error.name).partition(".")[0] not in OPTIONAL:
                    raise
                absent[name] = f"no {error.name} in that environment"
        print(json.dumps(absent), file=sys.__stdout__, flush=True)
        for line in sys.stdin:
            print(json.dumps(timed(ready[line.rstrip("\n")])), file=sys.__stdout__, flush=True)
