"""A set that is opened once, and what one asks of it."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
from etils import epath

from mnist_idx_tfds import idx, pixel_range
from mnist_idx_tfds.idx_set import labels as labels_file
from mnist_idx_tfds.idx_set import texts, upright
from mnist_idx_tfds.idx_set.finding import Pair, find, folder_of, pair_of
from mnist_idx_tfds.idx_set.images import Images, size_name

TRANSPOSE = ("auto", "yes", "no")


@dataclasses.dataclass(frozen=True)
class Part:
    """What a set has to train on, or to test on: item n of each belongs together.

    Attributes:
      images: the file of images.
      labels_path: the file of labels.
      labels: integers, `(len(images),)`.
      labels_sha256: its SHA-256 as hexadecimal digits.
    """

    images: Images
    labels_path: epath.Path
    labels: np.ndarray
    labels_sha256: str

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns all images, uint8 `(n, height, width, channels)`, and labels, int64."""
        images = np.concatenate(list(self.images.read()))
        return images, self.labels.astype(np.int64)

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
      transpose: "yes" if images are stored with rows as columns, "no" if not; "auto" takes
        those of EMNIST as published for such, see `upright`.

    Attributes:
      parts: `train` and `test`, or those that there are files of.
      names: of the classes, in the order of their labels, or None.
      num_classes: labels are 0 to `num_classes - 1`; there may be names of more.
      notes: what is read in another way than it is stored, a line each; often none.

    Raises:
      idx.IdxError: the first thing found wrong with a file, or that two do not fit.
    """

    def __init__(
        self, files: idx.PathLike | Mapping[str, Pair], transpose: str = "auto"
    ):
        pairs = files if isinstance(files, Mapping) else find(files)
        images = {part: Images(pair.images) for part, pair in pairs.items()}
        _check_sizes([*images.values()])
        self._images = next(iter(images.values()))
        self._folder = folder_of(self._images.path)
        self.notes: list[str] = []
        labels, digests = {}, {}
        for part, pair in pairs.items():
            labels[part], digests[part], note = labels_file.read(
                pair.labels, images[part]
            )
            self.notes += [note] * bool(note)
        self._turn(images, labels, transpose)
        self._scale(images)
        highest = max(int(part.max()) for part in labels.values())
        self.names, self._names_sha256 = texts.class_names(
            self._folder, highest + 1, [*map(len, images.values())]
        )
        if not self.names and (codes := labels_file.codes(labels.values())) is not None:
            labels = {part: np.searchsorted(codes, labels[part]) for part in labels}
            self.names = [*map(chr, codes)]
            self.notes.append(
                f"{pairs['train' if 'train' in pairs else part].labels.name}: labels are "
                f"codes of characters, {self.names[0]} to {self.names[-1]}, which name "
                "the classes"
            )
        self.num_classes = len(self.names or ()) or highest + 1
        self.parts = {
            part: Part(images[part], pair.labels, labels[part], digests[part])
            for part, pair in pairs.items()
        }

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image, in pixels."""
        return self._images.shape

    def _turn(
        self, images: dict[str, Images], labels: dict[str, np.ndarray], transpose: str
    ) -> None:
        """Has images that are stored on their side read upright."""
        turn = transpose == "yes"
        if transpose == "auto" and upright.lies(images, labels):
            turn = True
            self.notes.append(
                f"{self._images.path.name}: images are stored transposed, as EMNIST is "
                "published, and are read upright (transpose=no leaves them)"
            )
        elif turn:
            self.notes.append("images are read as transposed, as asked for")
        for part in images.values():
            part.transposed = turn

    def _scale(self, images: dict[str, Images]) -> None:
        """Has images of 0 and 1 read as black and white."""
        seen = pixel_range.Range()
        for part in images.values():
            for chunk in part.stored():
                seen.see(chunk)
                if seen.high > 1:
                    return  # Those that are dark for bytes are a finding.
        if seen.high == 1:
            self.notes += pixel_range.note(self._images.path.name, 1)
            for part in images.values():
                part.white = 1

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
        return digests | self._names_sha256

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
        """Returns the pictures that a part's images were made of; see `texts.pictures`.

        None if there is no file of them.
        """
        images, path = self[part].images, self._folder / texts.PICTURES_FILES[part]
        if not path.exists():
            return None
        return texts.pictures(path, images.path.name, len(images))


def _check_sizes(images: list[Images]) -> None:
    first, *others = images
    for other in others:
        if other.shape != first.shape:
            hint = "Both splits need images of one size."
            expected = f"{size_name(first.shape)} as in {first.path.name}"
            found = size_name(other.shape)
            raise idx.error(other.path, "image size", expected, found, hint)


def images_of(path: idx.PathLike) -> tuple[Images, list[str]]:
    """Returns a file of images by itself, read as it is in its set, and notes on that.

    What the labels beside it tell, as that images lie on their side, is heeded where
    there are such.

    Raises:
      idx.IdxError: the file does not hold images.
    """
    images = Images(path)
    try:
        opened = IdxSet({"test": pair_of(path)})
    except idx.IdxError:
        return images, []
    return opened["test"].images, opened.notes
