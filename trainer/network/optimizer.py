"""AdamW, with a rate that rises and then falls."""

import math
from typing import Any

import keras
from keras import ops

_WARMUP = 0.1  # of all steps
_FIRST_RATE = 0.1  # of the peak
_BETA_2 = 0.99  # Adam's usual 0.999 looks back further than so short a run is long.


def adamw(peak_rate: float, weight_decay: float, steps: int) -> keras.optimizers.AdamW:
    """Returns the optimizer of a run.

    Args:
      peak_rate: learning rate after a tenth of the steps.
      weight_decay: of all weights but the biases, and what batch normalization learns,
        relative to the rate.
      steps: of the whole run.
    """
    optimizer = keras.optimizers.AdamW(
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
