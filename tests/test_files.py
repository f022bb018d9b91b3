"""Files that are damaged, or made to do harm: refused, never executed, and no larger in memory than on the disk."""

import io
import json
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_gd import Trajectory, checkpoints

NAMES = ("points", "losses", "gradient_norms", "iterations", "about")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    run = Trajectory(np.array([[4.0, 1.0], [2.0, 1.0]]), np.array([16.0, 4.0]), np.array([8.0, 4.0]), np.array([0, 1]))
    return run, run.save(tmp_path_factory.mktemp("good") / "run.npz").read_bytes()


def npy(array) -> bytes:
    written = io.BytesIO()
    np.save(written, array, allow_pickle=True)
    return written.getvalue()


def members(good) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(good[1])) as file:
        return {member.filename: file.read(member) for member in file.infolist()}


def written(path, contents, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in contents.items() if isinstance(contents, dict) else contents:
            file.writestr(name, content)
    return path


def refused(path, why: str, most: int = 2**20) -> None:
    """Check that a file is refused for this reason, in at most so many bytes of memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"expected a file written by Trajectory.save, and could not read it .*{why}"):
            Trajectory.load(path)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_flipped_or_missing_byte_is_refused_or_changes_nothing(good, tmp_path_factory, data):
    run, content = good
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        changed = content[:where] + bytes([content[where] ^ data.draw(st.integers(1, 255))]) + content[where + 1 :]
    else:
        changed = content[:where] + content[where + data.draw(st.integers(1, 400)) :]
    path = tmp_path_factory.mktemp("changed") / "run.npz"
    path.write_bytes(changed)
    try:
        read = Trajectory.load(path)
    except ValueError as error:
        assert "expected a file written by Trajectory.save" in str(error)  # noqa: PT017 - the other way out is as good
    else:
        for name in NAMES[:4]:
            np.testing.assert_array_equal(getattr(read, name), getattr(run, name))


def test_what_would_grow_is_refused(good, tmp_path):
    contents = members(good) | {"points.npy": npy(np.zeros((5_000_000, 2)))}
    bomb = written(tmp_path / "bomb.npz", contents, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000  # of 80 MB
    refused(bomb, "larger in memory than it is on the disk")
    small = written(tmp_path / "small.npz", {**members(good), "points.npy": npy(np.ones((2, 2)))}, zipfile.ZIP_DEFLATED)
    small.write_bytes(b"\0" * 10_000 + small.read_bytes())  # what is before the archive counts for its size
    refused(small, "is compressed")


@pytest.mark.parametrize("shape", [(10**12, 2), (2**62, 4), (-1, -2), (2,), (3, 2), (0, 0)])
def test_a_shape_that_the_bytes_do_not_fill_is_refused(good, tmp_path, shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    content = header.getvalue() + np.ones(4).tobytes()
    refused(written(tmp_path / "run.npz", members(good) | {"points.npy": content}), "says that it is float64 of shape")


class Harm:
    """What a pickle can do when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_executed(good, tmp_path, name):
    trace = tmp_path / "executed"
    harm = npy(np.array([Harm(str(trace))], dtype=object))
    pickle.loads(harm[harm.index(b"\n") + 1 :])
    assert trace.exists()
    trace.unlink()
    refused(written(tmp_path / "run.npz", members(good) | {f"{name}.npy": harm}), "says that it is object")
    refused(written(tmp_path / "pickle.npz", members(good) | {f"{name}.npy": harm[harm.index(b"\n") + 1 :]}), "magic")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ("[" * 100_000, "recursion"),
        ("{}", "settings"),
        (
            json.dumps({"outcome": "converged", "settings": [], "seconds": 0.0}),
            "settings or its seconds are of another kind",
        ),
        (json.dumps({"outcome": "won", "settings": {}, "seconds": 0.0}), "outcome: got"),
        ("9" * 5000, "integer"),
        ("not json", "Expecting value"),
    ],
)
def test_settings_that_are_none_are_refused(good, tmp_path, about, why):
    refused(written(tmp_path / "run.npz", members(good) | {"about.npy": npy(np.array(about))}), why, most=2**24)


def test_other_members_and_other_numbers_are_refused(good, tmp_path):
    own = members(good)
    refused(written(tmp_path / "more.npz", own | {"../evil.npy": npy(np.ones(1))}), "it holds .*evil")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = written(tmp_path / "twice.npz", [*own.items(), ("points.npy", npy(np.ones((2, 2))))])
    refused(twice, "it holds")
    refused(written(tmp_path / "text.npz", own | {"losses.npy": npy(np.array(["1", "2"]))}), "losses are <U1")
    refused(
        written(tmp_path / "dates.npz", own | {"iterations.npy": npy(np.array([1, 2], "M8[s]"))}), "iterations are datetime"
    )
    refused(tmp_path, "directory")
    assert not (tmp_path.parent / "evil.npy").exists()


def test_a_checkpoint_made_to_do_harm_is_passed_over(tmp_path):
    with checkpoints.Checkpoints(tmp_path) as kept:
        kept.save(1, {"epoch": 1}, [np.arange(3)])
        kept.wait()
        for number, page in enumerate(
            [
                json.dumps({"state": {}, "arrays": [["O", [1]]]}).encode(),
                json.dumps({"state": {}, "arrays": [["float64", [10**12]]]}).encode(),
                json.dumps({"state": {}, "arrays": [["float64", [-1]]]}).encode(),
                b"[" * 100_000,
                pickle.dumps(Harm(str(tmp_path / "executed"))),
            ]
        ):
            content = checkpoints._MARK + len(page).to_bytes(8, "little") + page + bytes(8)
            (tmp_path / f"at-{number + 2:015d}-{checkpoints._digest(content)}.ckpt").write_bytes(content)
        with pytest.warns(UserWarning, match="is damaged"):
            assert kept.newest()[0] == {"epoch": 1}
    assert not (tmp_path / "executed").exists()


def test_a_list_of_very_many_members_is_not_read(good, tmp_path):
    many = [*members(good).items(), *((f"{number}.npy", b"") for number in range(20_000))]
    refused(written(tmp_path / "many.npz", many), "too many members")
    content = (tmp_path / "many.npz").read_bytes()
    locator = b"PK\6\7" + bytes(16)  # a second end says that the list is short, and zipfile goes by it
    record = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(28) + (10**7).to_bytes(8, "little") + bytes(8)
    (tmp_path / "many.npz").write_bytes(content[:-22] + record + locator + content[-22:])
    refused(tmp_path / "many.npz", "too many members")


def test_what_is_saved_can_be_loaded(tmp_path):
    whole = Trajectory(np.array([[4, 1], [2, 1]]), np.array([16, 4]), np.array([8.0, 4.0]), np.array([0.0, 1.0]), seconds=1)
    read = Trajectory.load(whole.save(tmp_path / "run.npz"))
    np.testing.assert_array_equal(read.points, whole.points)
    assert read.seconds == 1


@pytest.mark.parametrize("iterations", [[0.0, np.nan], [0.0, 0.5], [3.0, 1.0], np.array([3, 1], "uint8")])
def test_iterations_that_are_none_are_refused(tmp_path, iterations):
    path = Trajectory(np.zeros((2, 2)), np.zeros(2), np.zeros(2), np.asarray(iterations), seconds=1).save(
        tmp_path / "run.npz"
    )
    with pytest.raises(ValueError, match="iterations are not the numbers of steps"):
        Trajectory.load(path)
