"""The explorer without a browser: what it answers, who may ask, and how it begins and ends."""

import gc
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import rates
from tf_gd.command.cli import main
from tf_gd.explorer import addresses, static_page
from tf_gd.explorer.answers import Explored
from tf_gd.explorer.settings import Settings
from tf_gd.toy.descent import PROGRAMS
from tf_gd.toy.objectives import resolve

ROOT = Path(__file__).parents[2]
ASKED = dict(start=[-1.2, 1.0], rate=1e-3, momentum=0.9, nesterov=False, decay=0.0, steps=40)


def explored(name):
    return Explored(tf_gd.objectives.get(name))


@pytest.fixture(scope="module")
def rosenbrock():
    return explored("rosenbrock")


# ---- what it answers ----


@pytest.mark.parametrize("change", [{}, {"momentum": 0.0}, {"nesterov": True}, {"decay": 0.05}, {"start": [0.3, -0.2]}])
def test_both_paths_are_those_of_arithmetic(rosenbrock, change):
    asked = ASKED | change
    columns, said = rosenbrock.path(asked)
    x, v, points, slopes = np.array(asked["start"]), np.zeros(2), [], []
    for _ in range(asked["steps"] + 1):
        slope = np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])
        points.append(x)
        slopes.append(slope)
        x = x - x * asked["decay"] * asked["rate"]
        v = asked["momentum"] * v - asked["rate"] * slope
        x = x + (asked["momentum"] * v - asked["rate"] * slope if asked["nesterov"] else v)
    for number in (1, 2):
        expected = np.array(points)[:, number - 1]
        np.testing.assert_allclose(columns[f"x{number}"], expected, rtol=2e-3, atol=1e-4)
        np.testing.assert_array_equal(columns[f"keras{number}"], columns[f"x{number}"])
        np.testing.assert_allclose(columns[f"gradient{number}"], np.array(slopes)[:, number - 1], rtol=2e-2, atol=0.02)
    assert said["identical"]
    assert "0 ULP" in said["verdict"]


def test_paths_that_differ_are_said_to(rosenbrock, monkeypatch):
    from tf_gd.comparison import descent

    one = descent.compare("rosenbrock", [0.0, 0.0], steps=5)
    other = descent.compare("rosenbrock", [0.0, 0.5], steps=5)
    different = descent._compared(one.manual, other.builtin)
    monkeypatch.setattr("tf_gd.explorer.answers.compare", lambda *_, **__: different)
    _, said = rosenbrock.path(ASKED)
    assert not said["identical"]
    assert "differ" in said["verdict"]


@pytest.mark.parametrize(
    ("name", "largest"), [("square", [2.0]), ("flat_ellipse", [4.0]), ("quartic", [81 / 8]), ("saddle", [])]
)
def test_the_largest_curvature_at_the_minima(name, largest):
    about = explored(name).about()
    np.testing.assert_allclose(about["largest"], largest, rtol=1e-6)
    rate = about["suggested"]["rate"]
    assert len(f"{rate:g}".replace(".", "").lstrip("0")) == 1  # one digit, of 1/L rounded down
    assert 0.5 / largest[0] < rate <= 1 / largest[0] if largest else rate == 0.01


def test_a_minimum_that_nobody_knew_is_found_at_the_end():
    objective = tf_gd.Objective("bowl", lambda x: 3.0 * tf.reduce_sum((x - 0.5) ** 2, axis=-1), start=[1.0, 2.0])
    _, said = Explored(objective).path(ASKED | {"rate": 0.1, "momentum": 0.0, "start": [1.0, 2.0]})
    np.testing.assert_allclose(said["minimum"], [0.5, 0.5], atol=1e-4)
    assert said["largest"] == pytest.approx(6.0)
    toward_the_saddle = {"start": [1.0, 0.0], "rate": 0.1, "momentum": 0.0, "steps": 400}
    _, said = Explored(tf_gd.objectives.get("saddle")).path(ASKED | toward_the_saddle)
    assert "minimum" not in said
    _, said = Explored(tf_gd.objectives.get("rastrigin")).path(ASKED | {"start": [1.1, 0.9], "momentum": 0.0, "steps": 500})
    np.testing.assert_allclose(said["minimum"], [0.99496, 0.99496], atol=1e-4)  # not listed in the catalogue


