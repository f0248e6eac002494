"""Which picture a row of a table means by the path that it has."""

import functools
import os
import pathlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from unicodedata import normalize

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import folder as listing
from mnist_idx_tfds.sources import parts, table


class Row(NamedTuple):
    """What a row says of its picture.

    Attributes:
      where: what errors call the row.
      name: path or name of the picture, as it stands there.
      part: "train", "valid" or "test" where the table says it, else empty.
    """

    where: str
    name: str
    part: str


class _File(NamedTuple):
    path: str
    steps: tuple[str, ...]  # Its path in the folder, in NFC.
    folded: tuple[str, ...]  # The same, whatever its case.


class Pictures:
    r"""The pictures of a folder and of those in it, by the paths that rows have.

    A path is one in the folder, or the end of one; where no row's is, all may begin with
    as many folders that are not there, as those of another machine do. So no row gets a
    picture of another folder than it names. `\` stands for `/`, texts are the same if
    they are after NFC, and what ends pictures' names may be left out.
    """

    def __init__(self, path: pathlib.Path, root: pathlib.Path, whole: frozenset[str]):
        """Takes a folder.

        Args:
          path: of the table.
          root: the folder.
          whole: parts that all rows are of, which have none from folders of others;
            empty where that is not said.
        """
        self._path, self.root, self._whole = path, root, whole

    def find(self, rows: Sequence[Row]) -> list[str | None]:
        """Returns the path of each row's picture, None where it is not there.

        Raises:
          idx.IdxError: there are two that a row can mean.
        """
        found = [self._direct(row.name) for row in rows]
        others = [n for n, path in enumerate(found) if path is None]
        if not others:
            return found
        paths = [_steps(row.name) for row in rows]
        for n in others:
            found[n] = self._one(rows[n], self._ending(paths[n]))
        # If none is there, then below as many folders as it takes for one.
        for above in range(1, max(map(len, paths)) if not any(found) else 0):
            for n in others:
                steps = paths[n][above:]
                files = [f for f in self._ending(steps) if len(f.steps) == len(steps)]
                found[n] = self._one(rows[n], files)
            if any(found):
                break
        self._check_once(rows, found, others)
        return found

    def named(self, name: str) -> set[str]:
        """Returns the paths of all pictures that a name can mean."""
        return {file.path for file in self._ending(_steps(name))}

    def _direct(self, name: str) -> str | None:
        for known in (name, "/".join(_steps(name))):
            path = os.path.join(self.root, known)
            # Other than pathlib's, this is False of what is no path at all.
            if known and os.path.isfile(path):
                return path
        return None

    @functools.cached_property
    def _files(self) -> Mapping[str, list[_File]]:
        """Files by their names, those of pictures also without what ends these."""
        files = defaultdict(list)
        for file in _walk(self.root):
            name = file.folded[-1]
            stem, end = os.path.splitext(name)
            for known in {name, stem} if end in table.PICTURES else {name}:
                files[known].append(file)
        return files

    def _ending(self, steps: tuple[str, ...]) -> list[_File]:
        """Returns the files whose paths end with a path."""
        if not steps:
            return []
        folded, count = _folded(steps), len(steps)
        files = [
            file
            for file in self._files.get(folded[-1], ())
            if len(file.steps) >= count
            and file.folded[len(file.steps) - count : -1] == folded[:-1]
            and self._fits(file.steps[: len(file.steps) - count])
        ]
        same = [file for file in files if file.steps[-count:] == steps]
        named = [file for file in files if file.folded[-1] == folded[-1]]
        return same or named or files

    def _fits(self, folders_above: Sequence[str]) -> bool:
        """Whether folders that a row does not name are of no other part than its own."""
        named = {parts.of(folder) for folder in folders_above} - {None}
        return not self._whole or named <= self._whole

    def _one(self, row: Row, files: list[_File]) -> str | None:
        if len(files) > 1:
            of_part = [f for f in files if row.part in map(parts.of, f.steps[:-1])]
            files = of_part if len(of_part) == 1 else files
        if len(files) > 1:
            expected = f"one picture in {self.root} that is {row.name!r}"
            found = " and ".join("/".join(file.steps) for file in files[:2])
            hint = "Put the folder into that column, or say it with --images_dir."
            raise idx.error(self._path, f"{row.where}: file", expected, found, hint)
        if files and os.path.isfile(files[0].path):
            return files[0].path
        return None

    def _check_once(
        self, rows: Sequence[Row], found: Sequence[str | None], others: Sequence[int]
    ) -> None:
        """Raises an error where rows of two paths, or parts, have come to one picture."""
        first: dict[str, int] = {}
        looked_for = {*others}
        for n, (row, path) in enumerate(zip(rows, found, strict=True)):
            other = first.setdefault(path, n) if path else n
            if rows[other][1:] != row[1:] and {n, other} & looked_for:
                where, name, part = rows[other]
                expected = f"another picture than that of {where}, {name!r} {part}"
                text = f"{row.name!r} {row.part}".strip()
                field = f"{row.where}: file"
                raise idx.error(self._path, field, expected.strip(), text)


def count_in(root: pathlib.Path) -> int:
    """Returns how many pictures are in a folder and in those in it."""
    return sum(file.path.lower().endswith(table.PICTURES) for file in _walk(root))


def _folded(steps: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(step.casefold() for step in steps)


def _steps(name: str) -> tuple[str, ...]:
    steps = normalize("NFC", name.replace("\\", "/")).split("/")
    return tuple(step for step in steps if step not in ("", "."))


def _walk(root: pathlib.Path) -> Iterator[_File]:
    """Yields the files below a folder, behind links too, in the order of their names."""
    seen = set()
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not listing.is_litter(name))
        above = os.path.relpath(folder, root)
        for name in sorted(files):
            if not listing.is_litter(name):
                steps = _steps(os.path.join(above, name))
                yield _File(os.path.join(folder, name), steps, _folded(steps))
