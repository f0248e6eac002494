"""Somebody's network, put on the images of a set and given a last layer for its classes."""

import re
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from trainer.errors import TrainerError
from trainer.network import graph
from trainer.network.graph import Graph

# Keras's networks whose pixels are brought to a range before them, by the names that they
# have in files, and the range. Those that are not here do it themselves.
_KNOWN = (
    (r"resnet\d+v2|mobilenet(v2)?_[\d.]+_|xception|inception_|nasnet", "-1..1"),
    (r"densenet", "torch"),
    (r"vgg\d|resnet\d", "caffe"),
)
_MEAN = np.array([0.485, 0.456, 0.406]) * 255  # Of ImageNet's red, green and blue.
_DEVIATION = np.array([0.229, 0.224, 0.225]) * 255
_CAFFE_MEAN = [103.939, 116.779, 123.68]  # Blue, green and red.
# What brings bytes to a range: scale and offset.
_SCALES: dict[str, tuple[Any, Any]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (1 / 127.5, -1.0),
    "torch": ((1 / _DEVIATION).tolist(), (-_MEAN / _DEVIATION).tolist()),
    "caffe": (1.0, [-mean for mean in _CAFFE_MEAN]),
}
RANGES = tuple(_SCALES)
_SCALED = 16  # Pixels of a wider range than this have not been scaled yet.


class Adopted(NamedTuple):
    """A network for the images and classes of a set.

    Attributes:
      network: of the form of `architectures.cnn`.
      is_new: whether its last layer is.
      pixels: the range that its pixels are brought to, of `RANGES`.
      why: that range was taken, for people.
    """

    network: keras.Model
    is_new: bool
    pixels: str
    why: str


def adopt(
    start: keras.Model,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    path: object,
    pixels: str | None = None,
    same_classes: bool = False,
) -> Adopted:
    """Returns a copy of a network that takes images as they are, and has other classes.

    Images of another size are resized in it; gray ones become three channels alike.

    Args:
      start: from images of one input to one output; as `saved.load` returns it.
      image_shape: height, width and channels of the set's images, in pixels.
      num_classes: of the set.
      path: of `start`, for errors.
      pixels: the range that it takes, of `RANGES`; None for the one that is found: of
        whole numbers, of a layer that scales them, or of Keras's networks by name.
      same_classes: whether they are its own, so that its last layer stays.

    Raises:
      TrainerError: it cannot take the images, has no last layer that can be replaced,
        or none knows the range of its pixels.
    """
    where = f"--from_model={path}"
    why = "by --pixels"
    if pixels is None:
        pixels, why = _range(start, where)
    images = keras.Input(image_shape, dtype="uint8", name="image")
    fitted = _fitted(images, start, pixels, where)
    try:
        made = graph.unfolded(start, fitted)
    except ValueError as e:  # Keras's, of whatever layer.
        raise TrainerError(
            f"{where}: expected a network for images of "
            f"{'x'.join(map(str, image_shape))}, found one that cannot take them: "
            f"{str(e).splitlines()[0]}"
        ) from e
    features = _features(made, where)
    if is_new := not (same_classes and _gives_probabilities(made)):
        outputs = keras.layers.Dense(
            num_classes, activation="softmax", dtype="float32", name="probabilities"
        )(features)
    else:
        outputs = made.outputs
    network = keras.Model(images, outputs, name=start.name)
    return Adopted(network, is_new, pixels, why)