def test_settings_compile_nothing_anew(rosenbrock):
    for run in rosenbrock.compile_all():
        run()
    known = set(PROGRAMS.kept)
    for change in ({"momentum": 0.0}, {"momentum": 0.3}, {"nesterov": True}, {"decay": 0.2}, {"rate": 0.002, "steps": 77}):
        rosenbrock.path(ASKED | change)
    assert set(PROGRAMS.kept) == known


def test_a_thousand_steps_of_both_are_quick(rosenbrock):
    """6 to 11 ms on two cores; the limit allows for a machine that is busy."""
    asked, times = ASKED | {"steps": 1000}, []
    for number in range(30):
        start = time.perf_counter()
        rosenbrock.path(asked | {"start": [-1.2 + number / 100, 1.0]})
        times.append(time.perf_counter() - start)
    assert np.median(times) < 0.05


def test_starts_and_basins_are_those_of_many_starts():
    himmelblau = explored("himmelblau")
    asked = ASKED | {"start": [0.0, 0.0], "rate": 0.01, "momentum": 0.0, "steps": 500}
    starts = himmelblau.starts(asked)
    assert len(starts["starts"]) == len(starts["labels"]) == len(starts["ends"]) == 100
    for end, label in zip(starts["ends"], starts["labels"], strict=True):
        if label >= 0:
            np.testing.assert_allclose(end, starts["minima"][label], atol=0.02)
    assert np.mean(np.array(starts["labels"]) >= 0) > 0.9
    basins = himmelblau.basins(asked)
    labels = np.array(basins["labels"]).reshape(basins["resolution"], basins["resolution"])
    quarter = basins["resolution"] // 4  # each minimum is in its own quarter: rows are x2, columns x1
    reached = [basins["minima"][labels[row, column]] for row in (quarter, -quarter) for column in (quarter, -quarter)]
    assert [(x > 0, y > 0) for x, y in reached] == [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True)])
@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_the_limit_is_where_the_longest_eigenvalue_of_the_step_is_1(momentum, nesterov, decay):
    """One coordinate with the curvature L: its step is a matrix that takes x and v to the new x and v."""
    largest, below = 4.0, rates.limit(4.0, momentum, nesterov, decay)

    def longest(rate):
        velocity = np.array([-rate * largest, momentum])
        point = np.array([1 - rate * decay, 0.0])
        point = point + (momentum * velocity - [rate * largest, 0.0] if nesterov else velocity)
        return np.abs(np.linalg.eigvals([point, velocity])).max()

    assert longest(below * 0.999) < 1 < longest(below * 1.001)


