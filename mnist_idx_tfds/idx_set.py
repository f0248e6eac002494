"""A set of four IDX files: images and labels, to train on and to test on."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from etils import epath

from mnist_idx_tfds import idx, whole_files

NAMES_FILE = "labels.txt"
# Which picture, row or item of a source each image was, where `pack` made the set.
PICTURES_FILES = {"train": "train-files.txt", "test": "t10k-files.txt"}
SPLITS = {"train": "train", "t10k": "test", "test": "test"}
FILE_NAME = re.compile(
    r"(?:.+-)?(?P<split>train|t10k|test)-(?P<kind>images|labels)[-.]idx\d-[a-z]+(?:\.gz)?"
)
_CHANNELS = (1, 3)  # Of images of rank 4.
_LABELS = [np.dtype(name) for name in ("u1", "i1", ">i2", ">i4")]
_IMAGES_ARE = (
    "Images must be unsigned bytes: gray, or of rank 4 with three colors last."
)
_LABELS_ARE = "Labels must be integers, one for each image."
_SWAPPED = "This is {} file; are images and labels swapped?"
# A label file read with the wrong byte order or type shows as absurd labels; no
# data set that fits these files has more classes than this.
_MAX_CLASSES = 1 << 16


class Pair(NamedTuple):
    """The two files of one split, item n of one belonging to item n of the other."""

    images: epath.Path
    labels: epath.Path


def find(idx_dir: idx.PathLike) -> dict[str, Pair]:
    """Finds the four files of a set by the names they go by.

    Names are `train-` with `t10k-` or `test-`, `images` or `labels`, `-idx3-ubyte`
    or `.idx3-ubyte`, with or without `.gz`, and any prefix as in `emnist-letters-`.

    Args:
      idx_dir: folder with one such set in it; other files are passed over.

    Returns:
      The pairs for `train` and `test`.

    Raises:
      idx.IdxError: no such folder, or not exactly one file for each of the four.
    """
    folder = epath.Path(idx_dir).expanduser()
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        hint = "Is the path right? Once built, a data set loads by name, without it."
        raise idx.error(folder, "folder", "a folder of four IDX files", found, hint)
    candidates: dict[tuple[str, str], list[epath.Path]] = {}
    for path in sorted(folder.iterdir()):
        # Some archives unpack to a folder of the file's name beside the file.
        if (match := FILE_NAME.fullmatch(path.name)) and not path.is_dir():
            key = SPLITS[match["split"]], match["kind"]
            candidates.setdefault(key, []).append(path)
    pairs = {}
    for split in ("train", "test"):
        files = []
        for kind in ("images", "labels"):
            paths = candidates.get((split, kind), [])
            if len(paths) != 1:
                names = ", ".join(path.name for path in paths) or "none"
                prefix = "train" if split == "train" else "t10k"
                example = f"{prefix}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"
                expected = f"one file, named like {example}"
                hint = "Put it there, or give the folder that has all four."
                if paths:
                    hint = "Keep one set in a folder, and each of its files once."
                field = f"{split} {kind}"
                raise idx.error(folder, field, expected, names, hint)
            files += paths
        pairs[split] = Pair(*files)
    return pairs


def pair_of(images: idx.PathLike) -> Pair:
    """Returns a file of images with the file of labels beside it.

    That is the one file of the same folder whose name begins as that of the images, such
    as `emnist-letters-train-`, and goes on as `find` has it.

    Args:
      images: the file of images.

    Raises:
      idx.IdxError: the name is not that of such a file, or there is not one such file
        of labels.
    """
    path = epath.Path(images).expanduser()
    match = FILE_NAME.fullmatch(path.name)
    if not match or match["kind"] != "images":
        expected = "one like t10k-images-idx3-ubyte.gz"
        hint = "The labels are found by the name of the images."
        raise idx.error(path, "name", expected, path.name, hint)
    prefix = path.name[: match.start("kind")]
    beside = [
        other
        for other in sorted(path.parent.iterdir())
        if (found := FILE_NAME.fullmatch(other.name))
        and (other.name[: found.start("kind")], found["kind"]) == (prefix, "labels")
        and not other.is_dir()
    ]
    if len(beside) != 1:
        names = ", ".join(other.name for other in beside) or "none"
        expected = f"one file beside it, named like {prefix}labels-idx1-ubyte.gz"
        raise idx.error(path, "labels", expected, names)
    return Pair(path, beside[0])


def files(pairs: dict[str, Pair]) -> list[epath.Path]:
    """Returns the four files, and `labels.txt` where it lies beside them."""
    paths = [path for pair in pairs.values() for path in pair]
    names = paths[0].parent / NAMES_FILE
    return [*paths, names] if names.exists() else paths


def sha256(path: epath.Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits.

    Raises:
      idx.IdxError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        raise idx.unreadable(path, e) from e


def image_shape(pairs: dict[str, Pair]) -> tuple[int, int, int]:
    """Returns height, width and channels in pixels, read from the headers.

    Raises:
      idx.IdxError: a file does not hold images, or the two differ in size.
    """
    train, test = (
        _shape(image_header(pairs[split].images)) for split in ("train", "test")
    )
    if test != train:
        path, hint = pairs["test"].images, "Both splits need images of one size."
        expected = f"{size_name(train)} as in {pairs['train'].images.name}"
        raise idx.error(path, "image size", expected, size_name(test), hint)
    return train


def holds_images(header: idx.Header) -> bool:
    """Returns whether a file's items are images: bytes, gray or in color."""
    rank = len(header.shape)
    channels_last = rank == 4 and header.shape[3] in _CHANNELS
    return header.dtype == np.uint8 and (rank == 3 or channels_last)


