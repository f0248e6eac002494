"""Batches in parts, side by side, against batches as a whole."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.network import models, parallel


def network(name="cnn"):
    keras.utils.set_random_seed(1)
    return models.MODELS[name].build((28, 28, 1), 10)


def examples(count):
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, 28, 28, 1), np.uint8)
    return images, rng.integers(0, 10, count)


@pytest.mark.parametrize("count", [1, 2, 3, 64, 77])
def test_batches_of_any_size_have_the_probabilities_of_the_network(count):
    whole = network()
    images, _ = examples(count)
    parts = parallel.divided(whole, 3, 64)
    np.testing.assert_allclose(
        parts.predict(images, verbose=0), whole.predict(images, verbose=0), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["cnn", "deep"])
@pytest.mark.parametrize("count", [1, 2, 77])
def test_a_step_changes_the_weights_as_a_step_of_the_network_does(name, count):
    """What dropout leaves out included."""
    whole = network(name)
    other = network(name)
    for trained in (whole, parallel.divided(other, 3, 64)):
        trained.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        trained.train_on_batch(*examples(count))
    for expected, found in zip(whole.weights, other.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_random_state_of_dropout_is_among_the_variables():
    """So that a checkpoint has it, in the same order whatever the number of cores."""
    whole = network("deep")
    paths = [variable.path for variable in whole.variables]
    parts = parallel.divided(whole, 2, 64)
    parts.compile("adam", "sparse_categorical_crossentropy")
    assert [variable.path for variable in parts.variables][: len(paths)] == paths
    assert any("seed" in path for path in paths)


@pytest.mark.parametrize(("cores", "batch_size"), [(3, 64), (8, 48)])
def test_each_core_has_a_part_of_its_own_of_at_least_16_images(cores, batch_size):
    """Told by the convolutions, two of which the network has."""
    count = parallel.parts(models.MODELS["cnn"], cores, batch_size)
    parts = tf.function(parallel.divided(network(), count, batch_size))
    images = tf.TensorSpec((None, 28, 28, 1), tf.uint8)
    operations = parts.get_concrete_function(images).graph.get_operations()
    assert [operation.type for operation in operations].count("Conv2D") == 2 * 3


@pytest.mark.parametrize(("cores", "batch_size"), [(1, 128), (8, 31)])
def test_one_core_and_small_batches_are_computed_as_a_whole(cores, batch_size):
    assert parallel.parts(models.MODELS["deep"], cores, batch_size) == 1
    parts = tf.function(parallel.divided(network(), 1, batch_size))
    images = tf.TensorSpec((None, 28, 28, 1), tf.uint8)
    operations = parts.get_concrete_function(images).graph.get_operations()
    assert [operation.type for operation in operations].count("Conv2D") == 2


@pytest.mark.parametrize("name", models.MODELS)
def test_what_normalizes_batches_is_not_divided_among_cores(name):
    divided = models.MODELS[name].is_divided
    normalizes = any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in network(name).layers
    )
    parts = {parallel.parts(models.MODELS[name], n, 96) for n in (1, 2, 3, 16)}
    assert not (divided and normalizes)
    assert parts == ({1, 2, 3, 6} if divided else {1})


def statistics(network):
    """Returns mean and variance of each batch normalization."""
    return [
        value.numpy()
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for value in (layer.moving_mean, layer.moving_variance)
    ]


@pytest.mark.parametrize("count", [1, 3, 48, 49])
def test_batch_normalization_sees_none_but_the_images_of_a_batch(count):
    """Told by images that are all the same, so that groups have their statistics."""
    images, labels = examples(1)
    batch = images.repeat(count, axis=0), labels.repeat(count)
    whole, other = network("strong"), network("strong")
    grouped = parallel.divided(other, 1, 80)
    for trained in (whole, grouped):
        trained.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        for _ in range(3):
            trained.train_on_batch(*batch)
    assert np.isfinite(grouped.predict(examples(5)[0], verbose=0)).all()
    for expected, found in zip(statistics(whole), statistics(other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_network_keeps_its_own_loss_and_optimizer():
    """With which it is saved."""
    whole = network()
    whole.compile(loss="mse")
    for parts in (1, 2):
        parallel.divided(whole, parts, 64).compile("adam", "mae")
    assert whole.loss == "mse"
