"""Arrays of NumPy, in archives or in files of their own, read a piece at a time."""

import contextlib
import math
import pathlib
import warnings
import zipfile
from collections.abc import Iterator
from typing import IO, NamedTuple, cast

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import reason, shown
from mnist_idx_tfds.idx.guess import AGAIN
from mnist_idx_tfds.sources.source import reading

SUFFIXES = (".npz", ".npy")
_MOST_BYTES = 1 << 28  # In memory, of what lies in columns.
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Place(NamedTuple):
    """Where an array is.

    Attributes:
      path: of its file.
      name: what it is called.
      member: of the archive that the file is, None of a file with an array alone.
    """

    path: pathlib.Path
    name: str
    member: str | None

    def __str__(self) -> str:
        return self.name


class Array(NamedTuple):
    """An array of which the header was read."""

    place: Place
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype

    def chunks(self) -> Iterator[np.ndarray]:
        """Yields the array in pieces of its first dimension, about 1 MiB each.

        Raises:
          idx.IdxError: it is damaged, or of another length than its header says.
        """
        item_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        items = idx.per_chunk(item_bytes)
        if self.fortran and len(self.shape) > 1:
            # Its items do not lie one after another: read again for each few of them.
            held = max(1, _MOST_BYTES // max(1, item_bytes))
            for start in range(0, self.shape[0], held):
                whole = self._across(start, min(start + held, self.shape[0]))
                for n in range(0, len(whole), items):
                    yield whole[n : n + items]
                del whole  # Before the next few are there.
            return
        with self._data() as stream:
            for start in range(0, self.shape[0], items):
                shape = (min(items, self.shape[0] - start), *self.shape[1:])
                yield self._exactly(stream, math.prod(shape)).reshape(shape)

    def _across(self, start: int, stop: int) -> np.ndarray:
        """Returns items of an array whose first dimension varies fastest."""
        count, positions = self.shape[0], math.prod(self.shape[1:])
        found = np.empty((positions, stop - start), self.dtype)
        together = idx.per_chunk(count * self.dtype.itemsize)
        with self._data() as stream:
            for first in range(0, positions, together):
                rows = min(together, positions - first)
                values = self._exactly(stream, rows * count).reshape(rows, count)
                found[first : first + rows] = values[:, start:stop]
        return found.reshape(*self.shape[:0:-1], stop - start).T

    @contextlib.contextmanager
    def _data(self) -> Iterator[IO[bytes]]:
        with _stream(self.place) as stream:
            _read_header(self.place, stream)
            yield stream
            if stream.read(1):  # At its end its CRC is verified.
                raise _of_other_length(self.place, self.shape, is_short=False)

    def _exactly(self, stream: IO[bytes], count: int) -> np.ndarray:
        data = stream.read(count * self.dtype.itemsize)
        if len(data) != count * self.dtype.itemsize:
            raise _of_other_length(self.place, self.shape, is_short=True)
        return np.frombuffer(data, self.dtype)


def find(path: pathlib.Path) -> list[Place]:
    """Returns where the arrays of a file are; one that is alone has the file's name.

    Raises:
      idx.IdxError: the file is no archive, or two of its arrays have one name.
    """
    if path.suffix.lower() == ".npy":
        return [Place(path, path.stem, None)]
    with reading(path, "file", "a NumPy archive (.npz)"), zipfile.ZipFile(path) as file:
        names = file.namelist()
    found: dict[str, Place] = {}
    for member in names:
        name = pathlib.PurePosixPath(member).name
        if not name.endswith(".npy") or member.endswith("/"):
            continue
        place = Place(path, name.removesuffix(".npy"), member)
        if (other := found.setdefault(place.name, place)) != place:
            expected = f"one array named {place.name}"
            found_there = f"{other.member} and {member}"
            raise idx.error(path, "arrays", expected, found_there)
    places = list(found.values())
    if len(places) == 1 and places[0].name.startswith("arr_"):
        return [places[0]._replace(name=path.stem)]
    return places


def read_header(place: Place, kinds: str) -> Array:
    """Reads what an array is like.

    Args:
      place: of it.
      kinds: those of `numpy.dtype.kind` that it may be of. Nothing is ever unpickled.

    Raises:
      idx.IdxError: it is none of these.
    """
    with _stream(place) as stream:
        shape, fortran, dtype = _read_header(place, stream)
        rest = _bytes(place) - stream.tell()
    if dtype.hasobject:
        hint = "Such an array is a pickle, which may run any program: save numbers."
        raise error(place, "an array of numbers", "one of objects", hint)
    if dtype.kind not in kinds or dtype.itemsize == 0:
        raise error(place, "an array of numbers", f"one of {dtype.name}")
    if (wanted := math.prod(shape) * dtype.itemsize) != rest:
        raise _of_other_length(place, shape, is_short=wanted > rest)
    return Array(place, shape, fortran, dtype)


def error(place: Place, expected: str, found: str, hint: str = "") -> idx.IdxError:
    """Returns the error for what an array has wrong."""
    return idx.error(place.path, shown(place.name), expected, found, hint)


def _of_other_length(
    place: Place, shape: tuple[int, ...], is_short: bool
) -> idx.IdxError:
    found = f"{'fewer' if is_short else 'more'} bytes than that"
    return error(place, f"an array of {shape}", found, AGAIN * is_short)


def _read_header(
    place: Place, stream: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2 wrote it, which is no fault.
            version = np.lib.format.read_magic(stream)
            return _READERS[version](stream)
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        raise  # Of the archive, not of the header.
    except Exception as e:  # Whatever Python's parser makes of a damaged header.
        found = f"an error: {reason(e).lower()}"
        raise error(place, "the header of an array of NumPy", found, AGAIN) from e


def _bytes(place: Place) -> int:
    """Returns the length that a file or an archive says an array with its header has."""
    if place.member is None:
        return place.path.stat().st_size
    with zipfile.ZipFile(place.path) as file:
        return file.getinfo(place.member).file_size


@contextlib.contextmanager
def _stream(place: Place) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(reading(place.path, shown(place.name), "a whole array"))
        if place.member is None:
            yield cast(IO[bytes], stack.enter_context(place.path.open("rb")))
        else:
            file = stack.enter_context(zipfile.ZipFile(place.path))
            yield stack.enter_context(file.open(place.member))