def image_header(path: idx.PathLike) -> idx.Header:
    """Returns the header of a file of images.

    Raises:
      idx.IdxError: the file does not hold images.
    """
    header = idx.read_header(path)
    if holds_images(header):
        return header
    if header.dtype == np.uint8 and len(header.shape) == 4:
        found = " x ".join(map(str, header.shape))
        first = header.shape[1] in _CHANNELS
        hint = "Write them as transposed by (0, 2, 3, 1)." if first else _IMAGES_ARE
        expected = "images x height x width x 3, the colors last"
        raise idx.error(path, "dimensions", expected, found, hint)
    hint = _SWAPPED.format("a label") if len(header.shape) == 1 else _IMAGES_ARE
    raise _wrong(path, header, 3, hint)


def with_channels(images: np.ndarray) -> np.ndarray:
    """Returns images of a file as `(n, height, width, channels)`, whatever its rank."""
    return images[..., np.newaxis] if images.ndim == 3 else images


def size_name(shape: tuple[int, int, int]) -> str:
    """Returns the size of images for people, such as "28 x 28" or "32 x 32 in color"."""
    height, width, channels = shape
    return f"{height} x {width}{' in color' * (channels == 3)}"


def count_classes(pairs: dict[str, Pair]) -> int:
    """Returns the number of classes: the highest label of the set, and one more.

    Args:
      pairs: the set, or one pair of it.

    Raises:
      idx.IdxError: a file does not hold labels, or a label is out of all reason.
    """
    highest = 0
    for pair in pairs.values():
        _label_header(pair.labels)
        for labels in idx.read(pair.labels):
            _check_labels(pair.labels, labels, _MAX_CLASSES)
            highest = max(highest, int(labels.max()))
    return highest + 1


