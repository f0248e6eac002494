"""What a network says of images in files.

More than 300 lines, since files are read, fitted and answered a batch at a time.
"""

import contextlib
import functools
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from etils import epath
from PIL import Image

from mnist_idx_tfds import idx, idx_set
from mnist_idx_tfds.pictures import loading, making, reading
from trainer.errors import TrainerError
from trainer.machine import shares
from trainer.picture import fit

# As `network.familiar` has it.
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
BEST = 3  # Classes that a prediction has.
_BATCH = 500  # Images, unless they are large.
_IDX_NAME = re.compile(r"[-_.]idx\d{1,2}[-_](u?byte|short|int|float|double)")


class Prediction(NamedTuple):
    """What a network says of one image.

    Attributes:
      file: the image's file, or the IDX file that it is in.
      index: its position in an IDX file, from 0; None in other files.
      predictions: label, name and probability of the best classes, the best first.
      inverted: whether light and dark were exchanged for the network.
      labelled: name of the class that the labels beside an IDX file give it; None
        where these were not asked for.
      unknown: whether it is unlike anything that the network was trained on; None where
        the network's card does not say how to tell.
    """

    file: str
    index: int | None  # type: ignore[assignment]  # A tuple's method.
    predictions: list[dict[str, Any]]
    inverted: bool
    labelled: str | None = None
    unknown: bool | None = None

    @property
    def name(self) -> str:
        """Name of the best class."""
        return str(self.predictions[0]["name"])

    @property
    def probability(self) -> float:
        """Of the best class, 0 to 1."""
        return float(self.predictions[0]["probability"])


def image_shape(network: keras.Model) -> tuple[int, int, int]:
    """Returns height, width and channels that a network takes.

    Raises:
      TrainerError: they are not fixed, or the images are neither gray nor in color.
    """
    shape = network.input_shape[1:]
    if None in shape or shape[2] not in (1, 3):
        raise TrainerError(
            f"--model: input: expected images of one size with 1 or 3 channels, found "
            f"{shape}"
        )
    return shape


def predict(
    network: keras.Model,
    names: Sequence[str],
    files: Sequence[str],
    *,
    judge: Judge | None = None,
    complain: Callable[[str], None],
    invert: str = "auto",
    how: str | None = "ink",
    index: int | None = None,
    labels: Callable[[epath.Path], np.ndarray] | None = None,
) -> Iterator[Prediction]:
    """Labels the images in files, with memory that does not grow with their number.

    Args:
      network: from uint8 images to class probabilities.
      names: names of the classes, in the order of their labels.
      files: IDX files of images, and any that `reading.load` reads.
      judge: says of images, beside the probabilities, which are unlike any.
      complain: is told of each file or image that cannot be labelled, in a line.
      invert: as for `fit.fit`.
      how: as for `fit.fit`.
      index: which image of IDX files to label, from 0; None for all of them.
      labels: returns the label of each image in an IDX file, int `(n,)`, as the network
        has them; with it, files are IDX files, and predictions that agree are left out.

    Yields:
      The others' predictions, in their order.

    Raises:
      fit.HowError: as of `fit.fit`.
    """
    shape = image_shape(network)
    fitted = _fit(
        files,
        functools.partial(fit.fit, shape=shape, invert=invert, how=how),
        functools.partial(_read, index=index, labels=labels),
        labels is not None or index is not None,
        _enough(shape, how),
        complain,
    )
    most = shares.at_once(shape, _BATCH)
    while batch := list(itertools.islice(fitted, most)):
        pixels = np.stack([pixels for _, _, _, (pixels, _) in batch])
        answers = best(network, names, pixels, judge)
        for (file, number, label, (_, inverted)), (classes, unknown) in zip(
            batch, answers, strict=True
        ):
            if label == classes[0]["label"]:
                continue
            labelled = None if label is None else names[label]
            yield Prediction(file, number, classes, inverted, labelled, unknown)


def best(
    network: keras.Model,
    names: Sequence[str],
    pixels: np.ndarray,
    judge: Judge | None = None,
) -> list[tuple[list[dict[str, Any]], bool | None]]:
    """Returns what a network says of images.

    Args:
      network: from uint8 images to class probabilities.
      names: names of the classes, in the order of their labels.
      pixels: uint8 `(n, height, width, channels)`, as the network takes them.
      judge: as of `predict`.

    Returns:
      Of each image label, name and probability of its best classes, the best first, and
      whether it is unlike any that the network knows; None where nobody can tell.
    """
    if judge:
        answered, unknown = judge(pixels)
    else:
        answered, unknown = probabilities(network, pixels), None
    found = answered.astype(float)
    unlike = [None] * len(found) if unknown is None else unknown.tolist()
    order = np.argsort(-found, axis=1, kind="stable")[:, :BEST]
    classes = [
        [{"label": k, "name": names[k], "probability": row[k]} for k in labels]
        for row, labels in zip(found.tolist(), order.tolist(), strict=True)
    ]
    return list(zip(classes, unlike, strict=True))


