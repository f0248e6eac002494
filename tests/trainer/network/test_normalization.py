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
