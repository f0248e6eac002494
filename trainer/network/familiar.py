"""Whether an image is like those that a network was trained on, by what its layers see.

What is kept for that is in the card of the network (see `card.Card.calibration`), as
`familiar`; any program that has the network's layers can ask it:

    v = the means over each map of the outputs of `layers`, one layer after the other
    u = (v - mean) / scale
    z = axes @ u
    score = sum(z * z / spread) + (sum(u * u) - sum(z * z)) / rest

An image is unlike all others where the score is more than `most`, or, where `blank`
is true, where all of its pixels are of one color.

It is the squared distance of Mahalanobis along the main axes of the training images, and
a common measure for all the others: what differs is the kind of picture. Whether a new
class is drawn as those that were learned it cannot say.
"""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from trainer.errors import TrainerError
from trainer.network import answers

_LEAST = 100  # images; fewer say nothing of what else is alike.
_AXES = 16
_KEPT = 0.99  # Of training images that the axes are not of.
_BATCH = 50
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


def measured(
    network: keras.Model, batches: Iterable[np.ndarray]
) -> dict[str, Any] | None:
    """Returns what is kept of training images; None of too few.

    Args:
      network: from uint8 images to class probabilities, trained.
      batches: images that it was trained on, uint8 `(n, height, width, channels)` each.
    """
    layers = _layers(network)
    model = _with_maps(network, layers)
    parts, blank = [], True
    for images in batches:
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            parts.append(answers.of(model, part)[1])
            blank = blank and not _is_blank(part).any()
    v = np.concatenate(parts)
    if len(v) < _LEAST or not np.isfinite(v).all():
        return None
    # What the axes are of is nearer to them than any other image.
    own, others = v[::2], v[1::2]
    mean, scale = own.mean(axis=0), own.std(axis=0)
    # Of maps that are the same in all images, but for rounding.
    scale += 0.01 * np.median(scale) + 1e-3 * np.abs(mean) + 1e-6
    u = (own - mean) / scale
    _, values, axes = np.linalg.svd(u, full_matrices=False)
    variances = values**2 / len(u)
    rank = min(_AXES, len(variances) - 1)
    rest = max(float(variances[rank:].sum() / (v.shape[1] - rank)), 1e-3)
    found = {
        "layers": layers,
        "mean": _short(mean, 7),  # Next to which a scale may be small.
        "scale": _short(scale),
        "axes": [_short(axis) for axis in axes[:rank]],
        "spread": _short(np.maximum(variances[:rank], rest)),
        "rest": float(f"{rest:.4g}"),
        "blank": blank,
    }
    most = np.maximum(np.quantile(_scores(found, others), [_KEPT]), 1)
    return found | {"most": _short(most)[0]}


def judge(
    network: keras.Model, calibration: dict[str, Any] | None, path: object = "model"
) -> Judge:
    """Returns what answers images by a network, and says which are unlike any.

    Args:
      network: from uint8 images to class probabilities.
      calibration: of its card.
      path: of the network, for errors.

    Returns:
      A function of images uint8 `(n, height, width, channels)` to float32 probabilities
      `(n, classes)` and bool `(n,)`; None instead of these where the card says nothing.

    Raises:
      TrainerError: what the card says is not of this network.
    """
    kept = (calibration or {}).get("familiar")
    if kept is None:
        return lambda images: (answers.of(network, images), None)
    try:
        model = _with_maps(network, kept["layers"])
        size = model.output_shape[1][-1]
        wrong = [n for n in ("mean", "scale") if np.shape(kept[n]) != (size,)]
        count = len(kept["spread"])
        wrong += [] if np.shape(kept["axes"]) == (count, size) else ["axes"]
        if wrong:
            raise ValueError(f"{wrong[0]} of another size")
        _scores(kept, np.zeros((1, size)))
        most, blank = float(kept["most"]), bool(kept["blank"])
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        reason = str(e).splitlines()[0]
        raise TrainerError(
            f"{path}: card.json: calibration: familiar: expected what the layers of this "
            f"network are like on its training images, found another: {reason}"
        ) from e

    def answer(images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        probabilities, v = answers.of(model, images)
        # A score that is no number is of nothing that is known.
        unknown = ~(_scores(kept, v) <= most)
        return probabilities, unknown | (blank & _is_blank(images))

    return answer


def _layers(network: keras.Model) -> list[str]:
    """Returns the first activations of each size of maps, or what the last layer sees."""
    found: dict[Any, str] = {}
    for layer in network.layers:
        activation = getattr(layer, "activation", None)
        is_relu = isinstance(layer, keras.layers.ReLU)
        if is_relu or activation is keras.activations.relu:
            shape = layer.output.shape
            if len(shape) == 4:
                found.setdefault(tuple(shape[1:3]), layer.name)
    return list(found.values()) or [network.layers[-2].name]


def _with_maps(network: keras.Model, layers: list[str]) -> keras.Model:
    """Returns a model from images to probabilities and the means over maps."""
    maps = [network.get_layer(name).output for name in layers]
    return keras.Model(network.inputs[0], [network.output, _Means()(maps)])


class _Means(keras.Layer):
    """The means over maps, side by side: one layer, of a name that no network has."""

    def __init__(self) -> None:
        super().__init__(name="means_over_maps_of_familiar")

    def call(self, maps: list[Any]) -> Any:
        means = [keras.ops.mean(x, list(range(1, len(x.shape) - 1))) for x in maps]
        return keras.ops.concatenate(means, axis=-1)


def _scores(kept: dict[str, Any], v: np.ndarray) -> np.ndarray:
    u = (v - np.array(kept["mean"])) / np.array(kept["scale"])
    z = u @ np.array(kept["axes"]).T
    inside = (z**2 / np.array(kept["spread"])).sum(axis=1)
    return inside + ((u**2).sum(axis=1) - (z**2).sum(axis=1)) / kept["rest"]


def _is_blank(images: np.ndarray) -> np.ndarray:
    """Returns which images are of one color, bool `(n,)`."""
    return (images == images[:, :1, :1]).all(axis=(1, 2, 3))


def _short(values: np.ndarray, digits: int = 4) -> list[float]:
    """Returns numbers with as many digits as matter, since a card is text."""
    return [float(f"{value:.{digits}g}") for value in values.tolist()]
