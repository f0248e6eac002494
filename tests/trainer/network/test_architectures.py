"""The networks, and reading saved ones."""

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import architectures


def test_has_the_tutorials_5994_parameters_for_mnist():
    assert architectures.cnn((28, 28, 1), 10).count_params() == 5994


def test_takes_raw_uint8_images_and_gives_probabilities():
    cnn = architectures.cnn((20, 31, 1), 7)
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 31, 1), np.uint8)
    probabilities = cnn.predict(images, verbose=0)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_scales_pixels_to_0_to_1_inside():
    """The first convolution sees v/255, whatever the images' type says."""
    cnn = architectures.cnn((16, 16, 1), 2)
    scaled = keras.Model(cnn.input, cnn.layers[1].output)
    image = np.full((1, 16, 16, 1), 255, np.uint8)
    np.testing.assert_allclose(scaled.predict(image, verbose=0), 1.0, rtol=1e-6)


def test_relu_after_pooling_is_relu_before_pooling():
    cnn = architectures.cnn((28, 28, 1), 10)
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


@pytest.mark.parametrize("build", [architectures.cnn, architectures.deep])
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
