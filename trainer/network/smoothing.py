"""Models that learn labels which are not quite sure."""

from typing import Any

import keras
from keras import ops


class Smoothed:
    """Of a Keras model: its loss in training has labels smoothed, in evaluation not.

    A network that is to be sure of every label learns by heart what it cannot
    understand. Here a part of each label is spread over all classes.

    It comes before `keras.Model` among the bases of a class, and is none itself, since
    Keras gives a model that is made of inputs and outputs another base, and its bases, too.

    Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
    2015.

    Attributes:
      smoothing: the part, 0 to 1; 0 for labels as they are.
    """

    smoothing = 0.0

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """As Keras has it; see there."""
        loss = super().compute_loss(  # type: ignore[misc]
            x, y, y_pred, sample_weight, training
        )
        classes = y_pred.shape[-1]
        if not training or not self.smoothing or classes == 1:
            return loss
        even = ops.ones_like(y_pred) / classes
        spread = keras.losses.CategoricalCrossentropy()(even, y_pred, sample_weight)
        return (1 - self.smoothing) * loss + self.smoothing * spread