def label_names(pairs: dict[str, Pair], num_classes: int) -> list[str] | None:
    """Returns the names of the classes, read from `labels.txt` beside the four files.

    It has one name a line, in the order of the labels, in UTF-8. Spaces around a name,
    and empty lines at the end, are passed over.

    Args:
      pairs: the set, or one pair of it.
      num_classes: number of classes that must have a name; there may be more.

    Returns:
      The names, each another; None if there is no such file.

    Raises:
      idx.IdxError: the file cannot be read, or does not hold such names.
    """
    path = next(iter(pairs.values())).images.parent / NAMES_FILE
    if not path.exists():
        return None
    lines: dict[str, int] = {}
    for number, name in enumerate(read_names(path), 1):
        if not name or not name.isprintable():
            found, hint = repr(name) if name else "none", "Each line is a class's name."
            raise idx.error(path, f"line {number}", "a printable name", found, hint)
        if name in lines:
            expected = f"another name than that of line {lines[name]}"
            raise idx.error(path, f"line {number}", expected, repr(name))
        lines[name] = number
    if len(lines) < num_classes:
        expected, hint = f"at least {num_classes}", "Each class needs a name."
        raise idx.error(path, "names", expected, f"{len(lines)}", hint)
    return list(lines)


def read_names(path: idx.PathLike) -> list[str]:
    """Returns the names in a `labels.txt`, without the spaces around them.

    Only a line feed ends a line, as for TFDS; empty lines at the end are passed over.

    Raises:
      idx.IdxError: the file cannot be read, or is not UTF-8.
    """
    try:
        data = epath.Path(path).read_bytes()
    except OSError as e:
        raise idx.unreadable(path, e) from e
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        found, hint = f"the byte 0x{data[e.start]:02x}", "Save it as UTF-8."
        raise idx.error(path, f"line {line}", "UTF-8", found, hint) from e
    return [line.strip() for line in text.rstrip().split("\n")]


def write_names(path: idx.PathLike, names: Iterable[str]) -> None:
    """Writes a `labels.txt`: UTF-8, a line for each name.

    Raises:
      OSError: the file cannot be written.
    """
    with whole_files.replaced(path) as draft:
        draft.write_bytes("".join(f"{name}\n" for name in names).encode())


def pictures(pairs: dict[str, Pair], split: str) -> Iterator[str] | None:
    """Returns the paths of the pictures that a split's images were made of, in order.

    They are read from `train-files.txt` or `t10k-files.txt` beside the four files, one
    path a line, relative to the folder that was packed, or else where in its source the
    image was, such as "train.csv line 7". Memory holds one at a time.

    Args:
      pairs: the set.
      split: `train` or `test`.

    Returns:
      The paths, as many as there are images; None if there is no such file. While they
      are read, an `idx.IdxError` is raised where there are fewer lines or more, or the
      file cannot be read.
    """
    images = pairs[split].images
    path = images.parent / PICTURES_FILES[split]
    return _pictures(path, images) if path.exists() else None


def _pictures(path: epath.Path, images: epath.Path) -> Iterator[str]:
    count, found = image_header(images).shape[0], 0
    try:
        with path.open("rb") as stream:
            for line in stream:
                found += 1
                if found <= count:
                    # As the file system has it, which need not be UTF-8.
                    yield os.fsdecode(line.removesuffix(b"\n"))
    except OSError as e:
        raise idx.unreadable(path, e) from e
    if found != count:
        expected = f"{count}, one for each image in {images.name}"
        hint = "Pack the pictures again, or remove this file if it is of another set."
        raise idx.error(path, "lines", expected, f"{found}", hint)


def write_pictures(path: idx.PathLike, pictures: Iterable[str]) -> None:
    """Writes a file that `pictures` reads.

    Args:
      path: where to write.
      pictures: their paths, without line feeds.

    Raises:
      OSError: the file cannot be written.
    """
    with whole_files.replaced(path) as draft, draft.open("wb") as stream:
        stream.writelines(os.fsencode(f"{picture}\n") for picture in pictures)


