"""The tour: processes side by side, whatever the tutorials do in them, and how it can be ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tf_gd.command import claims, cli, tour, tour_lines, tour_pool, tutorials

GOOD = "claim('fine', 1, 1)\n"
ODD = {
    "00_good": "claim('one and one', 1 + 1, 2)\nimport matplotlib.pyplot as plt, os\n"
    "print('threads', os.environ.get('TF_NUM_INTRAOP_THREADS'))\n"
    "show.save(plt.subplots()[1], 'good.png')\n"
    "\n# %%\n# A sentence with :math:`x^2` in it.\n",
    "01_wrong": f"claim('{'a long statement, ' * 9}', 1.5, 1, within=0.1)\nclaim('never', 1, 1)\n",
    "02_crash": GOOD + "def deep():\n    raise RuntimeError('broken \\x1b[31m')\ndeep()\n",
    "03_killed": GOOD + "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "04_exits": GOOD + "raise SystemExit(3)\n",
    "05_ends": "import os\nos.write(2, b'last words')\nos._exit(7)\n",
    "06_thread": GOOD + "import threading\nthreading.Timer(1000.0, print).start()\n",
    "07_asks": GOOD + "input()\n",
    "08_writes": "import os\nos.write(1, b'{}')\n" + GOOD,
    "09_empty": "",
    "10_hangs": "import time\ntime.sleep(1000)\n",
    "11_moves": "import os\nos.chdir('/')\nprint('saved', __file__)\n" + GOOD,
    "12_typo": "x = = 1\n",
    "13_last": GOOD
    + "import tensorflow as tf\nfound = tf.config.list_logical_devices('CPU')\n"
    + "claim('CPUs', len(found), 2)\n",
}
HOLD = {"00_good", "06_thread", "08_writes", "11_moves", "13_last"}


def scripts(directory: Path, bodies: dict[str, str]) -> list[tutorials.Tutorial]:
    made = []
    for name, body in bodies.items():
        path = directory / f"{name}.py"
        text = f'"""\n{name[:2]} The title of {name}\n=====\n"""\nfrom tf_gd import claim, show\n'
        path.write_text(text + body)
        made.append(tutorials.Tutorial(name, f"The title of {name}", path))
    return made


def workers(of: Path) -> list[str]:
    """Return the processes that still run tutorials with their pictures in this directory."""
    command = ["ps", "-ww", "-eo", "pid,args"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if "tour_child" in line and str(of) in line]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A tour of tutorials that do what they should not; what it found, printed, and wrote."""
    directory = tmp_path_factory.mktemp("odd")
    printed: list[str] = []
    made = scripts(directory, ODD)
    report = tour.run(made, directory, say=printed.append, processes=2, limit=10.0)
    page = (directory / "index.html").read_text()
    return {stop.name: stop for stop in report.stops}, report, printed, page, directory


def test_each_tutorial_is_run_and_what_came_of_it_is_told(odd):
    stops, report, *_ = odd
    assert list(stops) == list(ODD), "in the order of the tutorials"
    assert {name for name, stop in stops.items() if stop.holds} == HOLD
    assert not report.holds
    verdict = r"9 of 10 claims hold in 14 tutorials, \d+ s; 7 broke off; 1 stated nothing"
    assert re.fullmatch(verdict, report.verdict())
    assert [claim.text for claim in stops["01_wrong"].claims] == ["a long statement, " * 9]
    assert stops["00_good"].pictures[0].read_bytes().startswith(b"\x89PNG")
    assert stops["11_moves"].pictures == (), "what is not in the directory is no picture"
    assert "threads 1\n" in stops["00_good"].output or tour_pool.cores() > 3


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("02_crash", r"\ATraceback.*\n  File \".*02_crash.py\", line 9.*RuntimeError: broken"),
        ("03_killed", r"\AIts process was ended by SIGKILL, before"),
        ("04_exits", r"SystemExit: 3\Z"),
        ("05_ends", r"\AIts process exited with 7, before.*\nlast words"),
        ("07_asks", r"EOFError"),
        ("10_hangs", r"\AIt had not ended after 10 seconds"),
        ("12_typo", r"SyntaxError: invalid syntax\Z"),
    ],
)
def test_what_broke_a_tutorial_is_said(odd, name, error):
    assert re.search(error, odd[0][name].error, re.S)
    assert "runpy" not in odd[0][name].error, "from the tutorial's own line on"


