"""The two features of a data set that a classifier of images is trained on."""

from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from trainer.errors import TrainerError

_CHANNELS = (1, 3)


class Features(NamedTuple):
    """Where an example's image and label are, and what they can be.

    Attributes:
      image: key of the image, PNG, JPEG, GIF or BMP bytes of uint8 pixels.
      label: key of the label, int64, 0 to `len(label_names) - 1`.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
    """

    image: str
    label: str
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]


def find(info: tfds.core.DatasetInfo) -> Features:
    """Finds the one image and the one label, whatever they are called.

    Where there are several, they are those of the data set's `supervised_keys`.

    Args:
      info: of a data set, prepared or not.

    Raises:
      TrainerError: one of them is missing, or unfit to be trained on.
    """
    image = _only(info, tfds.features.Image)
    label = _only(info, tfds.features.ClassLabel)
    shape = info.features[image].shape
    if len(shape) != 3 or None in shape or shape[-1] not in _CHANNELS:
        expected = "a fixed height and width and 1 or 3 channels"
        raise _error(info, image, expected, f"{shape}")
    if (dtype := info.features[image].np_dtype) != np.uint8:
        raise _error(info, image, "uint8 pixels", np.dtype(dtype).name)
    if not info.features[label].num_classes:
        raise _error(info, label, "a number of classes", "none")
    return Features(image, label, shape, tuple(info.features[label].names))


def _only(info: tfds.core.DatasetInfo, kind: type) -> str:
    """Returns the key of the feature of a kind that there is to take."""
    try:
        features = dict(info.features)
    except TypeError:  # Not a dictionary: a data set of bare tensors.
        features = {}
    # A subclass is something else: tfds.features.LabeledImage labels pixels.
    keys = [key for key, feature in features.items() if type(feature) is kind]
    supervised = [key for key in keys if key in (info.supervised_keys or ())]
    if len(keys) != 1:
        keys = supervised or keys
    if len(keys) != 1:
        found = ", ".join(
            f"{key} ({type(features[key]).__name__})" for key in keys or features
        )
        raise _error(info, "features", f"one {kind.__name__}", found or "none")
    return keys[0]


def _error(
    info: tfds.core.DatasetInfo, field: str, expected: str, found: str
) -> TrainerError:
    return TrainerError(
        f"--dataset: {info.full_name}: {field}: expected {expected}, found {found}. "
        "The trainer takes data sets of one image and one class label."
    )
