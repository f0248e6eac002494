"""The learning rate over a run, and what decays."""

import keras
import numpy as np
import pytest

from trainer.network import optimizer


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 4690])
def test_rates_are_those_of_keras_cosine_decay_with_warm_up(steps):
    rise = max(1, round(steps / 10))
    expected = keras.optimizers.schedules.CosineDecay(
        0.001, max(1, steps - rise), warmup_target=0.01, warmup_steps=rise
    )
    schedule = optimizer.Schedule(0.01, steps)
    for step in {*range(min(steps, 20)), rise, steps // 2, steps}:
        assert float(schedule(step)) == pytest.approx(float(expected(step)), abs=1e-8)


def test_kernels_decay_and_biases_do_not():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.set_weights([np.ones((2, 2)), np.ones(2)])
    model.optimizer = optimizer.adamw(0.01, 0.05, 10)
    no_gradient = [np.zeros((2, 2), np.float32), np.zeros(2, np.float32)]
    model.optimizer.apply(no_gradient, model.trainable_variables)
    kernel, bias = model.get_weights()
    assert (kernel < 1).all()
    assert (bias == 1).all()


def stepped(muon):
    """Returns a convolution's and a dense layer's kernels after a step from zero."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(3)]
    )
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.optimizer = optimizer.adamw(0.01, 0.05, 1, muon=muon)
    random = np.random.default_rng(0)
    gradients = [
        random.normal(size=w.shape).astype(np.float32) for w in model.get_weights()
    ]
    model.optimizer.apply(gradients, model.trainable_variables)
    return model.get_weights()[::2], gradients[0]


def test_muon_moves_the_kernels_of_convolutions_as_far_in_all_directions():
    """To the length that is promised, against the gradient."""
    (kernel, _), gradient = stepped(muon=True)
    singular = np.linalg.svd(kernel.reshape(-1, 8), compute_uv=False)
    was = np.linalg.svd(gradient.reshape(-1, 8), compute_uv=False)
    assert was[0] / was[-1] > 3 > 2 > singular[0] / singular[-1]
    # Of rate .001, the first of a rise, and 18 rows.
    assert np.median(singular) == pytest.approx(0.4 * 18**0.5 * 0.001, rel=0.3)
    assert np.sum(kernel * gradient) < 0


def test_muon_leaves_all_else_to_adamw():
    (kernel, dense), _ = stepped(muon=True)
    (without, dense_without), _ = stepped(muon=False)
    np.testing.assert_array_equal(dense, dense_without)
    assert not np.allclose(kernel, without)
