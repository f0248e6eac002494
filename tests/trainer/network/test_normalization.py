"""Batch normalization by groups, against Keras's own of each group alone."""

import keras
import numpy as np
import pytest

from trainer.network import normalization


def layer(shape, momentum=0.9):
    keras.utils.set_random_seed(1)
    made = keras.layers.BatchNormalization(momentum=momentum)
    made.build((None, *shape))
    for variable in made.trainable_variables:
        variable.assign(keras.random.normal(variable.shape))
    return made


@pytest.mark.parametrize("shape", [(5, 4, 3), (7,), (1, 1, 2)])
@pytest.mark.parametrize("groups", [1, 2, 5])
def test_each_group_is_normalized_as_keras_would_by_itself(shape, groups):
    x = np.random.default_rng(0).normal(3, 2, (30, *shape)).astype(np.float32)
    found = normalization.normalized(layer(shape), x, groups)
    expected = [layer(shape)(part, training=True) for part in np.split(x, groups)]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_moving_statistics_move_to_the_means_of_the_groups(groups):
    x = np.random.default_rng(0).normal(3, 2, (30, 4)).astype(np.float32)
    one = layer((4,), momentum=0.6)
    normalization.normalized(one, x, groups)
    others = [layer((4,), momentum=0.6) for _ in range(groups)]
    for other, part in zip(others, np.split(x, groups), strict=True):
        other(part, training=True)
    for name in ("moving_mean", "moving_variance"):
        expected = np.mean([getattr(other, name).numpy() for other in others], axis=0)
        np.testing.assert_allclose(getattr(one, name), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("batch_size", "groups"),
    [(1, 1), (24, 1), (47, 1), (48, 2), (128, 5), (2**63 - 1, 64)],
)
def test_groups_have_24_images_or_a_few_more(batch_size, groups):
    assert normalization.groups(batch_size) == groups


@pytest.fixture
def branched():
    """A network with a branch, and both of Keras's ways to say the last axis."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 4))
    entered = layers.BatchNormalization(axis=3, momentum=0.8)(inputs)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(entered))
    x = layers.Add()([x, entered])
    frozen = layers.BatchNormalization(trainable=False)
    return keras.Model(inputs, layers.Flatten()(frozen(x)))


def test_what_ends_with_the_same_bits_is_what_keras_computes(branched):
    x = np.random.default_rng(0).normal(3, 2, (8, 6, 6, 4)).astype(np.float32)
    before = branched.get_weights()
    expected = branched(x, training=True)
    moved = branched.get_weights()
    branched.set_weights(before)
    same = normalization.repeatable(branched)
    np.testing.assert_allclose(same(x), branched(x), atol=1e-5)
    np.testing.assert_allclose(same(x, training=True), expected, atol=1e-4)
    for value, other in zip(branched.get_weights(), moved, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-5)


def test_no_gradient_is_a_sum_whose_order_is_left_open(branched):
    """As TensorFlow leaves that of three and more; Keras's own layers have such."""
    tf = pytest.importorskip("tensorflow")

    def most(network):
        @tf.function
        def gradients(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(network(x, training=True))
            return tape.gradient(loss, [v.value for v in network.trainable_variables])

        graph = gradients.get_concrete_function(tf.zeros((8, 6, 6, 4))).graph
        sums = (o for o in graph.get_operations() if o.type == "AddN")
        return max(len(sum_.inputs) for sum_ in sums)

    assert most(branched) > 2 == most(normalization.repeatable(branched))
