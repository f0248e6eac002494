"""Where in an image a network looks for its answer."""

import keras
import numpy as np
import pytest

from trainer.network import looks, models

L = keras.layers
RNG = np.random.default_rng(0)


def small(shape, classes, pixels):
    """A network that ends in a mean over maps, within another one."""
    base = keras.Sequential(
        [
            keras.Input(shape),
            L.Rescaling(1 / 255),
            L.Conv2D(8, 3, strides=2, activation="relu"),
            L.Conv2D(8, 3, activation="relu"),
        ]
    )
    inputs = keras.Input(shape, dtype="uint8")
    x = L.GlobalAveragePooling2D()(base(inputs))
    return keras.Model(inputs, L.Dense(classes, activation="softmax")(x))


@pytest.mark.parametrize("build", [small, models.MODELS["strong"].build])
def test_a_network_that_sees_a_watermark_looks_at_its_corner(build):
    """Noise says nothing of the class; a mark in a corner says all."""
    keras.utils.set_random_seed(0)
    images = RNG.integers(0, 200, (96, 24, 24, 1), np.uint8)
    labels = np.arange(96) % 2
    images[labels == 1, 18:22, 2:6] = 255
    network = build((24, 24, 1), 2, (100.0, 58.0))
    network.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    network.fit(images, labels, epochs=12, batch_size=32, verbose=0)
    marked = images[labels == 1]
    assert (network.predict(marked, verbose=0).argmax(axis=1) == 1).mean() > 0.9
    maps = looks.looked(network, marked, np.ones(48, int))
    mean = maps.mean(axis=0)
    rows, columns = mean.shape
    corner = mean[rows // 2 :, : -(-columns // 2)]
    assert corner.max() == mean.max()
    assert corner.max() > 2 * np.median(mean)


def test_of_a_mean_over_maps_it_is_the_class_activation():
    network = small((20, 20, 1), 3, None)
    images = RNG.integers(0, 256, (5, 20, 20, 1), np.uint8)
    labels = np.array([0, 2, 1, 1, 0])
    base, kernel = network.layers[1], network.layers[-1].kernel.numpy()
    maps = base(images, training=False).numpy()
    weights = (kernel - kernel.mean(axis=1, keepdims=True)).T[labels]
    activation = np.maximum(np.einsum("nhwc,nc->nhw", maps, weights), 0)
    activation /= np.maximum(activation.max(axis=(1, 2), keepdims=True), 1e-9)
    np.testing.assert_allclose(
        looks.looked(network, images, labels), activation, atol=1e-4
    )


@pytest.mark.parametrize(
    "layers",
    [
        [L.Flatten(), L.Dense(3), L.Softmax()],  # The image itself is its last map.
        [L.Conv2D(4, 3), L.Flatten(), L.Dense(3), L.Activation("softmax")],
        [L.Conv2D(4, 3), L.Flatten(), L.Dense(1, activation="softmax")],
    ],
)
def test_any_network_is_asked_part_by_part_and_stays_as_it_is(layers):
    network = keras.Sequential([keras.Input((20, 20, 1)), *layers])
    images = RNG.integers(0, 256, (2, 20, 20, 1), np.uint8)
    before = network(images).numpy()
    maps = looks.looked(network, images, np.zeros(2, int))
    assert maps.shape == (2, 8, 8)
    assert 0 <= maps.min() <= maps.max() <= 1
    np.testing.assert_array_equal(network(images), before)
