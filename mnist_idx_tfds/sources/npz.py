"""NumPy archives, named as those of Keras's and of MedMNIST's data sets are."""

import contextlib
import pathlib
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pixels, split
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Item, Source, shown

# Images and labels of each part, and the split that the part goes into.
_KERAS = {"x_train": ("y_train", "train"), "x_test": ("y_test", "test")}
_MEDMNIST = {
    "train_images": ("train_labels", "train"),
    "val_images": ("val_labels", "train"),
    "test_images": ("test_labels", "test"),
}
_AGAIN = "Is it a partial or damaged download? Get the file again."
_ANY = Options()
_KINDS = {"images": "biuf", "labels": "biufUS"}
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class _Array(NamedTuple):
    """An array of an archive, of which its header was read."""

    name: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype


def open_source(path: idx.PathLike, options: Options = _ANY) -> Source:
    """Finds the arrays of an archive; they are read a piece at a time.

    Args:
      path: an `.npz` file with `x_train`, `y_train`, `x_test` and `y_test`, or with
        `train_images`, `train_labels`, `test_images`, `test_labels` and, where it has
        them, `val_images` and `val_labels`, which are trained on.
      options: whether to keep colors.

    Returns:
      The source; items keep their order.

    Raises:
      idx.IdxError: the file is not such an archive, or an array cannot be used. Nothing
        is ever unpickled.
    """
    archive = pathlib.Path(path).expanduser()
    with _reading(archive):
        file = zipfile.ZipFile(archive)
    with file:
        parts = _parts(archive, file)
        arrays = {name: _header(archive, file, name) for name in parts}
        _check_images(archive, list(arrays.values()))
        labels = {}
        for name, (labels_name, _) in parts.items():
            header = _header(archive, file, labels_name, "labels")
            labels[name] = _labels(archive, file, header, arrays[name])
    count = sum(array.shape[0] for array in arrays.values())
    items = _items(archive, parts, list(arrays.values()), labels, options.color)
    notes: tuple[str, ...] = ()
    if "val_images" in parts:
        joined = arrays["val_images"].shape[0]
        notes = (f"{archive}: its {joined:,} val_images are trained on, too",)
    return Source(f"{archive}", count, items, notes=notes)


def _parts(path: pathlib.Path, file: zipfile.ZipFile) -> dict[str, tuple[str, str]]:
    members = [pathlib.PurePosixPath(name) for name in file.namelist()]
    there = [f"{path.with_suffix('')}" for path in members if path.suffix == ".npy"]
    for form in (_KERAS, _MEDMNIST):
        wanted = {name: pair for name, pair in form.items() if _has(there, name, *pair)}
        if {part for _, part in wanted.values()} == {"train", "test"}:
            return wanted
    expected = "x_train, y_train, x_test and y_test, or train_images, train_labels, "
    expected += "test_images and test_labels"
    hint = "Save them under these names, with numpy.savez_compressed."
    raise idx.error(path, "arrays", expected, shown(there) or "none", hint)


def _has(there: list[str], images: str, labels: str, _: str) -> bool:
    return images in there and labels in there


def _header(
    path: pathlib.Path, file: zipfile.ZipFile, name: str, kind: str = "images"
) -> _Array:
    with _stream(path, file, name) as stream:
        shape, fortran, dtype = _read_header(path, stream, name)
    if dtype.hasobject:
        hint = "Such an array is a pickle, which may run any program: save numbers."
        raise idx.error(path, name, "an array of numbers", "one of objects", hint)
    if dtype.kind not in _KINDS[kind]:
        raise idx.error(path, name, "an array of numbers", f"one of {dtype.name}")
    return _Array(name, shape, fortran, dtype)


def _read_header(
    path: pathlib.Path, stream: IO[bytes], name: str
) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2 wrote it, which is no fault.
            version = np.lib.format.read_magic(stream)
            return _READERS[version](stream)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError):
        raise  # Of the archive, not of the header.
    except Exception as e:  # Whatever Python's parser makes of a damaged header.
        reason = f"{e}".partition("\n")[0]
        expected = "the header of an array of NumPy"
        raise idx.error(path, name, expected, f"an error: {reason}", _AGAIN) from e


def _check_images(path: pathlib.Path, arrays: list[_Array]) -> None:
    first = arrays[0]
    expected = "(n, height, width), or with 1 or 3 channels last"
    for name, shape, _, dtype in arrays:
        if (
            len(shape) not in (3, 4)
            or min(shape) < 1
            or shape[3:] not in ((), (1,), (3,))
        ):
            raise idx.error(path, name, f"images, {expected}", f"{shape}")
        if shape[1:] != first.shape[1:]:
            wanted = f"images as those of {first.name}, {first.shape[1:]}"
            raise idx.error(path, name, wanted, f"{shape[1:]}")
        if dtype.kind != first.dtype.kind:
            wanted = f"{first.dtype.name} as in {first.name}"
            raise idx.error(path, name, wanted, dtype.name)


