"""The two features of a data set that a classifier of images is trained on."""

from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from mnist_idx_tfds import by_name, idx

_CHANNELS = (1, 3)
_HINT = "The trainer takes data sets of one image and one class label."


class Features(NamedTuple):
    """Where an example's image and label are, and what they can be.

    Attributes:
      image: key of the image, PNG, JPEG, GIF or BMP bytes of uint8 pixels.
      label: key of the label, int64, 0 to `len(label_names) - 1`.
      image_shape: height, width and channels, in pixels.
      label_names: names of the classes, in the order of their labels.
      transposed: whether images are stored with rows for columns, and are square.
    """

    image: str
    label: str
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    transposed: bool = False

    @property
    def note(self) -> str:
        """What to say of how images are fed; empty where it is as they are stored."""
        return "stored transposed, turned upright" if self.transposed else ""


def find(info: tfds.core.DatasetInfo) -> Features:
    """Finds the one image and the one label, whatever they are called.

    Where there are several, they are those of the data set's `supervised_keys`. It may be
    prepared or not.

    Raises:
      idx.IdxError: one of them is missing, or unfit to be trained on.
    """
    name = f"--dataset: {info.full_name}"
    image, label = (
        by_name.only(name, info, kind, _HINT)
        for kind in (tfds.features.Image, tfds.features.ClassLabel)
    )
    shape = info.features[image].shape
    if len(shape) != 3 or None in shape or shape[-1] not in _CHANNELS:
        expected = "a fixed height and width and 1 or 3 channels"
        raise idx.error(name, image, expected, f"{shape}", _HINT)
    if (dtype := info.features[image].np_dtype) != np.uint8:
        raise idx.error(name, image, "uint8 pixels", np.dtype(dtype).name, _HINT)
    if not info.features[label].num_classes:
        raise idx.error(name, label, "a number of classes", "none", _HINT)
    names = tuple(info.features[label].names)
    return Features(image, label, shape, names, by_name.is_transposed(info.full_name))
