"""What every form of source gives: images with labels, one by one, and the like."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import reason
from mnist_idx_tfds.idx.guess import AGAIN
from mnist_idx_tfds.pixel_range import Range


@dataclasses.dataclass(slots=True, kw_only=True)
class Item:
    """An image and what is known of it.

    Attributes:
      pixels: uint8 of shape `(height, width)`, in color `(height, width, 3)`, or of any
        other type of numbers where their range is to be judged over the whole source.
      label: name of its class.
      split: the part that it is of, "train", "valid" or "test"; empty where the source
        does not say.
      key: with the seed and the class it decides on split and order, where these are
        not given.
      origin: a line of `train-files.txt`: where in the source it is.
      path: what errors call it.
      group: items of one go to one side of a split; empty for one of its own.
      range: of pixels that are not uint8, before they were brought to a size.
    """

    pixels: np.ndarray
    label: str
    split: str = ""
    key: str
    origin: str
    path: str
    group: str = ""
    range: Range | None = None


class Placed(NamedTuple):
    """What is kept of an item: see `Item`, and a digest of its pixels."""

    label: str
    split: str
    key: str
    group: str = ""
    digest: bytes = b""
    origin: str = ""


class Source(NamedTuple):
    """A source that was found, and is read as its items are taken.

    Attributes:
      name: what errors call it.
      total: number of items, as far as it is known before they are read.
      items: raises an `idx.IdxError` at what is wrong with one, and has one in the place
        of a picture that cannot be read, which `--skip_bad` leaves out.
      names: of the classes in the order of their labels; None for those that items
        have, in the order of `split.in_order`.
      unused: what is done with a name that no item to train on has: an error, left out
        where no item has it at all, or kept.
      ordered: whether items of given splits stay in the order that they have here.
      notes: lines that say how the source is read.
      remarks: gives lines that say what was read, after the last item.
    """

    name: str
    total: int
    items: Iterator[Item | idx.IdxError]
    names: list[str] | None = None
    unused: Literal["refuse", "drop", "keep"] = "refuse"
    ordered: bool = True
    notes: tuple[str, ...] = ()
    remarks: Callable[[], Iterable[str]] = tuple


@contextlib.contextmanager
def reading(path: idx.PathLike, field: str, expected: str) -> Iterator[None]:
    """Makes what another package's reader finds wrong with a file an `idx.IdxError`."""
    try:
        yield
    except (idx.IdxError, MemoryError):
        raise
    except Exception as e:  # Each format has its own, and others of Python's.
        if isinstance(e, OSError) and e.errno is not None:
            raise idx.unreadable(path, e) from e
        found = f"an error: {reason(e)[:200].lower()}"
        raise idx.error(path, field, expected, found, AGAIN) from e


def shown(names: Iterable[str]) -> str:
    """Returns names that a file has for an error of one line, whatever is in them."""
    return ", ".join(name if name.isprintable() else repr(name) for name in names)
