"""AdamW, with a rate that rises and then falls."""

import math
from typing import Any

import keras
from keras import ops

_WARMUP = 0.1  # of all steps
_FIRST_RATE = 0.1  # of the peak
_BETA_2 = 0.99  # Adam's usual 0.999 looks back further than so short a run is long.
_MOMENTUM = 0.95  # Of Muon.
# Of Muon's iteration: a quintic that brings singular values between 0 and 1 near to 1.
_QUINTIC = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
# Root of a kernel's mean squared step, of the rate; AdamW's are half as large.
_STEP = 0.4


def adamw(
    peak_rate: float, weight_decay: float, steps: int, muon: bool = False
) -> keras.optimizers.AdamW:
    """Returns the optimizer of a run.

    Args:
      peak_rate: learning rate after a tenth of the steps.
      weight_decay: of all weights but the biases, and what batch normalization learns,
        relative to the rate.
      steps: of the whole run.
      muon: whether kernels of convolutions take the steps of Muon.
    """
    kind = Muon if muon else keras.optimizers.AdamW
    optimizer = kind(
        Schedule(peak_rate, steps), weight_decay=weight_decay, beta_2=_BETA_2
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to the peak, and half a cosine from there to zero.

    Keras's `CosineDecay` gives the same rates, by way of a condition, for which each
    weight that decays would have a function of its own called in each step.

    Args:
      peak_rate: learning rate after a tenth of the steps.
      steps: of the whole run.
    """

    def __init__(self, peak_rate: float, steps: int):
        self._peak_rate = peak_rate
        self._rise = max(1, round(_WARMUP * steps))
        self._fall = max(1, steps - self._rise)

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, counted from 0, as a float32 scalar."""
        step = ops.cast(step, "float32")
        risen = _FIRST_RATE + (1 - _FIRST_RATE) / self._rise * step
        fallen = ops.clip((step - self._rise) / self._fall, 0, 1)
        # The one that does not hold is at least as large.
        return self._peak_rate * ops.minimum(
            risen, 0.5 + 0.5 * ops.cos(math.pi * fallen)
        )


class Muon(keras.optimizers.AdamW):
    """AdamW, but kernels of convolutions take steps that are as long in all directions.

    Keras's own Muon leaves these kernels to AdamW.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    and, for the length of the steps, Liu et al., "Muon is scalable for LLM training", 2025.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """As Keras has it; see there."""
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, _MOMENTUM * momentum + gradient)
        kernel = ops.reshape(gradient + _MOMENTUM * momentum, (-1, variable.shape[-1]))
        length = _STEP * math.sqrt(max(kernel.shape))
        step = ops.reshape(_orthogonal(kernel), variable.shape)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * length * step)


def _orthogonal(matrix: Any) -> Any:
    """Returns a matrix of the same singular vectors, with values near to 1."""
    is_high = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if is_high else matrix
    x = x / (ops.norm(x) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_ITERATIONS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return ops.transpose(x) if is_high else x
