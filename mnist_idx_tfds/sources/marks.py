"""The labels, parts and groups of all rows of a set's tables."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.sources import columns, parts, split
from mnist_idx_tfds.sources.options import Options


class Mark(NamedTuple):
    """What a table says of a row; see `source.Item` for the part and the group."""

    label: str
    part: str
    group: str


class Marked(NamedTuple):
    """A table with the part that the whole of it is, and the position of its labels.

    The part is empty where columns may say it, the position None to look for them.
    """

    table: columns.Table
    whole: str
    label: int | None


def find(
    tables: Sequence[Marked], options: Options
) -> tuple[list[list[Mark | None]], tuple[str, ...]]:
    """Finds what the tables of a set say of their rows.

    Args:
      tables: all of them.
      options: the column of groups, if it is one, and what is done with validation.

    Returns:
      A mark for each row of each table, None where the whole part has no labels, and
      lines that say what was taken for what.

    Raises:
      idx.IdxError: as `Table.labels` and `Table.parts`; or a row has no label, or is of
        another part than its table.
    """
    found: list[list[Mark]] = []
    notes: list[str] = []
    stated: dict[str, str] = {}  # The part that each value says.
    for table, whole, given in tables:
        labels, said = table.labels(given)
        notes.append(f"{table.path}: {table.said}{said}")
        values, more = table.parts()
        notes += more
        if values is not None:
            stated |= dict(values)
        of = _within(table, whole, values)
        groups = _groups(table, options.group)
        found.append(list(map(Mark, labels, of, groups)))
    labelled = {m.part for rows in found for m in rows if m.label or not m.part}
    counts = Counter(mark.part for rows in found for mark in rows)
    path = tables[0].table.path
    for part in sorted({*counts} - labelled):
        notes.append(f"{path}: {counts[part]:,} of {part} have no label, left out")
    notes += _said(path, stated, labelled - {""}, options)
    marked: list[list[Mark | None]] = []
    for (table, _, _), of_table in zip(tables, found, strict=True):
        kept = [mark if mark.part in labelled else None for mark in of_table]
        _check(table, [mark and mark.label for mark in kept])
        marked.append(kept)
    return marked, tuple(notes)


def _said(
    path: idx.PathLike, stated: dict[str, str], labelled: set[str], options: Options
) -> list[str]:
    """Returns a line that says what the values of columns are taken for."""
    if options.validation == "drop":
        labelled = labelled - {"valid"}
    splits = parts.splits(labelled)
    if len(splits) == 1:
        return [
            f"{path}: all are of {labelled.pop()}, and a share of them is tested on"
        ]
    used = {
        split: [value for value, part in stated.items() if splits.get(part) == split]
        for split in ("train", "test")
    }
    if not all(used.values()):
        return []
    train, test = (" and ".join(map(shown, used[split])) for split in used)
    return [f"{path}: {train} are trained on, {test} tested on"]


def _within(
    table: columns.Table, whole: str, stated: list[tuple[str, str]] | None
) -> Sequence[str]:
    """Returns the part of each row of a table that may be of one part as a whole."""
    if stated is None:
        return [whole] * len(table.rows)
    for row, (_, part) in enumerate(stated):
        if whole and part not in (whole, "valid"):
            field, expected = f"{table.where(row)}: split", f"{whole}, as the file is"
            raise idx.error(table.path, field, expected, part)
    return [whole if whole == "test" else part for _, part in stated]


def _groups(table: columns.Table, name: str | None) -> Sequence[str]:
    """Returns the group of each row, if a column of that name says it."""
    found = [n for n, other in enumerate(table.names) if other == name]
    if len(found) != 1:
        return [""] * len(table.rows)
    return [row[found[0]].strip() for row in table.rows]


def _check(table: columns.Table, labels: Sequence[str | None]) -> None:
    """Raises an `idx.IdxError` if a label is none; None is of what is left out."""
    for label in {*labels} - {None}:
        where = f"{table.where(labels.index(label))}: label"
        if not label:
            raise idx.error(table.path, where, "a class", "nothing")
        split.check_name(f"{table.path}: {where}", label)
