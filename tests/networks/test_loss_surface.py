"""Loss surfaces: against losses worked out, Keras's evaluate, and a principal component analysis of scikit-learn."""

import keras
import numpy as np
import pytest
from models import X, Y, mixed_precision, plain_model
from sklearn.decomposition import PCA

import tf_gd
from tf_gd import callbacks


def compiled(build=plain_model, **settings):
    keras.utils.set_random_seed(1)
    model = build()
    model.compile(optimizer=keras.optimizers.SGD(0.05), **{"loss": "mse", **settings})
    return model


def regularised():
    layers = keras.layers
    hidden = layers.Dense(5, "tanh", kernel_regularizer="l2")
    return keras.Sequential([layers.Input((6,)), hidden, layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(2)])


@pytest.mark.parametrize("build", [plain_model, regularised])
def test_the_loss_is_that_of_evaluate(build):
    model = compiled(build)
    start = model.get_weights()
    surface = tf_gd.loss_surface(model, X, Y, resolution=3)
    for array, before in zip(model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(array, before)
    for row, column in ((1, 1), (0, 2), (2, 0)):
        at = surface.center + surface.a[column] * surface.directions[0] + surface.b[row] * surface.directions[1]
        parts = np.split(at, np.cumsum([w.numpy().size for w in model.trainable_variables])[:-1])
        for variable, part in zip(model.trainable_variables, parts, strict=True):
            variable.assign(part.reshape(variable.shape))
        assert surface.losses[row, column] == pytest.approx(model.evaluate(X, Y, batch_size=70, verbose=0), rel=1e-5)


def test_random_directions_are_as_long_as_the_filters():
    model = compiled()
    surface = tf_gd.loss_surface(model, X, Y, resolution=2, seed=4)
    first = 0
    for variable in model.trainable_variables:
        weights = variable.numpy()
        part = surface.directions[:, first : first + weights.size].reshape(2, *weights.shape)
        first += weights.size
        if weights.ndim == 1:
            assert not part.any()
            continue
        lengths = np.linalg.norm(weights.reshape(-1, weights.shape[-1]), axis=0)
        for direction in part:
            np.testing.assert_allclose(np.linalg.norm(direction.reshape(-1, weights.shape[-1]), axis=0), lengths, rtol=1e-6)
    again = tf_gd.loss_surface(model, X, Y, resolution=2, seed=4)
    np.testing.assert_array_equal(surface.losses, again.losses)
    assert (surface.directions != tf_gd.loss_surface(model, X, Y, resolution=2, seed=5).directions).any()


def test_the_path_lies_on_the_surface_it_is_drawn_on():
    model, watch = compiled(), callbacks.WeightPath()
    tf_gd.fit(model, X, Y, epochs=8, seed=0, verbose=0, callbacks=[watch])
    surface = tf_gd.loss_surface(model, X, Y, directions="pca", path=watch, resolution=9)
    np.testing.assert_allclose(surface.path[-1], 0.0, atol=1e-6)  # the model is where the path ended
    np.testing.assert_allclose(surface.off_plane[-1], 0.0, atol=1e-6)
    assert surface.path_losses[-1] == pytest.approx(model.evaluate(X, Y, batch_size=70, verbose=0), rel=1e-5)
    projected = surface.center + surface.path @ surface.directions
    rest = np.linalg.norm(watch.points - projected, axis=1)
    np.testing.assert_allclose(surface.off_plane, rest, atol=1e-6)
    inside = 1 - np.sum((watch.points - projected - (watch.points - projected)[:1]) ** 2) / np.sum(
        (watch.points - watch.points[:1]) ** 2
    )
    assert surface.explained == pytest.approx(inside, abs=2e-3)
    assert surface.explained > 0.9
    assert (surface.path >= [surface.a[0], surface.b[0]]).all()
    assert (surface.path <= [surface.a[-1], surface.b[-1]]).all()
    ax = surface.plot()
    np.testing.assert_allclose(ax.lines[0].get_xydata(), surface.path)


def test_pca_against_another():
    """Mirrored, the records have their mean at the centre, as scikit-learn wants it."""
    model, generator = compiled(), np.random.default_rng(0)
    center = np.concatenate([np.ravel(w.numpy()) for w in model.trainable_variables]).astype("float64")
    moved = generator.normal(size=(6, len(center))) * np.geomspace(1, 1e-3, 6)[:, None]
    surface = tf_gd.loss_surface(model, X, Y, directions="pca", path=center + moved, resolution=2)
    expected = PCA(2).fit(np.concatenate([moved, -moved])).components_
    for direction, component in zip(surface.directions, expected, strict=True):
        assert abs(direction @ component) == pytest.approx(1.0, abs=1e-4)


def test_mixed_precision_and_models_without_input():
    assert np.isfinite(tf_gd.loss_surface(compiled(mixed_precision), X, Y, resolution=2).losses).all()
    unbuilt = compiled(lambda: keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(2)]))
    assert np.isfinite(tf_gd.loss_surface(unbuilt, X, Y, resolution=2).losses).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"model": 3}, TypeError, "model: got int"),
        ({"x": None}, ValueError, "x: got None"),
        ({"directions": "up"}, ValueError, "directions: got 'up'"),
        ({"directions": "pca"}, ValueError, "path: got None, expected the weights during training"),
        ({"directions": np.zeros((2, 3))}, ValueError, r"directions: got shape \(2, 3\), expected two of"),
        ({"directions": "zeros"}, ValueError, "two that span no plane"),
        ({"directions": "pca", "path": "still"}, ValueError, "a path that does not move in two directions"),
        ({"path": np.zeros((3, 2))}, ValueError, r"path: got shape \(3, 2\), expected two or more"),
        ({"resolution": 1}, ValueError, "resolution: got 1"),
        ({"extent": 0}, ValueError, "extent: got 0"),
    ],
)
def test_bad_surfaces(settings, error, message):
    model = compiled()
    settings = dict(settings)
    if str(settings.get("directions")) == "zeros":
        settings["directions"] = np.zeros((2, model.count_params()))
    if str(settings.get("path")) == "still":
        settings["path"] = np.tile(np.concatenate([np.ravel(w) for w in model.get_weights()]), (3, 1))
    with pytest.raises(error, match=message):
        tf_gd.loss_surface(**{"model": model, "x": X, "y": Y, **settings})
