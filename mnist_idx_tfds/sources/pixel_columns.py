"""Which columns of a table are pixels, in the order of the numbers in their names."""

import itertools
import math
import pathlib
import re
from collections import defaultdict
from collections.abc import Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import columns
from mnist_idx_tfds.sources.source import shown

_DIGITS = re.compile(r"\d+")
_FEW = 4  # So many columns with such names are those of pixels.
_X_Y = re.compile(r"\D*x\D*#\D*y\D*#\D*")  # The column goes before the row.


Pixels = tuple[list[int], tuple[int, int] | None]


def are_there(names: Sequence[str]) -> bool:
    """Returns whether some columns have names like `pixel0`, `px_1`, `28x28` or `7`."""
    return bool(_families(names))


def find(path: pathlib.Path, names: Sequence[str], label: int | None) -> Pixels:
    """Finds the columns whose names differ in their numbers alone, or all that are left.

    Names are of all columns; the label is the position of the labels, where it is known.

    Returns:
      Positions of columns in the order of pixels, and the shape that names say.

    Raises:
      idx.IdxError: it is not plain which columns are pixels, or numbers are missing.
    """
    families = _families(names)
    for family in families.values():
        family[:] = [n for n in family if n != label]
    if not families:
        return _others(names, label), None
    largest = sorted(families.values(), key=len)[-2:]
    if len(largest) > 1 and len(largest[0]) == len(largest[1]):
        found = " and ".join(f"{names[f[0]]}, {names[f[1]]}, ..." for f in largest)
        hint = "Are these colors? Keep one column for each pixel, or save pictures."
        expected = "pixels, and no others like them"
        raise idx.error(path, "columns", expected, found, hint)
    return _in_order(path, names, largest[-1])


def _families(names: Sequence[str]) -> dict[str, list[int]]:
    """Returns columns whose names are the same but for their numbers, if not few."""
    families: defaultdict[str, list[int]] = defaultdict(list)
    for n, name in enumerate(names):
        if _DIGITS.search(name):
            families[_DIGITS.sub("#", name.strip().lower())].append(n)
    return {name: family for name, family in families.items() if len(family) >= _FEW}


def _others(names: Sequence[str], label: int | None) -> list[int]:
    if label is None:
        known = columns.like(names, columns.LABELS)
        label = known[0] if len(known) == 1 else None
    no_pixels = {*columns.like(names, columns.NO_CONTENT), label}
    return [n for n in range(len(names)) if n not in no_pixels]


def _in_order(path: pathlib.Path, names: Sequence[str], family: list[int]) -> Pixels:
    numbers = {n: [int(number) for number in _DIGITS.findall(names[n])] for n in family}
    width = len(numbers[family[0]])
    # A number that all have, as in `img2_px7`, counts nothing.
    vary = [k for k in range(width) if len({row[k] for row in numbers.values()}) > 1]
    if _X_Y.fullmatch(_DIGITS.sub("#", names[family[0]].lower())):
        vary.reverse()
    place = {n: tuple(row[k] for k in vary) for n, row in numbers.items()}
    order = sorted(family, key=place.__getitem__)
    ranges = [sorted({row[k] for row in numbers.values()}) for k in vary]
    first, last = names[order[0]], names[order[-1]]
    expected = f"one for each number from 0 or 1 on, of {shown([first, last])}"
    if len({*place.values()}) < len(family) or len(vary) not in (1, 2):
        raise idx.error(path, "columns", expected, "some more than once")
    for values in ranges:
        gap = next(
            (w for v, w in zip(values, itertools.count(values[0])) if v != w), None
        )
        if gap is not None or values[0] > 1:
            missing = f"none with the number {values[0] - 1 if gap is None else gap}"
            raise idx.error(path, "columns", expected, missing)
    if len(vary) == 1:
        return order, None
    shape = len(ranges[0]), len(ranges[1])
    if math.prod(shape) != len(family):
        expected, found = f"{shape[0]} x {shape[1]} of pixels", f"{len(family)}"
        raise idx.error(path, "columns", expected, found)
    return order, shape
