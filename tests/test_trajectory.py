"""Trajectory: what it says, and what it saves."""

import json

import numpy as np
import pytest

import tf_gd
from tf_gd import Trajectory


@pytest.fixture
def path():
    return tf_gd.gradient_descent("himmelblau", learning_rate=0.01, steps=20)


def test_save_and_load(path, tmp_path):
    saved = path.save(tmp_path / "run")
    assert saved == tmp_path / "run.npz"
    loaded = Trajectory.load(saved)
    for name in ("points", "losses", "gradient_norms", "iterations"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(path, name))
        assert getattr(loaded, name).dtype == getattr(path, name).dtype
    assert (loaded.outcome, loaded.settings, loaded.seconds) == (path.outcome, path.settings, path.seconds)
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_saving_where_one_cannot_leaves_nothing(path, tmp_path):
    with pytest.raises(ValueError, match=r"path: cannot write .*run\.npz"):
        path.save(tmp_path / "missing" / "run.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"not a zip", "truncated", "pickled", "no settings", "another shape"])
def test_a_damaged_file_is_refused(path, tmp_path, damage):
    file = path.save(tmp_path / "run.npz")
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:300])
    elif damage == "pickled":
        np.savez(file, points=np.array([object()], dtype=object), allow_pickle=True)
    elif damage == "no settings":
        np.savez(
            file, points=path.points, losses=path.losses, gradient_norms=path.gradient_norms, iterations=path.iterations
        )
    elif damage == "another shape":
        about = json.dumps({"outcome": "max_steps", "settings": {}, "seconds": 0.0})
        short = path.losses[:3]
        np.savez(file, points=path.points, losses=short, gradient_norms=short, iterations=path.iterations, about=about)
    else:
        file.write_bytes(damage)
    with pytest.raises(ValueError, match=r"expected a file written by Trajectory.save"):
        Trajectory.load(file)


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        Trajectory.load(tmp_path / "none.npz")


def test_repr_and_summary_say_what_happened(path):
    assert "max_steps after 20 steps" in repr(path)
    assert path.summary()["steps"] == "20"
    assert path.report()["final_loss"] == pytest.approx(float(path.losses[-1]))


def test_it_cannot_be_changed(path):
    with pytest.raises(AttributeError):
        path.outcome = "converged"


@pytest.mark.parametrize("wrong", [{"outcome": "fine"}, {"losses": np.zeros(3)}, {"points": np.zeros(21)}])
def test_records_that_do_not_fit_are_refused(path, wrong):
    arrays = {name: getattr(path, name) for name in ("points", "losses", "gradient_norms", "iterations")}
    with pytest.raises(ValueError, match=r"outcome: got 'fine'|a trajectory needs"):
        Trajectory(**{**arrays, **wrong})