def _fitted(images: Any, start: keras.Model, pixels: str, where: str) -> Any:
    """Returns symbolic images as a network takes them."""
    height, width, channels = images.shape[1:]
    to_height, to_width, to_channels = start.input_shape[1:]
    if to_channels not in (None, channels) and (channels, to_channels) != (1, 3):
        kinds = {1: "in gray", 3: "in color"}
        taken, found = (
            kinds.get(n, f"of {n} channels") for n in (to_channels, channels)
        )
        hint = " mnist_idx_tfds.pack makes gray ones without --color." * (channels == 3)
        raise TrainerError(
            f"{where}: expected images {taken}, as the network takes them, found some "
            f"{found}.{hint}"
        )
    # Not a layer, so that the network is trained as a whole, see `parallel`.
    x = ops.cast(images, "float32")
    to = to_height or height, to_width or width
    # What lies between the pixels of a smaller image would be passed over.
    if (factor := min(height // to[0], width // to[1])) > 1:
        x = keras.layers.AveragePooling2D(factor)(x)
    if x.shape[1:3] != to:
        # Not the layer Resizing, with which Keras exports what follows as in training.
        x = ops.image.resize(x, to)
    if (channels, to_channels) == (1, 3):
        x = keras.layers.Concatenate()([x, x, x])
    if pixels == "caffe":
        x = ops.flip(x, axis=-1)
    scale, offset = _SCALES[pixels]
    return keras.layers.Rescaling(scale, offset)(x)


def _range(start: keras.Model, where: str) -> tuple[str, str]:
    """Returns the range of pixels that a network takes, and how that is known."""
    if "int" in start.inputs[0].dtype:
        return "0..255", "since it takes whole numbers"
    copy = graph.unfolded(start)
    first = next((step for step in copy.steps if step.is_learned), copy.steps[-1])
    shape = [side or 64 for side in start.input_shape[1:]]
    levels = np.array([0, 1, 255], "float32")[:, None, None, None]
    seen = keras.Model(copy.inputs, first.input)(np.ones([3, *shape]) * levels)
    # The middle of each, since what is padded is black in all of them.
    black, unit, white = np.median(np.asarray(seen).reshape(3, -1), axis=1).tolist()
    if abs(white - black) <= _SCALED or black < -_SCALED < _SCALED < white:
        return "0..255", "since it scales them itself"
    if max(abs(black), abs(unit - 1)) > 0.01:
        return "0..1", "since it scales such itself"
    for name in (start.name, *(layer.name for layer in start.layers)):
        for pattern, known in _KNOWN:
            if re.match(pattern, name, re.IGNORECASE):
                return known, f"as {name} of Keras has them"
    raise TrainerError(
        f"{where}: expected a network that scales pixels itself or is one of Keras's by "
        f"name, found {start.name}, whose first layer with weights gets them as they "
        f"are. Say what it was trained with: --pixels={', '.join(RANGES[:3])}, or "
        "torch or caffe, as Keras calls these."
    )


def _features(made: Graph, where: str) -> Any:
    """Returns what the last layer gets, a vector for each image."""
    features, found = None, "none with weights"
    if made.last:
        layer, features = made.last.operation, made.last.input
        found = f"{type(layer).__name__} '{layer.name}'"
        if isinstance(layer, keras.layers.Conv2D) and features.shape[1:3] == (1, 1):
            features = keras.layers.Flatten()(features)
        elif not isinstance(layer, keras.layers.Dense):
            features = None
    others = [s.operation.name for s in made.tail if not _is_form(s.operation)]
    if features is None or len(features.shape) != 2 or others:
        found = others[0] + " behind " + found if others else found
        raise TrainerError(
            f"{where}: last layer: expected a Dense, or a Conv2D of 1 x 1, for the "
            f"classes, and nothing but softmax behind it, found {found}. What is to be "
            "replaced is not known."
        )
    return features


def _is_form(operation: Any) -> bool:
    layers = keras.layers
    forms = layers.Activation, layers.Softmax, layers.Flatten, layers.Reshape
    return (
        isinstance(operation, (*forms, layers.Dropout)) or operation.name == "softmax"
    )


def _gives_probabilities(made: Graph) -> bool:
    last = made.steps[-1].operation
    activation = getattr(last, "activation", None)
    return isinstance(last, keras.layers.Softmax) or (
        activation is keras.activations.softmax
    )
