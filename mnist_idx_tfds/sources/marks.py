"""The labels, parts and groups of all rows of a set's tables."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mnist_idx_tfds import idx
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.sources import parts, split
from mnist_idx_tfds.sources.columns import Table
from mnist_idx_tfds.sources.options import Options


class Mark(NamedTuple):
    """What a table says of a row; see `source.Item` for the part and the group."""

    label: str
    part: str
    group: str


def find(
    tables: Sequence[Table], options: Options
) -> tuple[list[list[Mark | None]], tuple[str, ...]]:
    """Finds what all tables of a set say of their rows.

    Returns:
      A mark for each row of each table, None where the whole part has no labels, and
      lines that say what was taken for what.

    Raises:
      idx.IdxError: as `Table.labels` and `Table.parts`; or a table has no row, or a row
        no label, or is of another part than its table.
    """
    found: list[list[Mark]] = []
    notes: list[str] = []
    stated: dict[str, str] = {}  # The part that each value says.
    for table in tables:
        if not table.rows:
            hint = "The file has no data."
            raise idx.error(table.path, "rows", "at least one image", "none", hint)
        labels, said = table.labels()
        notes.append(f"{table.path}: {table.said}{said}")
        values, more = table.parts()
        notes += more
        stated |= dict(values or ())
        of = _within(table, values)
        groups = _groups(table, options.group)
        found.append(list(map(Mark, labels, of, groups)))
    labelled = {m.part for rows in found for m in rows if m.label or not m.part}
    counts = Counter(mark.part for rows in found for mark in rows)
    path = tables[0].path
    for part in sorted({*counts} - labelled):
        notes.append(f"{path}: {counts[part]:,} of {part} have no label, left out")
    notes += _said(path, stated, labelled - {""}, options)
    marked: list[list[Mark | None]] = []
    for table, of_table in zip(tables, found, strict=True):
        marked.append([mark if mark.part in labelled else None for mark in of_table])
        _check(table, [mark and mark.label for mark in marked[-1]])
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
    train, test = (
        " and ".join(
            shown(value) for value in stated if splits.get(stated[value]) == of
        )
        for of in ("train", "test")
    )
    if not train or not test:
        return []
    return [f"{path}: {train} are trained on, {test} tested on"]


def _within(table: Table, stated: list[tuple[str, str]] | None) -> Sequence[str]:
    """Returns the part of each row of a table that may be of one part as a whole."""
    whole = table.whole
    if stated is None:
        return [whole] * len(table.rows)
    for row, (_, part) in enumerate(stated):
        if whole and part not in (whole, "valid"):
            field, expected = f"{table.where(row)}: split", f"{whole}, as the file is"
            raise idx.error(table.path, field, expected, part)
    return [whole if whole == "test" else part for _, part in stated]


def _groups(table: Table, name: str | None) -> Sequence[str]:
    """Returns the group of each row, if a column of that name says it."""
    found = [n for n, other in enumerate(table.names) if other == name]
    if len(found) != 1:
        return [""] * len(table.rows)
    return [row[found[0]].strip() for row in table.rows]


def _check(table: Table, labels: Sequence[str | None]) -> None:
    """Raises an `idx.IdxError` if a label is none; None is of what is left out."""
    for label in {*labels} - {None}:
        where = f"{table.where(labels.index(label))}: label"
        if not label:
            raise idx.error(table.path, where, "a class", "nothing")
        split.check_name(f"{table.path}: {where}", label)