def _labels(
    path: pathlib.Path, file: zipfile.ZipFile, labels: _Array, images: _Array
) -> list[str]:
    """Returns the labels of a part as names."""
    name, shape, _, dtype = labels
    if shape not in ((shape[:1]), (*shape[:1], 1)) or not shape:
        expected = "one label an image, (n,) or (n, 1)"
        hint = "Only classes that exclude each other can be packed." * (len(shape) == 2)
        raise idx.error(path, name, expected, f"{shape}", hint)
    if shape[0] != images.shape[0]:
        expected = f"{images.shape[0]} labels, one for each of {images.name}"
        raise idx.error(path, name, expected, f"{shape[0]}")
    values = np.concatenate(list(_chunks(path, file, labels))).ravel()
    if dtype.kind == "f":
        odd = np.flatnonzero((values != np.rint(values)) | ~np.isfinite(values))
        if odd.size:
            found = f"{values[odd[0]]:g}"
            raise idx.error(path, f"{name}[{odd[0]}]", "a whole number", found)
        values = values.astype(np.int64)
    if dtype.kind == "b":
        values = values.astype(np.uint8)
    if dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "backslashreplace")
    names = [str(value).strip() for value in values.tolist()]
    for item in [n for n, label in enumerate(names) if not label][:1]:
        raise idx.error(path, f"{name}[{item}]", "a label", "an empty one")
    for label in set(names):
        split.check_name(f"{path}: {name}", label)
    return names


def _items(
    path: pathlib.Path,
    parts: dict[str, tuple[str, str]],
    arrays: list[_Array],
    labels: dict[str, list[str]],
    color: bool,
) -> Iterator[Item]:
    with zipfile.ZipFile(path) as file:
        factor = 1
        if arrays[0].dtype.kind == "f":
            seen = pixels.Range()
            for array in arrays:
                for chunk in _chunks(path, file, array):
                    seen.see(chunk)
            factor = seen.factor(path, ", ".join(array.name for array in arrays))
        for array in arrays:
            name, item = array.name, 0
            for chunk in _chunks(path, file, array):

                def field(
                    at: tuple[int, ...], name: str = name, start: int = item
                ) -> str:
                    return f"{name}[{', '.join(map(str, (start + at[0], *at[1:])))}]"

                for image in pixels.of_images(
                    pixels.to_bytes(chunk, factor, path, field), color
                ):
                    origin = f"{name}[{item}]"
                    label, part = labels[name][item], parts[name][1]
                    where = f"{path}: {origin}"
                    yield Item(
                        pixels=image,
                        label=label,
                        split=part,
                        key=origin,
                        origin=f"{path.name} {origin}",
                        path=where,
                    )
                    item += 1


def _chunks(
    path: pathlib.Path, file: zipfile.ZipFile, array: _Array
) -> Iterator[np.ndarray]:
    """Yields an array in pieces of its first dimension, about 1 MiB each."""
    item_bytes = array.dtype.itemsize * int(np.prod(array.shape[1:]))
    items = idx.per_chunk(item_bytes)
    with _stream(path, file, array.name) as stream:
        _read_header(path, stream, array.name)
        if array.fortran:  # Its items do not lie one after another.
            data = _exactly(path, stream, array, array.shape[0] * item_bytes)
            whole = np.frombuffer(data, array.dtype).reshape(array.shape, order="F")
            for start in range(0, array.shape[0], items):
                yield whole[start : start + items]
        else:
            for start in range(0, array.shape[0], items):
                shape = (min(items, array.shape[0] - start), *array.shape[1:])
                data = _exactly(path, stream, array, shape[0] * item_bytes)
                yield np.frombuffer(data, array.dtype).reshape(shape)
        if stream.read(1):  # At its end its CRC is verified.
            found = "more bytes than that"
            raise idx.error(path, array.name, f"an array of {array.shape}", found)


def _exactly(
    path: pathlib.Path, stream: IO[bytes], array: _Array, wanted: int
) -> bytes:
    data = stream.read(wanted)
    if len(data) != wanted:
        found = "fewer bytes than that"
        expected = f"an array of {array.shape}"
        raise idx.error(path, array.name, expected, found, _AGAIN)
    return data


@contextlib.contextmanager
def _stream(
    path: pathlib.Path, file: zipfile.ZipFile, name: str
) -> Iterator[IO[bytes]]:
    with _reading(path, name), file.open(f"{name}.npy") as stream:
        yield stream


@contextlib.contextmanager
def _reading(path: pathlib.Path, field: str = "file") -> Iterator[None]:
    """Makes what the archive's reader finds wrong an `idx.IdxError`."""
    try:
        yield
    except OSError as e:
        raise idx.unreadable(path, e) from e
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as e:
        expected = "a NumPy archive (.npz)" if field == "file" else "a whole array"
        found = f"an error: {str(e).lower().rstrip('.')}"
        raise idx.error(path, field, expected, found, _AGAIN) from e