def test_the_demonstrations_of_the_lecture_are_true():
    """What ``docs/explorer.md`` tells a lecturer to show."""
    assert rates.limit(2.0) == 1.0  # of x^2
    assert rates.limit(4.0) == 0.5  # of the flat ellipse
    assert rates.limit(4.0, momentum=0.5) == 0.75
    assert rates.limit(4.0, momentum=0.5, nesterov=True) == 0.375

    def last(objective, start, **settings):
        return tf_gd.gradient_descent(objective, start, **settings).final

    assert abs(last("square", [10.0], learning_rate=0.5, steps=1)[0]) == 0
    assert (
        last("square", [10.0], learning_rate=0.9, steps=9)[0]
        < 0
        < last("square", [10.0], learning_rate=0.9, steps=10)[0]
        < 10
    )
    path = tf_gd.gradient_descent("square", [10.0], learning_rate=1.02, steps=9).points[:, 0]
    assert (np.diff(np.abs(np.diff(path))) > 0).all()
    assert np.abs(path).max() < 15  # it stays in the picture
    valley = dict(start=[-5.0, -2.0], steps=20)
    assert abs(last("flat_ellipse", learning_rate=0.4, **valley)[0]) == pytest.approx(0.94, abs=0.005)
    assert abs(last("flat_ellipse", learning_rate=0.6, **valley)[1]) > 100
    assert np.abs(last("flat_ellipse", learning_rate=0.6, momentum=0.5, **valley)).max() < 0.2
    largest = explored("himmelblau").about()["largest"]
    limits = dict(zip([round(m[0]) for m in tf_gd.objectives.get("himmelblau").minima], 2 / np.array(largest), strict=True))
    assert limits[-4] == pytest.approx(0.015, abs=1e-4)
    found = tf_gd.basin_map("himmelblau", learning_rate=0.02, steps=1500, resolution=41)
    shares = dict(zip([round(m[0]) for m in found.runs.minima.tolist()], found.shares, strict=True))
    assert shares[-4] == 0
    assert max(shares.values()) > 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": [1.0]}, "start: got 1 coordinates, expected 2"),
        ({"start": ["a", "b"]}, "start: got"),
        ({"rate": -1}, "learning_rate: got -1"),
        ({"rate": "0.1; import os"}, "learning_rate: got"),
        ({"momentum": 2}, "momentum: got 2"),
        ({"nesterov": "yes"}, "nesterov: got"),
        ({"decay": None}, "weight_decay: got None"),
        ({"steps": 10**9}, "steps: got 1000000000"),
        ({"steps": 0}, "steps: got 0"),
    ],
)
def test_bad_requests_name_what_is_wrong(rosenbrock, change, said):
    with pytest.raises((ValueError, TypeError)) as raised:
        rosenbrock.path(ASKED | change)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("function", "start", "said"),
    [
        (lambda x: x**2, [1.0, 2.0], "expected one number"),
        (lambda x: 3.0, [1.0], "got a float, expected a tensor"),
        (lambda x: x[7], [1.0], "slice index"),
        (lambda x: x[0] ** 2, [3e38], "within 1e+30 to draw"),
    ],
)
def test_a_function_that_cannot_be_explored_is_told_as_elsewhere(function, start, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        Explored(resolve(function, start))


def test_starts_that_run_away_are_told_from_those_that_are_on_their_way():
    asked = ASKED | {"start": [1.0, 1e-3], "momentum": 0.0}
    slow = explored("square").starts(asked | {"start": [1.0], "rate": 1e-4, "steps": 5})
    assert set(slow["labels"]) == {-1}
    away = explored("saddle").starts(asked | {"rate": 0.5, "steps": 100})
    assert set(away["labels"]) == {-2}


def test_a_request_without_a_number_names_it():
    with pytest.raises(ValueError, match="steps: got none"):
        Settings.checked({name: value for name, value in ASKED.items() if name != "steps"}, 2)


# ---- addresses ----


@pytest.mark.parametrize("tutorial", ["06_learning_rate", "07_narrow_valleys", "08_momentum", "09_where_do_we_converge"])
def test_a_tutorial_names_its_setting(tutorial):
    text = " ".join((ROOT / "tutorials" / f"{tutorial}.py").read_text(encoding="utf-8").split())
    assert f"``{addresses.command(tutorial)}``" in text
    assert addresses.fragment(tutorial).startswith("#objective=")
    assert addresses.command("00_the_tape") is addresses.fragment("00_the_tape") is None


# ---- who may ask ----


@pytest.fixture(scope="module")
def explorer():
    with tf_gd.explore("booth", open_browser=False) as made:
        yield made


def asked(explorer, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", explorer.server.port, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{explorer.server.port}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text


def with_token(explorer):
    return "/?" + explorer.address.partition("?")[2]


def test_the_address_opens_the_page(explorer):
    status, text = asked(explorer, with_token(explorer))
    assert status == 200
    assert "Gradient descent under your hand" in text
    assert 'name="viewport"' in text
    for elsewhere in ("//cdn", "https://unpkg", "cdn.bokeh.org", 'src="http'):
        assert elsewhere not in text.replace(explorer.address.partition("/?")[0], "")


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=x", "/metadata", "/autoload.js", "/favicon.ico", "/nothing", "//"]
)
def test_without_the_token_nothing_is_answered(explorer, path):
    status, text = asked(explorer, path)
    assert status == 403
    assert "Refused" in text


@pytest.mark.parametrize(
    "path", ["/static/%00", "/static/../server.py", "/static/js/../../x", "/static/.hidden", "/static//x"]
)
def test_odd_names_of_files_are_refused(explorer, path):
    assert asked(explorer, path)[0] == 403
    assert asked(explorer, "/static/js/bokeh.min.js")[0] == 200


@pytest.mark.parametrize(
    "named", [None, "bokeh", "bokeh, abc", "bokeh, abc.def", "other, abc.def", "bokeh, é", "bokeh, a, b"]
)
def test_a_connection_of_no_page_is_refused_without_a_traceback(explorer, named, capfd):
    protocol = {} if named is None else {"Sec_WebSocket_Protocol": named.encode("latin-1")}
    assert asked(explorer, "/ws", **UPGRADE, **protocol)[0] == 403
    assert "Traceback" not in capfd.readouterr().err


def test_the_token_opens_the_page_alone(explorer):
    token = with_token(explorer)[1:]
    for path in ("/metadata", "/autoload.js", "/index.html"):
        assert asked(explorer, path + token)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil:{port}", ""]
)
def test_another_host_name_is_refused(explorer, host):
    """As after DNS rebinding; also where the origin is that host, which Tornado lets pass."""
    host = host.format(port=explorer.server.port)
    assert asked(explorer, with_token(explorer), Host=host)[0] in (400, 403)
    assert asked(explorer, with_token(explorer), Host=host, Origin=f"http://{host}")[0] in (400, 403)
    assert asked(explorer, "/ws", Host=host, Origin=f"http://{host}", **UPGRADE)[0] in (400, 403)


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "x" * 22 + "==",
}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(explorer, origin):
    origin = origin.format(port=explorer.server.port)
    assert asked(explorer, with_token(explorer), Origin=origin)[0] == 403
    assert asked(explorer, "/ws", Origin=origin, **UPGRADE)[0] == 403


