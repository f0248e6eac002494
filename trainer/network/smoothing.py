"""A model that learns labels which are not quite sure."""

from typing import Any

import keras
from keras import ops


class Smoothed(keras.Model):
    """A model whose loss in training has each label smoothed, and in evaluation has not.

    A network that is to be sure of every label learns by heart what it cannot
    understand. Here a part of each label is spread over all classes.

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
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training or not self.smoothing:
            return loss
        even = ops.ones_like(y_pred) / y_pred.shape[-1]
        spread = keras.losses.CategoricalCrossentropy()(even, y_pred, sample_weight)
        return (1 - self.smoothing) * loss + self.smoothing * spread