def test_a_line_a_tutorial_and_failures_in_full(odd):
    _, _, printed, *_ = odd
    text = "\n".join(printed)
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    lines = [line for line in printed if re.match(r" ?\d+/14 ", line)]
    assert len(lines) == 14
    assert max(map(len, lines)) <= 80
    numbers = [int(line.split("/")[0]) for line in lines]
    assert numbers == list(range(1, 15))
    (good,) = [line for line in lines if "00_good" in line]
    assert good.endswith("  1 claim, 1 picture")
    (wrong,) = [n for n, line in enumerate(printed) if "01_wrong" in line]
    assert printed[wrong].endswith("FAILS: 1 of 1 claim")
    assert " ".join(" ".join(printed[wrong + 1 : wrong + 6]).split()) == (
        f"claim {'a long statement, ' * 9}expected 1 measured 1.5"
    )
    (crash,) = [n for n, line in enumerate(printed) if "title of 02_crash" in line]
    assert printed[crash + 1] == "  Traceback (most recent call last):"
    assert "  RuntimeError: broken \\x1b[31m" in printed


def test_the_page_of_a_tour(odd):
    *_, page, _ = odd
    assert 'http-equiv="refresh"' not in page
    assert page.count("<details open>") == 14 - len(HOLD), "what fails is unfolded"
    assert page.count("✓ 1 claim,") + page.count("✓ 2 claims,") == 2 * len(HOLD)
    assert "RuntimeError: broken" in page
    assert 'A sentence with <svg class="formula" role="img" aria-label="x^2"' in page
    assert "data:image/png;base64," in page


