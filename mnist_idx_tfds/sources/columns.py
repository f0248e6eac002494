"""What the columns of a table are for: labels, the split, file names, or nothing."""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import parts
from mnist_idx_tfds.sources.source import shown


def _with_plurals(*names: str) -> frozenset[str]:
    return frozenset({*names, *(f"{name}s" for name in names)})


LABELS = _with_plurals("label", "target", "classid", "classname", "labelname") | {
    *("class", "classes", "category", "categories", "y", "labelid", "classlabel", "cls")
}
FILES = _with_plurals(
    *("file", "filename", "fname", "filepath", "path", "image", "imagename", "img"),
    *("imagepath", "imagefile", "imagefilename", "imgname", "imgpath", "imageid"),
    *("picture", "photo", "imgid", "imgfile", "idcode"),
)
IDS = frozenset({"id", "name"})  # Where there is none of the others.
# What numbers the rows, and what pandas calls it.
_NUMBERS = frozenset({"", "index", "idx", "row", "rowid", "no", "nr", "unnamed0", "id"})
_SPLITS = _with_plurals("split", "set", "subset", "partition", "usage", "dataset") | {
    *("part", "phase", "datasplit", "datasubset")
}
_FLAGS: dict[str, str] = {
    **dict.fromkeys(("istrain", "istraining", "istrainingimage"), "train"),
    **dict.fromkeys(("isvalid", "isval", "isvalidation"), "valid"),
    **dict.fromkeys(("istest", "istesting"), "test"),
}
# What are neither labels nor pixels, by their names.
NO_CONTENT = frozenset({*_NUMBERS, *_SPLITS, *_FLAGS, *FILES, *IDS})
_YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_NO = frozenset({"false", "f", "no", "n", "0", "0.0"})
_BITS = {"0": 0, "0.0": 0, "-1": 0, "-1.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}
_SHOWN = 6  # Names of columns in a line.
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def plain(name: str) -> str:
    """Returns a column's name in lower case, letters and digits alone."""
    return re.sub(r"[\W_]", "", name).lower()


@dataclasses.dataclass(frozen=True)
class Table:
    """The columns of a table that are not pixels.

    Attributes:
      path: what errors name.
      names: of the columns.
      rows: values of these, one list for each row.
      where: what an error calls a row, by its position in `rows`.
      whole: the part that all of it is, empty where columns may say it.
      label: position of the labels, None to look for them.
      used: positions of columns that are known to be something else.
      said: what notes say before where the labels are from.
    """

    path: pathlib.Path
    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    where: Callable[[int], str]
    whole: str = ""
    label: int | None = None
    used: frozenset[int] = frozenset()
    said: str = ""

    def labels(self) -> tuple[list[str], str]:
        """Finds the label of each row, and what to say of where it is from.

        Columns of zeros and a one, a column for each class, are labels, too.

        Raises:
          idx.IdxError: there is not exactly one such column.
        """
        if self.label is not None:
            return self._column(self.label)
        found = [n for n in self._free() if plain(self.names[n]) in LABELS]
        if len(found) > 1 and self._the_same(found):
            # A number and a name of the same class: the name.
            texts = [n for n in found if not self._all(n, NUMBER.fullmatch)]
            found = (texts or found)[:1]
        if not found and (ones := self._ones()):
            names = [self.names[n].strip() for n in ones]
            labels = [self._one_of(row, ones) for row in range(len(self.rows))]
            return labels, f"classes by the columns {shown(names[:4])}"
        others = [n for n in self._free() if plain(self.names[n]) not in NO_CONTENT]
        if not found and len(others) == 1:
            found = others
        if len(found) != 1:
            there = summary([self.names[n] for n in found or others])
            hint = "Say which it is with --label_column=NAME."
            if not found and not others:
                there = summary(self.names) or "none"
                hint = "What has no labels can be neither trained nor tested on."
            expected = "one column named like 'label'"
            raise idx.error(self.path, "columns", expected, there, hint)
        return self._column(found[0])

    def parts(self) -> tuple[list[tuple[str, str]] | None, tuple[str, ...]]:
        """Finds a value and the part it means of each row, and notes.

        None if no column says parts.

        Raises:
          idx.IdxError: a column says it of some rows alone, or two columns disagree.
        """
        stated: dict[str, list[tuple[str, str]]] = {}
        notes = []
        for n in self._free():
            name, values = self.names[n], [row[n].strip() for row in self.rows]
            if plain(name) not in _SPLITS:
                continue
            known = [parts.of(value) for value in values]
            if None not in known:
                of = zip(values, known, strict=True)
                stated[name] = [(value, part) for value, part in of if part]
            elif any(known):
                row = known.index(None)
                field, expected = f"{self.where(row)}: {name}", "train, valid or test"
                found = repr(values[row])
                raise idx.error(self.path, field, expected, found)
            else:
                some = shown(sorted(set(values))[:3])
                notes.append(f"{self.path}: its column {name!r} is no split: {some}")
        stated |= self._flags()
        if len({tuple(part for _, part in of) for of in stated.values()}) > 1:
            expected, found = "one that says the split", shown(stated)
            hint = "They disagree: remove or rename all but one."
            raise idx.error(self.path, "columns", expected, found, hint)
        return next(iter(stated.values()), None), tuple(notes)

    def _flags(self) -> dict[str, list[tuple[str, str]]]:
        """Returns the parts that columns such as `is_valid` say together, by their names."""
        flags = {
            n: _FLAGS[plain(self.names[n])]
            for n in self._free()
            if plain(self.names[n]) in _FLAGS
            and self._all(n, lambda value: value.lower() in _YES | _NO)
        }
        if not flags:
            return {}
        # What is not to train on is to test on, if nothing else is said.
        rest: str = "test" if {*flags.values()} == {"train"} else "train"

        def part(row: Sequence[str]) -> tuple[str, str]:
            true = [p for n, p in flags.items() if row[n].strip().lower() in _YES]
            return (true[0], true[0]) if true else (rest, rest)

        names = " and ".join(self.names[n] for n in flags)
        return {names: [part(row) for row in self.rows]}

    def _column(self, n: int) -> tuple[list[str], str]:
        labels = [row[n].strip() for row in self.rows]
        return labels, f"classes by {self.names[n]!r}"

    def _free(self) -> list[int]:
        return [n for n in range(len(self.names)) if n not in self.used]

    def _all(self, n: int, test: Callable[[str], object]) -> bool:
        return all(test(row[n].strip()) for row in self.rows)

    def _the_same(self, columns: Sequence[int]) -> bool:
        """Whether each of some columns tells the same rows apart."""
        together = {tuple(row[n] for n in columns) for row in self.rows}
        return all(len({row[n] for row in self.rows}) == len(together) for n in columns)

    def _ones(self) -> list[int]:
        """Returns the columns of zeros and ones, if they may be classes."""
        found = [
            n
            for n in self._free()
            if plain(self.names[n]) not in {*_FLAGS, *_NUMBERS}
            and self._all(n, lambda value: value.lower() in _BITS)
        ]
        return found if len(found) > 1 and self.rows else []

    def _one_of(self, row: int, ones: Sequence[int]) -> str:
        chosen = [n for n in ones if _BITS[self.rows[row][n].strip().lower()]]
        if len(chosen) != 1:
            expected = f"a one in one of {shown(self.names[n] for n in ones[:6])}"
            found = shown(self.names[n] for n in chosen) or "none"
            hint = "Only classes that exclude each other can be packed; or say with "
            hint += "--label_column=NAME which column has the labels."
            raise idx.error(self.path, self.where(row), expected, found, hint)
        return self.names[chosen[0]].strip()


def like(names: Iterable[str], known: frozenset[str]) -> list[int]:
    """Returns the positions of the columns that have one of the known names."""
    return [n for n, name in enumerate(names) if plain(name) in known]


def position(
    path: idx.PathLike, names: Sequence[str], name: str | None, flag: str
) -> int | None:
    """Finds a column that the user gave, by its name or as -1, the last, or the like.

    Returns:
      Its position, None where the user gave none.

    Raises:
      idx.IdxError: there is not exactly one such column.
    """
    if name is None:
        return None
    found = [n for n, other in enumerate(names) if other == name]
    count = len(names)
    if not found and re.fullmatch(r"-?\d{1,9}", name) and -count <= int(name) < count:
        return int(name) % count
    if len(found) != 1:
        hint = f"Say which it is with --{flag}=NAME; -1 is the last."
        expected = f"one column named {name!r}"
        raise idx.error(path, "columns", expected, summary(names), hint)
    return found[0]


def summary(names: Sequence[str]) -> str:
    """Returns the names of columns, of many the first ones and how many they are."""
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return f"{shown(names[:_SHOWN])}{more}"