def fitted(
    network: keras.Model, images: np.ndarray, how: str | None, invert: str
) -> Iterator[tuple[fit.Fitted, ...]]:
    """Yields images as a network takes them, some at a time.

    Args:
      network: from uint8 images to class probabilities.
      images: uint8 `(n, height, width, channels)`, of any size.
      how: as for `fit.fit`.
      invert: as for `fit.fit`.

    Raises:
      TrainerError: as of `fit.fit`.
    """
    shape = image_shape(network)
    made = (fit.fit(making.of_pixels(x), shape, invert, how) for x in images)
    most = shares.at_once(shape, _BATCH)
    while batch := tuple(itertools.islice(made, most)):
        yield batch


def probabilities(network: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Returns the probabilities of all classes, float32 `(n, classes)`.

    Args:
      network: as for `best`.
      pixels: as for `best`.
    """
    # Called as it is: to compile it takes longer than that saves on a few images.
    return keras.ops.convert_to_numpy(network(pixels, training=False))


def load(
    path: str | os.PathLike[str], shape: tuple[int, int, int], how: str | None
) -> Image.Image:
    """Loads a picture with the pixels that `fit.fit` needs.

    Args:
      path: as of `reading.load`.
      shape: as of `fit.fit`.
      how: as of `fit.fit`.

    Raises:
      idx.IdxError: as of `reading.load`.
    """
    return reading.load(path, _enough(shape, how))


def _enough(shape: tuple[int, int, int], how: str | None) -> int | None:
    # As `pack` reads them, where pictures are to be like those.
    return None if how == "ink" and shape[2] == 1 else 2 * max(shape[:2])


def _fit(
    files: Sequence[str],
    fit_one: Callable[[Image.Image], fit.Fitted],
    read: Callable[[str], Iterator[tuple[int, int | None, Image.Image]]],
    only_idx: bool,
    enough: int | None,
    complain: Callable[[str], None],
) -> Iterator[tuple[str, int | None, int | None, fit.Fitted]]:
    """Fits pictures on all cores, and the images of IDX files one after the other."""

    def fit_picture(image: Image.Image) -> fit.Fitted | TrainerError:
        try:
            return fit_one(image)
        except fit.HowError:  # Of all pictures alike.
            raise
        except TrainerError as e:
            return e

    pictures: Iterable[fit.Fitted | TrainerError | idx.IdxError | None]
    pictures = itertools.repeat(None, len(files))
    if not only_idx:
        paths = (os.fspath(_path(file)) for file in files)
        pictures = reading.use_all(paths, fit_picture, enough, other=_is_idx)
    for file, picture in zip(files, pictures, strict=True):
        if picture is None:
            yield from _fit_images(file, fit_one, read, complain)
        elif isinstance(picture, idx.IdxError):
            complain(str(picture))
        elif isinstance(picture, TrainerError):
            complain(f"{file}: {picture}")
        else:
            yield file, None, None, picture


def _fit_images(
    file: str,
    fit_one: Callable[[Image.Image], fit.Fitted],
    read: Callable[[str], Iterator[tuple[int, int | None, Image.Image]]],
    complain: Callable[[str], None],
) -> Iterator[tuple[str, int | None, int | None, fit.Fitted]]:
    try:
        for number, label, image in read(file):
            try:
                yield file, number, label, fit_one(image)
            except fit.HowError:
                raise
            except TrainerError as e:
                complain(f"{file}: image {number}: {e}")
    except fit.HowError:
        raise
    except (TrainerError, idx.IdxError) as e:
        complain(str(e))


def _read(
    file: str,
    index: int | None,
    labels: Callable[[epath.Path], np.ndarray] | None,
) -> Iterator[tuple[int, int | None, Image.Image]]:
    """Yields the images of an IDX file, with position and label."""
    path = _path(file)
    if not _is_idx(path):
        found = "another" if path.exists() else "no such file"
        found = "a folder" if path.is_dir() else found
        if labels:
            hint = "Only an IDX file has labels beside it."
            raise idx.error(file, "format", "IDX, for --only_wrong", found, hint)
        hint = "Without --index, it may be an image of its own."
        raise idx.error(file, "format", "IDX, for --index", found, hint)
    images, notes = idx_set.images_of(path)
    for note in notes:
        print(note, file=sys.stderr)
    if index is not None and index >= len(images):
        expected = f"0 to {len(images) - 1}"
        raise idx.error(file, "--index", expected, f"{index}")
    given = labels(path) if labels else None
    stop = None if index is None else index + 1
    items = enumerate(itertools.chain.from_iterable(images.read()))
    for number, pixels in itertools.islice(items, index, stop):
        label = None if given is None else int(given[number])
        yield number, label, making.of_pixels(pixels)


def _path(file: str) -> epath.Path:
    return epath.Path(file).expanduser()


def _is_idx(path: idx.PathLike) -> bool:
    """Whether a file begins like an IDX file, or is called like one."""
    with contextlib.suppress(OSError):  # It may be on another machine.
        if loading.is_pipe(path):
            return False
    try:
        with epath.Path(path).open("rb") as stream:
            start = stream.read(4).ljust(4, b"\xff")
    except OSError:
        return False
    return (
        bool(_IDX_NAME.search(os.path.basename(path)))
        or start[:2] == b"\x1f\x8b"
        or (start[:2] == b"\0\0" and start[2] in idx.DTYPES and 1 <= start[3] <= 32)
    )
