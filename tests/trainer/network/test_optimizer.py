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
