"""``tf-gd exercises``: start, list, check, watch, hint, reset, solution."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from tf_gd.command import output
from tf_gd.exercises import folder as folders
from tf_gd.exercises.exercise import Exercise
from tf_gd.exercises.folder import Folder
from tf_gd.exercises.report import Report
from tf_gd.exercises.worker import Worker

_POLL = 0.2  # seconds between two looks at the files


def exercises(options) -> int:
    """Run ``tf-gd exercises``; return the exit code."""
    if options.action == "start":
        return _start(options)
    folder = Folder(folders.find(options.folder))
    actions: dict[str, Callable] = {
        "list": _list,
        "check": _check,
        "watch": _watch,
        "hint": _hint,
        "reset": _reset,
        "solution": _solution,
    }
    return actions[options.action](folder, options)


def _start(options) -> int:
    where = Path(options.names[0]) if options.names else folders.find(options.folder)
    folder, copied = folders.start(where, options.course)
    print(f"{len(copied)} files copied to {folder.path}; what was there stays.\n")
    print(folders.table(folder))
    return 0


def _list(folder: Folder, options) -> int:
    if not options.json:
        print(folders.table(folder))
        return 0
    every = [
        {"name": one.name, "title": one.title, "passed": folder.passed(one)}
        for one in folder.exercises.values()
    ]
    output.print_json({"exercises": every})
    return 0


def _check(folder: Folder, options) -> int:
    every = list(folder.exercises.values())
    chosen = [folder.named(name) for name in options.names] or every
    reports = []
    with Worker() as worker:
        for exercise in chosen:
            report = worker.check(exercise, folder.file_of(exercise), options.seed)
            reports.append(report)
            if not options.json:
                _tell(report, exercise, short=len(chosen) > 1)
            folder.note(report)
    done = sum(report.passed for report in reports)
    if options.json:
        parts = [report.as_dict() for report in reports]
        output.print_json({"passed": done, "of": len(reports), "exercises": parts})
    elif len(chosen) > 1:
        print(f"\n{folders.bar(done, len(chosen))}  {done} of {len(chosen)} passed")
        if done < len(chosen):
            print("What is wrong in one of them: tf-gd exercises check NAME")
    return 0 if done == len(reports) else 1


def _tell(report: Report, exercise: Exercise, short: bool = False) -> None:
    """Print a report, and what to do next; of many only the first line."""
    if short:
        print(report.title, flush=True)
        return
    print(report, flush=True)
    if len(report.hints) > 1:
        print(f"For a hint: tf-gd exercises hint {exercise.name}", flush=True)


def _watch(folder: Folder, options) -> int:
    print(
        f"Write in the files in {folder.path.resolve()}; each is checked when it is saved.",
        flush=True,
    )
    print("Ctrl-C ends this. One moment ...", flush=True)
    try:
        with Worker() as worker:
            following = folder.next()
            print(f"ready: {folder.file_of(following) if following else 'all done'}\n", flush=True)
            seen = _times(folder)
            while True:
                time.sleep(_POLL)
                now = _times(folder)
                changed = [name for name, when in now.items() if seen.get(name) != when]
                seen = now
                for name in changed:
                    _check_saved(folder, folder.exercises[name], worker)
    except KeyboardInterrupt:
        print("\nended; tf-gd exercises list shows what is done.")
        return 0


def _check_saved(folder: Folder, exercise: Exercise, worker: Worker) -> None:
    print(f"checking {exercise.name} ...", flush=True)
    report = worker.check(exercise, folder.file_of(exercise))
    _tell(report, exercise)
    folder.note(report)
    if report.passed:
        following = folder.next()
        print(folder.progress())
        print(f"next: {folder.file_of(following)}" if following else "All done.")
    print(flush=True)


def _times(folder: Folder) -> dict[str, tuple[int, int]]:
    """Return when each file was saved, and how long it is; without those that are gone."""
    found = {}
    for name, exercise in folder.exercises.items():
        try:
            status = folder.file_of(exercise).stat()
        except OSError:  # an editor may write another file and rename it
            continue
        found[name] = (status.st_mtime_ns, status.st_size)
    return found


def _one(folder: Folder, options) -> Exercise:
    if len(options.names) != 1:
        raise ValueError(
            f"{options.action}: got {len(options.names)} names, expected one, for example "
            f"tf-gd exercises {options.action} one_step"
        )
    return folder.named(options.names[0])


def _hint(folder: Folder, options) -> int:
    exercise = _one(folder, options)
    with Worker() as worker:
        report = worker.check(exercise, folder.file_of(exercise), options.seed)
    shown = folder.note(report, further=True)
    print(dataclasses.replace(report, shown=shown))
    if shown < len(report.hints):
        print(f"One hint more: tf-gd exercises hint {exercise.name}")
    return 0 if report.passed else 1


def _reset(folder: Folder, options) -> int:
    exercise = _one(folder, options)
    kept = folder.reset(exercise)
    print(f"{folder.file_of(exercise)} is as it was at the start.")
    if kept:
        print(f"What you wrote is in {kept}.")
    return 0


def _solution(folder: Folder, options) -> int:
    exercise = _one(folder, options)
    if not folder.passed(exercise) and not options.give_up:
        print(f"{exercise.name} is not solved yet; to see the solution all the same:")
        print(f"tf-gd exercises solution {exercise.name} --give-up")
        return 1
    print(exercise.written().rstrip())
    return 0
