"""A set that is opened once, and what one asks of it."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
from etils import epath

from mnist_idx_tfds import idx
from mnist_idx_tfds.idx_set import labels as labels_file
from mnist_idx_tfds.idx_set import texts
from mnist_idx_tfds.idx_set.finding import Pair, find
from mnist_idx_tfds.idx_set.images import Images, size_name


@dataclasses.dataclass(frozen=True)
class Part:
    """What a set has to train on, or to test on: item n of each belongs together.

    Attributes:
      images: the file of images.
      labels_path: the file of labels.
      labels: integers as wide as in the file, `(len(images),)`.
      labels_sha256: its SHA-256 as hexadecimal digits.
    """

    images: Images
    labels_path: epath.Path
    labels: np.ndarray
    labels_sha256: str

    def read(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields images with their labels, once both files are verified.

        Memory holds one chunk, about 1 MiB of images, and the labels.

        Yields:
          Images, uint8 of shape `(n, height, width, channels)`, and labels, int64 `(n,)`.

        Raises:
          idx.IdxError: as `Images.read`.
        """
        start = 0
        for images in self.images.read():
            stop = start + len(images)
            yield images, self.labels[start:stop].astype(np.int64)
            start = stop


class IdxSet:
    """A set whose headers, labels and names were read and fit together.

    What is behind the headers of the images is verified by `Images.check`, and whenever
    they are read.

    Args:
      files: the folder that they are in, see `find`, or the pair of each part.

    Attributes:
      parts: `train` and `test`, or those that there are files of.
      shape: height, width and channels of each image, in pixels.
      names: of the classes, in the order of their labels, or None.
      num_classes: labels are 0 to `num_classes - 1`; there may be names of more.

    Raises:
      idx.IdxError: the first thing found wrong with a file, or that two do not fit.
    """

    def __init__(self, files: idx.PathLike | Mapping[str, Pair]):
        pairs = files if isinstance(files, Mapping) else find(files)
        images = {part: Images(pair.images) for part, pair in pairs.items()}
        first, *others = images.values()
        self.shape = first.shape
        for other in others:
            if other.shape != first.shape:
                hint = "Both splits need images of one size."
                expected = f"{size_name(first.shape)} as in {first.path.name}"
                found = size_name(other.shape)
                raise idx.error(other.path, "image size", expected, found, hint)
        self.parts = {
            part: Part(
                images[part],
                pair.labels,
                *labels_file.read(pair.labels, images[part]),
            )
            for part, pair in pairs.items()
        }
        self.num_classes = 1 + max(int(p.labels.max()) for p in self.parts.values())
        self.names, self._names_sha256 = texts.class_names(
            first.path.parent, self.num_classes
        )
        self.num_classes = max(self.num_classes, len(self.names or ()))

    def __getitem__(self, part: str) -> Part:
        return self.parts[part]

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 by the name of each file, `labels.txt` where there is one, too.

        That of labels and names is of the bytes that were read; see `Images.sha256`.
        """
        digests = {}
        for part in self.parts.values():
            digests[part.images.path.name] = part.images.sha256
            digests[part.labels_path.name] = part.labels_sha256
        if self._names_sha256:
            digests[texts.NAMES_FILE] = self._names_sha256
        return digests

    def check(self) -> None:
        """Reads all files of images to their ends.

        Raises:
          idx.IdxError: the first thing found wrong.
        """
        for part in self.parts.values():
            part.images.check()

    def check_fits(self, shape: tuple[int, int, int], num_classes: int) -> None:
        """Raises an error if images or labels are not those of given features."""
        for part in self.parts.values():
            if part.images.shape != shape:
                expected, found = size_name(shape), size_name(part.images.shape)
                raise idx.error(part.images.path, "image size", expected, found)
            labels_file.check_range(part.labels_path, part.labels, num_classes)

    def pictures(self, part: str) -> Iterator[str] | None:
        """Returns the pictures that a part's images were made of; see `texts.pictures`."""
        images = self.parts[part].images
        return texts.pictures(part, images.path, len(images))
