"""What a network says of a few images, as soon as the backend can."""

from typing import Any

import keras
import numpy as np


def of(model: keras.Model, images: np.ndarray) -> Any:
    """Returns the outputs of a model, as arrays of NumPy in the model's structure.

    TensorFlow calls it as it is: to compile it takes longer than that saves on a few
    images. JAX would compile each operation by itself, for each number of images.

    Args:
      model: of one input.
      images: what goes into it, `(n, ...)`.
    """
    if keras.backend.backend() == "jax":
        return model.predict_on_batch(images)
    outputs = model(images, training=False)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