def read(
    pair: Pair, shape: tuple[int, int, int], num_classes: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields a split's images with their labels, once both files are verified.

    Memory holds one chunk, about 1 MiB of images, whatever the split's size.

    Args:
      pair: the split's two files.
      shape: height, width and channels that the images must have, in pixels.
      num_classes: labels must be 0 to `num_classes - 1`.

    Yields:
      Images, uint8 of shape `(n, height, width, channels)`, and labels, int64 `(n,)`.

    Raises:
      idx.IdxError: before anything is yielded, if anything is wrong with either.
    """
    items = idx.per_chunk(check(pair, shape, num_classes).item_bytes)
    chunks = zip(
        idx.read(pair.images, items), idx.read(pair.labels, items), strict=True
    )
    for images, labels in chunks:
        yield _as_yielded(images, labels)


def check(pair: Pair, shape: tuple[int, int, int], num_classes: int) -> idx.Header:
    """Verifies a split's headers and its labels, and that each image has one.

    What is behind the images' header is not looked at; whoever reads it verifies it.

    Args:
      pair: the split's two files.
      shape: height, width and channels that the images must have, in pixels.
      num_classes: labels must be 0 to `num_classes - 1`.

    Returns:
      The header of the images.

    Raises:
      idx.IdxError: naming the first thing found wrong.
    """
    images = image_header(pair.images)
    if (found := _shape(images)) != shape:
        raise idx.error(pair.images, "image size", size_name(shape), size_name(found))
    _check_count(pair)
    for chunk in idx.read(pair.labels):
        _check_labels(pair.labels, chunk, num_classes)
    return images


def is_plain(pair: Pair) -> bool:
    """Returns whether neither file is compressed, so that both can be read in ranges.

    Raises:
      idx.IdxError: a header cannot be read.
    """
    return not any(idx.read_header(path).compressed for path in pair)


def read_range(
    pair: Pair, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields some of a split's images with their labels, of plain files.

    Memory holds one chunk, as of `read`.

    Args:
      pair: the split's two files, which `check` has passed.
      start: the first of the images.
      stop: the one behind the last of them, no more than there are.

    Yields:
      Images and labels, as `read` does.

    Raises:
      idx.IdxError: a file is not as long as its header says, before anything of it is
        yielded.
    """
    items = idx.per_chunk(image_header(pair.images).item_bytes)
    for first in range(start, stop, items):
        end = min(first + items, stop)
        images, labels = (idx.read_range(path, first, end) for path in pair)
        yield _as_yielded(images, labels)


def _as_yielded(
    images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return with_channels(images), labels.astype(np.int64)


def read_labels(pair: Pair) -> np.ndarray:
    """Returns a split's labels, integers as wide as in the file, `(n,)`.

    Raises:
      idx.IdxError: a file does not hold what it should, or there are fewer labels than
        images or more.
    """
    _check_count(pair)
    return np.concatenate(list(idx.read(pair.labels)))


def _check_count(pair: Pair) -> None:
    images, labels = image_header(pair.images), _label_header(pair.labels)
    if labels.shape[0] != images.shape[0]:
        expected = f"{images.shape[0]}, one for each image in {pair.images.name}"
        hint = "Are the two files from one set and one split?"
        found = f"{labels.shape[0]}"
        raise idx.error(pair.labels, "label count", expected, found, hint)


def _shape(images: idx.Header) -> tuple[int, int, int]:
    _, height, width, *channels = images.shape
    return height, width, channels[0] if channels else 1


def _label_header(path: epath.Path) -> idx.Header:
    header = idx.read_header(path)
    if len(header.shape) == 1 and header.dtype in _LABELS:
        return header
    is_images = len(header.shape) in (3, 4)
    hint = _SWAPPED.format("an image") if is_images else _LABELS_ARE
    raise _wrong(path, header, 1, hint)


def _wrong(
    path: idx.PathLike, header: idx.Header, rank: int, hint: str
) -> idx.IdxError:
    expected = idx.magic_name(bytes([0, 0, 8, rank]))
    return idx.error(path, "magic number", expected, idx.magic_name(header.magic), hint)


def _check_labels(path: epath.Path, labels: np.ndarray, num_classes: int) -> None:
    for label in (int(labels.min()), int(labels.max())):
        if not 0 <= label < num_classes:
            expected = f"0 to {num_classes - 1}"
            hint = "Do the labels belong to these images, and is their type right?"
            raise idx.error(path, "label", expected, f"{label}", hint)