def test_a_session_that_the_page_has_not_opened_is_refused(explorer):
    from bokeh.client import pull_session

    address = f"http://127.0.0.1:{explorer.server.port}"
    with pytest.raises(OSError, match=r"HTTP-Error|Cannot pull"):
        pull_session(url=address)


def test_it_listens_on_the_loopback_address_alone(explorer):
    listening = explorer.server._sockets
    assert [one.getsockname()[0] for one in listening] == ["127.0.0.1"]


def test_tokens_and_ports_differ():
    with tf_gd.explore("booth", open_browser=False) as one, tf_gd.explore("booth", open_browser=False) as other:
        assert one.server.port != other.server.port
        assert with_token(one) != with_token(other)
        assert asked(other, with_token(one))[0] == 403
        assert len(with_token(one)) > 30


# ---- how it begins and ends ----


def test_it_leaves_nothing_behind():
    before = {thread.ident for thread in threading.enumerate()}
    with tf_gd.explore("booth", open_browser=False) as made:
        port = made.server.port
        assert asked(made, with_token(made))[0] == 200
    for _ in range(50):
        left = [one for one in threading.enumerate() if one.ident not in before and "explorer" in one.name]
        if not left:
            break
        time.sleep(0.1)
    assert left == []
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
    made.close()  # again


def test_a_port_of_ones_own():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"port: got {port}, expected one that is free"):
            tf_gd.explore("booth", port=port, open_browser=False)
    with tf_gd.explore("booth", port=port, open_browser=False) as made:
        assert made.address.startswith(f"http://127.0.0.1:{port}/?token=")


def test_the_browser_is_opened_unless_told_otherwise(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with tf_gd.explore("booth") as made:
        assert opened == [made.address]
    with tf_gd.explore("booth", open_browser=False):
        assert len(opened) == 1
    monkeypatch.setattr("tf_gd.explorer.explore.in_notebook", lambda: True)
    with tf_gd.explore("booth") as made:
        assert len(opened) == 1
        assert made._repr_html_().startswith(f'<iframe src="{made.address}"')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (dict(objective="booht"), "Did you mean 'booth'"),
        (dict(objective=tf_gd.objectives.get("bowl", dim=3)), "has 3 variables, expected one or two"),
        (dict(objective=lambda x: x[0]), "start: got None"),
        (dict(objective="booth", start=[1.0]), "start: got 1 coordinates, expected 2"),
        (dict(objective="booth", learning_rate=0), "learning_rate: got 0"),
        (dict(objective="booth", open_browser="no"), "open_browser: got 'no'"),
        (dict(objective="booth", port=0), "port: got 0"),
        (dict(objective="booth", port=70000), "port: got 70000"),
    ],
)
def test_bad_arguments(arguments, said):
    before = threading.active_count()
    with pytest.raises((ValueError, TypeError)) as raised:
        tf_gd.explore(**{"open_browser": False, **arguments})
    assert said in str(raised.value)
    assert threading.active_count() <= before  # no server is left behind


