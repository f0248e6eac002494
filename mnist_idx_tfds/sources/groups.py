"""Which items belong together, so that none is tested on that is like one trained on."""

import collections
import re
from collections.abc import Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Placed

# `00012` of `00012_00003`, `stack.tif` of `stack.tif page 3`: a name with a number in it,
# and the number of one of several.
_NAME = re.compile(r"(.*\d.*)[_-]\D{0,9}\d+(?:\.\w+)?|(.+) page \d+")


def grouped(
    name: str, placed: list[Placed], options: Options
) -> tuple[list[Placed], list[str]]:
    """Gives items their groups, where `options.group` says these; see `Item`.

    It is a column, which the source has read, or a pattern. The name is of the source.

    Returns:
      The items, and lines on the groups, or on what looks like some.

    Raises:
      idx.IdxError: the pattern is none, or fits no item.
    """
    if all(item.split for item in placed):
        return placed, []
    if not options.group:
        example = _looks_like(placed)
        pattern = "(.+) page" if re.search(r" page \d+$", example) else "(.+)[_-]"
        note = (
            f"{name}: names such as {shown(example)} look like several of one thing, of "
            f"which some may be trained on and others tested on; --group='{pattern}' or "
            "the like keeps them together"
        )
        return placed, [note] if example else []
    if not any(item.group for item in placed):
        found = _by_pattern(name, options.group, [item.origin for item in placed])
        pairs = zip(placed, found, strict=True)
        placed = [item._replace(group=group) for item, group in pairs]
    alone = sum(not item.group for item in placed)
    count = len({item.group for item in placed if item.group})
    note = f"{name}: {count:,} groups, each all trained on or all tested on"
    return placed, [note + f"; {alone:,} images are in none" * (alone > 0)]


def _by_pattern(name: str, pattern: str, origins: Sequence[str]) -> list[str]:
    """Returns the group of each item, empty where the pattern is not found."""
    expected = "the name of a column, or a regular expression for paths"
    try:
        found = list(map(re.compile(pattern).search, origins))
    except re.error as e:
        raise idx.error("--group", "pattern", expected, f"an error: {e}") from e
    if not any(found):
        fits = f"{pattern!r}, which is not found in {shown(origins[0])}"
        raise idx.error(name, "--group", expected, fits)
    return ["/".join(map(str, m.groups() or (m[0],))) if m else "" for m in found]


def _looks_like(placed: Sequence[Placed]) -> str:
    """Returns a name of several items of a class that look like a group, or nothing.

    Names look so if nearly all have such a part, which several share, of several in most
    of the classes.
    """
    names = [item.origin.rpartition("/")[2] for item in placed]
    found = [match and (match[1] or match[2]) for match in map(_NAME.fullmatch, names)]
    groups = collections.Counter(
        (item.label, group) for item, group in zip(placed, found, strict=True) if group
    )
    classes = collections.Counter(label for label, _ in groups)
    several = sum(count > 1 for count in classes.values())
    common = 2 * len(groups) <= groups.total() >= 0.9 * len(placed)
    if not common or 2 * several <= len({item.label for item in placed}):
        return ""
    (_, first), _ = groups.most_common(1)[0]
    return next(
        name for name, group in zip(names, found, strict=True) if group == first
    )


class Together:
    """Items that go to one side: those of a group, and those that are equal."""

    def __init__(self, placed: Sequence[Placed]):
        """Puts items together.

        Images that are equal in different groups join these, but for those that would
        put more than half of all items together; `apart` is the number of such images.
        """
        self._above = list(range(len(placed)))
        self._sizes = [1] * len(placed)
        self._join([item.group for item in placed], len(placed))
        grouped = any(item.group for item in placed)
        most = len(placed) // 2 if grouped else len(placed)
        self.apart = self._join([item.digest for item in placed], most)

    def of(self, item: int) -> int:
        """Returns the first of those that an item is together with."""
        while self._above[item] != item:
            self._above[item] = self._above[self._above[item]]
            item = self._above[item]
        return item

    def _join(self, keys: Sequence[str | bytes], most: int) -> int:
        """Joins items of the same key, but of an empty one; returns how many it did not."""
        first: dict[str | bytes, int] = {}
        apart = 0
        for item, key in enumerate(keys):
            one, other = sorted((self.of(first.setdefault(key, item)), self.of(item)))
            if not key or one == other:
                continue
            if self._sizes[one] + self._sizes[other] > most:
                apart += 1
                continue
            self._above[other] = one
            self._sizes[one] += self._sizes[other]
        return apart
