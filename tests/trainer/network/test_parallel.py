"""Batches in parts, side by side, against batches as a whole."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.network import architectures, parallel


def network(name="cnn"):
    keras.utils.set_random_seed(1)
    return architectures.MODELS[name].build((28, 28, 1), 10)


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


@pytest.mark.parametrize("count", [1, 2, 77])
def test_a_step_changes_the_weights_as_a_step_of_the_network_does(count):
    whole = network()
    other = network()
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
    parts = tf.function(parallel.divided(network(), cores, batch_size))
    images = tf.TensorSpec((None, 28, 28, 1), tf.uint8)
    operations = parts.get_concrete_function(images).graph.get_operations()
    assert [operation.type for operation in operations].count("Conv2D") == 2 * 3


@pytest.mark.parametrize(("cores", "batch_size"), [(1, 128), (8, 31)])
def test_one_core_and_small_batches_are_computed_as_a_whole(cores, batch_size):
    whole = network()
    found = parallel.divided(whole, cores, batch_size)
    assert [layer.name for layer in found.layers] == [n.name for n in whole.layers]
    assert found.weights == whole.weights


def test_the_network_keeps_its_own_loss_and_optimizer():
    """With which it is saved."""
    whole = network()
    whole.compile(loss="mse")
    for cores in (1, 2):
        parallel.divided(whole, cores, 64).compile("adam", "mae")
    assert whole.loss == "mse"


def after_steps(cores, batch, momentum=0.5, steps=12):
    """Returns `strong` after steps on the same images that change no weight."""
    whole = network("strong")
    for layer in whole.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    trained = parallel.divided(whole, cores, 48)
    trained.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    for _ in range(steps):
        trained.train_on_batch(*batch)
    return whole


def statistics(network):
    """Returns mean and variance of each batch normalization."""
    return [
        (layer.moving_mean.numpy(), layer.moving_variance.numpy())
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


@pytest.mark.parametrize("count", [48, 32, 30])
def test_batch_normalization_of_parts_has_about_the_statistics_of_the_whole(count):
    """Exact ones are of what each part is normalized by: 24, 16 and 15 images."""
    whole, parts = (statistics(after_steps(cores, examples(count))) for cores in (1, 2))
    for layer, ((mean, variance), (found_mean, found_variance)) in enumerate(
        zip(whole, parts, strict=True)
    ):
        # The last is of a dense layer, with a value an image instead of hundreds.
        dense = layer == 4
        offset = np.abs(found_mean - mean) / np.sqrt(variance)
        assert offset.max() < (0.3 if dense else 0.05)
        assert np.median(found_variance / variance) == pytest.approx(1, abs=0.05)
        assert np.abs(found_variance / variance - 1).max() < (0.6 if dense else 0.15)


def test_each_part_moves_the_statistics_in_a_step():
    """They are the means over the last hundred parts, not the last hundred steps."""
    start, _ = statistics(network("strong"))[0]
    one, two = (
        statistics(after_steps(cores, examples(48), 0.9, 1))[0][0] for cores in (1, 2)
    )
    np.testing.assert_allclose((two - start) / (one - start), 1 + 0.9, rtol=0.02)


@pytest.mark.parametrize("count", [1, 3])
def test_batch_normalization_sees_none_but_the_images_of_a_short_batch(count):
    """Told by images that are all the same, so that a whole has their statistics."""
    images, labels = examples(1)
    batch = images.repeat(count, axis=0), labels.repeat(count)
    # The same, with a batch that is computed as a whole.
    whole, parts = (
        statistics(after_steps(cores, batch, 0.5, steps))
        for cores, steps in ((1, 24), (2, 12))
    )
    for expected, found in zip(whole, parts, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cores", [1, 2])
def test_a_batch_of_one_image_leaves_a_network_of_numbers(cores):
    trained = after_steps(cores, examples(1), 0.99, 3)
    assert np.isfinite(trained.predict(examples(5)[0], verbose=0)).all()
