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


@pytest.mark.parametrize("name", ["", "folder.npz"])
def test_a_name_that_is_none(name, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(ValueError, match=r"path: .*expected the name of a file"):
        path.save(name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.npz"]


def test_a_saved_file_may_be_read_by_those_who_may_read_any_new_file(path, tmp_path):
    (tmp_path / "other").write_text("")
    assert path.save(tmp_path / "run").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_lists_are_arrays_as_well():
    assert Trajectory([[4.0], [2.0]], [16.0, 4.0], [8.0, 4.0], [0, 1]).steps == 1


def test_a_loaded_path_is_drawn_on_the_function_of_its_name(path, tmp_path):
    loaded = Trajectory.load(path.save(tmp_path / "run"))
    assert loaded.plot().get_ylabel() == "$x_2$"
    assert loaded.plot("himmelblau").get_ylabel() == "$x_2$"
    assert loaded.plot(lambda x: x[0] ** 2 + x[1] ** 2).collections
    bowl = tf_gd.gradient_descent(tf_gd.objectives.get("bowl", condition_number=7), steps=3)
    loaded = Trajectory.load(bowl.save(tmp_path / "bowl"))  # the catalogue's has another condition number
    assert loaded.plot().get_ylabel() == "loss"


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