def test_a_function_of_the_catalogue_with_options_is_shown_as_it_is():
    round_bowl = tf_gd.objectives.get("bowl", condition_number=10.0)
    with tf_gd.explore(round_bowl, open_browser=False) as made:
        server = made.server
        assert server._first == "bowl (yours)"
        _, said = server._answer_to({"kind": "function", "name": "bowl (yours)"})
        assert said["largest"] == pytest.approx([10.0])
        assert "objectives.get" in said["import"]
        assert server._answer_to({"kind": "function", "name": "bowl"})[1]["largest"] == pytest.approx([100.0])


def test_it_is_served_although_nobody_keeps_it():
    address = tf_gd.explore("booth", open_browser=False).address
    gc.collect()
    host, _, rest = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", f"/{rest}")
    assert connection.getresponse().status == 200
    connection.close()


def test_without_bokeh_it_says_what_to_install(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "bokeh" else found(name, *rest))
    with pytest.raises(ImportError, match='-m pip install "bokeh>='):
        tf_gd.explore("booth", open_browser=False)
    assert main(["explore", "--no-browser"]) == 2
    assert "pip install" in capsys.readouterr().err


@pytest.fixture
def started(tmp_path):
    processes = []

    def start(*arguments):
        written = "def bowl(x):\n    return (x[0] - 1) ** 2 + x[1] ** 2\n\n\ndef fails(x):\n    return 1 / 0\n"
        (tmp_path / "mine.py").write_text(written, encoding="utf-8")
        command = [sys.executable, "-m", "tf_gd", "explore", "--no-browser", *arguments]
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
        processes.append(process)
        watch = threading.Timer(120, process.kill)
        watch.start()
        line = process.stdout.readline().strip()
        watch.cancel()
        return process, line

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_command_prints_its_address_and_ends(started, tmp_path, sent, code):
    process, address = started("mine:bowl", "--start=2,1", "--learning-rate=0.1")
    assert address.startswith("http://127.0.0.1:")
    host, _, rest = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", f"/{rest}")
    text = connection.getresponse().read().decode()
    assert "from mine import bowl as f" not in text  # comes with the first answer
    about = json.loads(text.partition('id="about">')[2].partition("</script>")[0])
    assert about["first"] == about["names"][0] == "bowl (yours)"  # there is one of this name in the catalogue
    assert about["settings"]["start"] == [2.0, 1.0]
    connection.close()
    process.send_signal(sent)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert output == ""
    assert "Traceback" not in errors
    assert [one.name for one in tmp_path.iterdir()] == ["mine.py"]


def test_a_function_that_fails_is_told_in_the_shell_too(started):
    process, address = started("mine:fails", "--start=2,1")
    assert address.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "tf-gd explore: objective 'fails': evaluating it" in errors
    process, address = started("mine:bowl")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, address) == (2, "")
    assert errors.startswith("tf-gd explore: --start: got none")


def test_the_command_says_what_is_wrong(started, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process, line = started(f"--port={port}")
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, line) == (2, "")
    assert f"--port: got {port}" in errors
    assert main(["explore", "booht"]) == 2
    assert "Did you mean 'booth'" in capsys.readouterr().err
    assert main(["explore", "booth", "--start=1,x"]) == 2
    assert "--start: got" in capsys.readouterr().err
    assert main(["explore", "nothing_of_this_name:f"]) == 2


def test_with_its_output_closed_the_command_says_nothing_odd(tmp_path):
    begin = f"exec {sys.executable} -m tf_gd explore --no-browser >&-"
    process = subprocess.Popen(["sh", "-c", begin], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == "Ctrl-C ends it.\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_the_page_without_a_program_is_one_file(tmp_path):
    text = static_page.write(tmp_path / "explore.html").read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["explore.html"]
    assert len(text) < 3_000_000
    for kind in ("src=", "href="):
        for part in text.split(f"<script {kind}")[1:] + text.split(f"<link {kind}")[1:]:
            assert part.startswith(('"data:', '"#'))
    about = json.loads(text.partition('id="about">')[2].partition("</script>")[0])
    assert about["names"] == tf_gd.objectives.names()
