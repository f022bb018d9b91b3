"""A process that runs tutorials for the tour, one after another, and reports on each.

It reads the path of a script from each line of its standard input, and answers with a line of
JSON; the first line it writes, ``null``, says that it is ready.
"""

import contextlib
import io
import json
import os
import runpy
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tf_gd.command import child_processes


def main(pictures: str) -> None:
    """Run the tutorials that are asked for, with their pictures in a directory, and exit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # removes half-written files
    child_processes.die_with_parent()
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a tutorial that reads its input does not get our next line
    os.dup2(2, 1)  # and what native code prints is no answer
    os.environ["TF_GD_PICTURES"] = pictures
    os.environ["MPLBACKEND"] = "agg"
    sys.argv[1:] = []
    with contextlib.suppress(Exception):  # the first tutorial will report it
        from tf_gd._runtime import quiet_tensorflow

        quiet_tensorflow(cpus=2)  # one tutorial needs two, and sets it too late
    answers.write("null\n")
    answers.flush()
    code = 0
    try:
        for line in asked:
            answers.write(json.dumps(visit(Path(json.loads(line)), Path(pictures))) + "\n")
            answers.flush()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # whatever threads a tutorial has left


def visit(script: Path, pictures: Path) -> dict[str, Any]:
    """Run a tutorial; return its seconds, claims, output, pictures and error."""
    import matplotlib.pyplot as plt

    from tf_gd.command import claims

    claims.recorded.clear()
    printed, error, here = io.StringIO(), "", Path.cwd()
    start = time.perf_counter()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            runpy.run_path(str(script), run_name="__main__")
        except claims.ClaimError:
            pass  # it is among the recorded claims
        except KeyboardInterrupt as raised:  # it took too long: report where it was
            os.write(2, _traceback(raised, script).encode())
            os._exit(1)
        except (Exception, SystemExit) as raised:
            error = _traceback(raised, script)
        finally:
            plt.close("all")
            os.chdir(here)
    return {
        "seconds": time.perf_counter() - start,
        "claims": [asdict(claim) for claim in claims.recorded],
        "output": printed.getvalue(),
        "pictures": [str(picture) for picture in _saved(printed.getvalue(), pictures)],
        "error": error,
    }


def _traceback(raised: BaseException, script: Path) -> str:
    """Return the traceback from the tutorial's own line on."""
    first = raised.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename != str(script):
        first = first.tb_next
    return "".join(traceback.format_exception(type(raised), raised, first)).rstrip()


def _saved(output: str, pictures: Path) -> list[Path]:
    """Return the pictures that ``show.save`` says it wrote."""
    lines = [Path(line[6:]) for line in output.splitlines() if line.startswith("saved ")]
    inside = [path for path in dict.fromkeys(lines) if path.is_relative_to(pictures)]
    return [path for path in inside if ".." not in path.parts and path.is_file()]
