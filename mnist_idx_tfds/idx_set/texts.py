"""The texts that may lie beside the four files: names of classes, and of pictures."""

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator

from etils import epath

from mnist_idx_tfds import idx, whole_files
from mnist_idx_tfds.foreign import shown

NAMES_FILE = "labels.txt"
_NAMES_FILES = (NAMES_FILE, "batches.meta.txt")  # The second as CIFAR has it.
# Which picture, row or item of a source each image was, where `pack` made the set.
PICTURES_FILES = {"train": "train-files.txt", "test": "t10k-files.txt"}


def class_names(
    folder: epath.Path, num_classes: int, counts: Iterable[int]
) -> tuple[list[str] | None, dict[str, str]]:
    """Reads the names of the classes from `labels.txt`, or `batches.meta.txt`, once.

    It has one name a line, in the order of the labels, in UTF-8. Spaces around a name,
    and empty lines at the end, are passed over. Names are brought to Unicode's NFC.

    Args:
      folder: that of the four files.
      num_classes: number of classes that must have a name; there may be more.
      counts: numbers of images in the parts of the set.

    Returns:
      The names, each another, and the file's SHA-256 as hexadecimal digits by its name;
      None and nothing if there is no such file.

    Raises:
      idx.IdxError: the file cannot be read, or does not hold such names.
    """
    path = next((folder / n for n in _NAMES_FILES if (folder / n).exists()), None)
    if path is None:
        return None, {}
    data = _read(path)
    lines, names = _lines(path, data), dict[str, int]()
    if len(lines) in counts and len(set(lines)) < len(lines):
        found = f"{len(lines)} lines, as many as there are images"
        hint = "It seems to have a label for each image; call it by another name."
        raise idx.error(path, "names", f"{num_classes}, one a class", found, hint)
    for number, line in enumerate(lines, 1):
        name = unicodedata.normalize("NFC", line)
        if not name or shown(name) != name:
            found, hint = repr(name) if name else "none", "Each line is a class's name."
            raise idx.error(path, f"line {number}", "a printable name", found, hint)
        if name in names:
            expected = f"another name than that of line {names[name]}"
            raise idx.error(path, f"line {number}", expected, repr(name))
        names[name] = number
    if len(names) < num_classes:
        expected, hint = f"at least {num_classes}", "Each class needs a name."
        raise idx.error(path, "names", expected, f"{len(names)}", hint)
    return list(names), {path.name: hashlib.sha256(data).hexdigest()}


def read_names(path: idx.PathLike) -> list[str]:
    """Returns the names in a `labels.txt`, without the spaces around them.

    Only a line feed ends a line, as for TFDS; empty lines at the end are passed over.

    Raises:
      idx.IdxError: the file cannot be read, or is not UTF-8.
    """
    return _lines(path, _read(path))


def _read(path: idx.PathLike) -> bytes:
    try:
        return epath.Path(path).read_bytes()
    except OSError as e:
        raise idx.unreadable(path, e) from e


def _lines(path: idx.PathLike, data: bytes) -> list[str]:
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


def pictures(path: epath.Path, images: str, count: int) -> Iterator[str]:
    """Yields the paths of the pictures that a part's images were made of, in order.

    They are relative to the folder that was packed, or else where in its source the
    image was, such as "train.csv line 7". Memory holds one at a time.

    Args:
      path: `train-files.txt` or `t10k-files.txt` beside the four files, a path a line.
      images: name of the file of the images.
      count: number of the images.

    Raises:
      idx.IdxError: there are fewer lines than images or more, or the file cannot be
        read.
    """
    found = 0
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
        expected = f"{count}, one for each image in {images}"
        hint = "Pack the pictures again, or remove this file if it is of another set."
        raise idx.error(path, "lines", expected, f"{found}", hint)


def write_pictures(path: idx.PathLike, pictures: Iterable[str]) -> None:
    """Writes a file that `pictures` reads, of their paths, without line feeds.

    Raises:
      OSError: the file cannot be written.
    """
    with whole_files.replaced(path) as draft, draft.open("wb") as stream:
        stream.writelines(os.fsencode(f"{picture}\n") for picture in pictures)
