"""The networks, and reading saved ones."""

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import architectures, models


def test_has_the_tutorials_5994_parameters_for_mnist():
    assert architectures.cnn((28, 28, 1), 10).count_params() == 5994


def test_takes_raw_uint8_images_and_gives_probabilities():
    cnn = architectures.cnn((20, 31, 1), 7)
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 31, 1), np.uint8)
    probabilities = cnn.predict(images, verbose=0)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_relu_after_pooling_is_relu_before_pooling():
    cnn = architectures.cnn((28, 28, 1), 10, (0, 255 / 2))
    x = inputs = keras.Input((28, 28, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(x)
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 5, activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x))
    tutorial = keras.Model(inputs, x)
    tutorial.set_weights(cnn.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1), np.uint8)
    np.testing.assert_allclose(
        cnn.predict(images, verbose=0), tutorial.predict(images, verbose=0), rtol=1e-4
    )


def test_the_deep_one_has_mnist_nodes_594922_parameters_for_mnist():
    assert architectures.deep((28, 28, 1), 10).count_params() == 594_922


@pytest.mark.parametrize(
    "build", [architectures.cnn, architectures.deep, architectures.strong]
)
def test_layers_begin_with_weights_of_their_own(build):
    """As they would not if they shared an initializer and a shape."""
    keras.utils.set_random_seed(0)
    weights = [w for w in build((28, 28, 1), 10).get_weights() if w.ndim > 1]
    firsts = {float(w.ravel()[0]) for w in weights}
    assert len(firsts) == len(weights)


@pytest.mark.parametrize("build", [architectures.cnn, architectures.deep])
@pytest.mark.parametrize("shape", [(15, 28, 1), (28, 15, 1), (1, 1, 1)])
def test_images_too_small_for_it_are_refused_by_size(build, shape):
    message = rf"expected at least 16 x 16 .* found {shape[0]} x {shape[1]}\."
    with pytest.raises(TrainerError, match=message):
        build(shape, 10)


@pytest.mark.parametrize("build", [architectures.cnn, architectures.deep])
def test_smallest_images_work(build):
    assert build((16, 16, 1), 10).output_shape == (None, 10)


networks = pytest.mark.parametrize(
    ("model", "deviation"), [("cnn", 0.5), ("deep", 0.5), ("strong", 1)]
)


@networks
def test_brings_pixels_to_mean_0_and_a_deviation_of_its_own_inside(model, deviation):
    """As they are in the training split, from raw ones."""
    images = np.random.default_rng(0).integers(90, 117, (20, 16, 18, 1), np.uint8)
    pixels = images.mean(), images.std()
    network = models.MODELS[model].build((16, 18, 1), 2, pixels)
    assert network.input.dtype == "uint8"
    scaled = keras.Model(network.input, network.layers[1].output)
    found = scaled.predict(images, verbose=0)
    assert (found.mean(), found.std()) == pytest.approx((0, deviation), abs=1e-4)


@networks
def test_how_bright_pixels_are_is_saved_with_it(model, deviation, tmp_path):
    """And with nothing else can a saved network know."""
    images = np.random.default_rng(0).integers(90, 117, (5, 16, 18, 1), np.uint8)
    network = models.MODELS[model].build((16, 18, 1), 3, (103.0, 7.5))
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), network.predict(images, verbose=0)
    )
    config = loaded.layers[1].get_config()
    scale = deviation / 7.5
    assert (config["scale"], config["offset"]) == (scale, -103 * scale)


@pytest.mark.parametrize(
    "shape",
    [
        *((1, 1, 1), (8, 8, 1), (16, 20, 1), (28, 28, 1), (28, 28, 3), (64, 64, 1)),
        *((150, 150, 3), (300, 20, 1)),
    ],
)
def test_the_strong_one_takes_images_of_any_size(shape):
    network = architectures.strong(shape, 7)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    probabilities = network.predict(images, verbose=0)
    assert probabilities.shape == (3, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_strong_one_has_658346_parameters_for_mnist():
    assert architectures.strong((28, 28, 1), 10).count_params() == 658_346


@pytest.mark.parametrize(
    ("side", "factor"), [(1, 1), (28, 1), (59, 1), (64, 2), (100, 2), (150, 4)]
)
def test_the_strong_one_shrinks_images_to_about_40_pixels(side, factor):
    assert architectures.shrinkage((side, side, 1)) == factor
    sizes = [
        layer.output.shape[1]
        for layer in architectures.strong((side, side, 1), 2).layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert sizes[0] == -(-side // factor)


@pytest.mark.parametrize("name", models.MODELS)
def test_a_network_that_normalizes_needs_three_images_a_step(name):
    model = models.MODELS[name]
    model.check_batch_size(model.least_batch, name)
    if model.is_normalized:
        with pytest.raises(TrainerError, match=r"--batch_size: expected at least 3 wi"):
            model.check_batch_size(2, name)
    else:
        assert model.least_batch == 1