def test_no_process_is_left_behind(odd):
    assert workers(odd[-1]) == []


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie, which nobody has waited for yet, does not."""
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.slow
def test_what_a_tutorial_has_started_ends_with_it(tmp_path):
    child = "child = subprocess.Popen(['sleep', '600'])\nprint(child.pid, file=open(PIDS, 'a'))\n"
    ignores = "child = subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 600'])\n" + child.split("\n")[1]
    start = f"import os, subprocess, time\nPIDS = {str(tmp_path / 'pids')!r}\n"
    fork = "pid = os.fork()\nif pid == 0:\n    time.sleep(600)\nprint(pid, file=open(PIDS, 'a'))\n"
    half = (
        "from pathlib import Path\nfrom tf_gd._files import whole\n"
        "with whole(Path(PIDS).with_name('half.txt')) as partial:\n"
        "    partial.write_text('half')\n    time.sleep(600)\n"
    )
    made = scripts(
        tmp_path,
        {
            "00_leaves": start + child + "os._exit(3)\n",
            "01_ignores": start + ignores + "\nos._exit(3)\n",
            "02_forks": start + fork + "os._exit(3)\n",
            "03_signal": start + "os.kill(os.getpid(), signal.SIGRTMIN + 1)\n".replace("signal.", "__import__('signal')."),
            "04_half": start + half,
            "05_noisy": start + "os.write(2, b'from another')\n" + GOOD,
            "06_silent": start + "os._exit(5)\n",
        },
    )
    report = tour.run(made, tmp_path / "tour", processes=1, limit=8.0)
    errors = {stop.name: stop.error for stop in report.stops}
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert not any(map(alive, pids))
    assert errors["02_forks"].startswith("Its process exited with 3"), "not after the limit"
    assert re.match(r"Its process was ended by (signal 35|SIGRTMIN\+1)", errors["03_signal"])
    assert errors["04_half"].startswith("It had not ended after 8 seconds")
    assert not list(tmp_path.glob("*half*.txt")), "what was half written is taken back"
    assert "from another" not in errors["06_silent"]


@pytest.mark.slow
def test_the_page_says_what_is_running(tmp_path, monkeypatch):
    seen = []
    write = tour.Page.write
    monkeypatch.setattr(
        tour.Page,
        "write",
        lambda self, stops, names, *rest, **how: (seen.append(set(names)), write(self, stops, names, *rest, **how)),
    )
    tour.run(scripts(tmp_path, {"00_one": GOOD}), tmp_path / "tour", processes=1)
    assert seen == [set(), {"00_one"}, set(), set()]


def test_those_that_take_long_are_begun_first(tmp_path, monkeypatch):
    begun = []

    def visits(paths, *_):
        begun.extend(path.stem for path in paths)
        return (item for item in ())

    monkeypatch.setattr(tour_pool, "visits", visits)
    names = ["00_a", "05_b", "06_e", "12_c", "19_d"]
    tour.run(scripts(tmp_path, dict.fromkeys(names, GOOD)), tmp_path)
    assert begun == ["19_d", "12_c", "05_b", "06_e", "00_a"]


def test_json_and_nothing_else(tmp_path, monkeypatch, capfd):
    """One process, two tutorials after each other, and no log line of TensorFlow."""
    made = scripts(tmp_path, {"01_good": ODD["00_good"], "02_wrong": "claim('one', 1.5, 1)\n"})
    monkeypatch.setattr(tutorials, "find", lambda: made)
    monkeypatch.setattr(tour_pool, "cores", lambda: 1)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    assert cli.main(["tour", "--json", f"--output-dir={tmp_path / 'out'}"]) == 1
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["holds"] is False
    first, second = found["tutorials"]
    assert first["tutorial"] == "01_good"
    assert Path(first["pictures"][0]).is_file()
    claim = {"text": "one", "expected": "1", "measured": "1.5", "holds": False}
    assert second["claims"] == [claim]


def test_the_command_says_which_fail(tmp_path, monkeypatch, capsys):
    made = scripts(tmp_path, {"01_good": GOOD, "02_wrong": "claim('one', 1.5, 1)\n"})
    found = {one.name: one for one in made}
    stops = [
        tour.Stop("01_good", "Good", 1.0, (claims.Claim("fine", "1", "1", True),)),
        tour.Stop("02_wrong", "Wrong", 1.0, (claims.Claim("one", "1", "1.5", False),)),
    ]
    monkeypatch.setattr(tutorials, "find", lambda: made)
    chosen = []

    def run(tutorials, directory, **_):
        chosen.extend(tutorials)
        return tour.Report(tuple(s for s in stops if found[s.name] in tutorials), 2.0)

    monkeypatch.setattr(tour, "run", run)
    assert cli.main(["tour", f"--output-dir={tmp_path / 'out'}"]) == 1
    assert "again: tf-gd tour 02\n" in capsys.readouterr().out
    assert cli.main(["tour", "1", f"--output-dir={tmp_path / 'out'}"]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 claim holds in 1 tutorial, 2 s\n" in out
    assert f"open {tmp_path / 'out' / 'index.html'}" in out
    assert [one.name for one in chosen] == ["01_good", "02_wrong", "01_good"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=["Ctrl-C", "SIGTERM", "kill -9"],
)
def test_ended_in_the_middle(tmp_path, number, code):
    begun = tmp_path / "begun"
    long = f"{GOOD}import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(1000)\n"
    scripts(tmp_path, {"10_good": GOOD, "11_long": long})
    script = (
        "import sys\nfrom pathlib import Path\nfrom tf_gd.command import cli, tutorials\n"
        f"tutorials._directory = lambda: Path({str(tmp_path)!r})\n"
        f"sys.exit(cli.main(['tour', '--output-dir={tmp_path / 'out'}']))\n"
    )
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run = subprocess.Popen([sys.executable, "-c", script], **pipes)
    page = tmp_path / "out" / "index.html"
    try:
        line = run.stdout.readline()
        assert re.match(r"1/2 .* 10 The title of 10_good", line)
        until = time.monotonic() + 60
        is_done = "1 of 2 tutorials are done"
        while time.monotonic() < until and not (begun.exists() and is_done in page.read_text()):
            time.sleep(0.05)
        assert begun.exists()
        assert 'http-equiv="refresh"' in page.read_text()
        assert len(workers(tmp_path)) >= 1
        since = time.monotonic()
        run.send_signal(number)
        out, err = run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == code
    assert "Traceback" not in out + err
    if number != signal.SIGKILL:
        assert time.monotonic() - since < 2.0
        shown = page.read_text()
        assert "The tour was stopped: 1 of 2 tutorials were done." in shown
        assert 'http-equiv="refresh"' not in shown
        assert shown.count("was not run") == 2
    elif sys.platform != "linux":
        return
    until = time.monotonic() + 5
    while workers(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert workers(tmp_path) == []
    assert not list((tmp_path / "out").rglob("partial-*"))


@pytest.mark.parametrize("seconds", [0.04, 12.3, 456.7])
def test_a_line_has_80_columns(seconds):
    title = "Which way is down, in several directions, when there are very many?"
    claim = claims.Claim("it", "1", "1", True)
    stop = tour.Stop("05_x", title, seconds, (claim,) * 12, "", (Path("a.png"),) * 10)
    line = tour_lines.line(stop, 5, 22)
    assert len(line) == 80
    assert line.startswith(f" 5/22 {seconds:5.1f} s  05 Which way is down, in several")
    assert re.search(r"\w\.\.\. +12 claims, 10 pictures$", line), "cut at a word"
