"""The four files of a set, found by the names they go by."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from etils import epath

from mnist_idx_tfds import idx

_NAME = re.compile(
    r"(?:(?P<prefix>.*?)[-_. ]+)??"
    r"(?:(?P<before>[xy]|image|label)s?[-_. ]*)?"
    r"(?P<part>train(?:ing)?|t10k|test(?:ing)?)"
    r"(?:[-_. ]*(?P<kind>image|label)s?)?(?: ?\(\d+\))?"
    r"[-_. ]*idx\d?(?:[-_. ]*(?:u?byte|short|u?int\d*|float|double))?"
    r"(?: ?\(\d+\))?(?:\.gz)?(?: ?\(\d+\))?",
    re.IGNORECASE | re.DOTALL,
)
_KINDS = {"x": "images", "y": "labels", "image": "images", "label": "labels"}
_ANY_WORD = re.compile("idx|image|label|train|test|t10k", re.IGNORECASE)
_NEAR = 4  # Names of files that nearly fit, in a message.
_BLOCK_BYTES = 1 << 20


class Name(NamedTuple):
    """What the name of a file says: "emnist-letters", "train" or "test", and "images"."""

    prefix: str
    part: str
    kind: str


class Pair(NamedTuple):
    """The two files of one split, item n of one belonging to item n of the other."""

    images: epath.Path
    labels: epath.Path


_Files = dict[tuple[str, str], list[epath.Path]]  # By part and kind.


def named(name: str) -> Name | None:
    """Returns what a file's name says, in any case; None if it is not of a set.

    Such as `train-images-idx3-ubyte.gz`, `t10k_labels.idx1-ubyte`, `X_test-idx3-ubyte`,
    `emnist-letters-train-images-idx3-ubyte (1).gz`.
    """
    # A dot begins the names of what macOS and others put beside a file.
    match = None if name.startswith(".") else _NAME.fullmatch(name)
    kind = match and (match["kind"] or match["before"])
    if not match or not kind:
        return None
    part = "train" if match["part"].lower().startswith("train") else "test"
    return Name(match["prefix"] or "", part, _KINDS[kind.lower()])


def find(idx_dir: idx.PathLike) -> dict[str, Pair]:
    """Finds the four files of a set by the names they go by.

    Names are `train-` with `t10k-` or `test-`, `images` or `labels`, `-idx3-ubyte`
    or `.idx3-ubyte`, with or without `.gz`, with `_` or `.` for `-`, in any case, and with
    any prefix as in `emnist-letters-`. Each may be in a folder of its own name, and there
    twice with the same bytes, as unpacked and as not.

    Args:
      idx_dir: folder with one such set in it, other files are passed over; or, where it
        has several, the folder and the prefix of one, `DIR/emnist-letters`.

    Returns:
      The pairs for `train` and `test`.

    Raises:
      idx.IdxError: no such folder, or not exactly one file for each of the four.
    """
    folder = epath.Path(idx_dir).expanduser()
    if folder.is_dir():
        sets = _sets(folder)
        if len(sets) > 1:
            raise _several(folder, sets)
        (prefix, files), *_ = [*sets.items()] or [("", {})]
        return _complete(folder, prefix, files)
    if chosen := _with_prefix(folder):
        return _complete(folder.parent, *chosen)
    found = "a file" if folder.exists() else "nothing"
    hint = "Is the path right? Once built, a data set loads by name, without it."
    raise idx.error(folder, "folder", "a folder of four IDX files", found, hint)


def is_set(path: idx.PathLike) -> bool:
    """Returns whether a path is what `find` takes: a folder, or one with a prefix."""
    folder = epath.Path(path).expanduser()
    return folder.is_dir() or bool(_with_prefix(folder))


def pair_of(images: idx.PathLike) -> Pair:
    """Returns a file of images with the file of labels beside it.

    That is the one file of the same folder whose name begins as that of the images, such
    as `emnist-letters-train-`, and goes on as `find` has it.

    Args:
      images: the file of images.

    Raises:
      idx.IdxError: the name is not that of such a file, or there is not one such file
        of labels.
    """
    path = epath.Path(images).expanduser()
    name = named(path.name)
    if not name or name.kind != "images":
        expected = "one like t10k-images-idx3-ubyte.gz"
        hint = "The labels are found by the name of the images."
        raise idx.error(path, "name", expected, path.name, hint)
    start = path.name[: path.name.lower().find("image")]
    beside = _sets(folder_of(path)).get(name.prefix, {}).get((name.part, "labels"), [])
    alike = [other for other in beside if other.name.startswith(start)]
    paths = _apart(alike or beside)
    if len(paths) != 1:
        expected = f"one file beside it, named like {start}labels-idx1-ubyte.gz"
        found = ", ".join(other.name for other in paths) or "none"
        raise idx.error(path, "labels", expected, found)
    return Pair(path, paths[0])


def folder_of(path: epath.Path) -> epath.Path:
    """Returns the folder of the set that a file is of, which may have one of its own."""
    name = named(path.parent.name)
    return path.parent.parent if name and name == named(path.name) else path.parent


def _sets(folder: epath.Path) -> dict[str, _Files]:
    """Returns the files of each set in a folder, by prefix."""
    sets: dict[str, _Files] = {}
    for path in sorted(folder.iterdir()):
        if not (name := named(path.name)):
            continue
        for file in _files(path):
            files = sets.setdefault(name.prefix, {})
            files.setdefault((name.part, name.kind), []).append(file)
    return sets


def _with_prefix(path: epath.Path) -> tuple[str, _Files] | None:
    """Returns the prefix and the files of `DIR/emnist-letters`, if there are such."""
    if path.exists() or not path.parent.is_dir():
        return None
    asked = path.name.strip("-_. ").lower()
    sets = _sets(path.parent).items()
    return next(((p, files) for p, files in sets if p.lower() == asked != ""), None)


def _files(path: epath.Path) -> Iterator[epath.Path]:
    """Yields a file, or those in a folder of a file's name that have its name, too."""
    if not path.is_dir():
        yield path
        return
    for inner in sorted(path.iterdir()):
        if named(inner.name) == named(path.name) and not inner.is_dir():
            yield inner


def _complete(folder: epath.Path, prefix: str, files: _Files) -> dict[str, Pair]:
    pairs = {}
    for part in ("train", "test"):
        pair = []
        for kind in ("images", "labels"):
            paths = _apart(files.get((part, kind), []))
            if len(paths) != 1:
                raise _not_one(folder, prefix, (part, kind), paths)
            pair += paths
        pairs[part] = Pair(*pair)
    return pairs


def _not_one(
    folder: epath.Path, prefix: str, field: tuple[str, str], paths: list[epath.Path]
) -> idx.IdxError:
    part, kind = field
    example = "train" if part == "train" else "t10k"
    example = f"{example}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"
    expected = f"one file, named like {f'{prefix}-' * bool(prefix)}{example}"
    found, hint = ", ".join(f"{path.relative_to(folder)}" for path in paths), ""
    if paths:
        hint = "Keep one set in a folder, and each of its files once."
        return idx.error(folder, " ".join(field), expected, found, hint)
    within = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    found, hint = "none", "Put it there, or give the folder that has all four."
    if near := [path.name for path in sorted(folder.iterdir()) if _is_near(path)]:
        names = ", ".join(near[:_NEAR]) + ", ..." * (len(near) > _NEAR)
        found = f"none, but {names}"
        hint = "Is it one of these? Rename it, or unpack it if it is an archive."
    elif inner := [path for path in within if _sets(path)]:
        hint = f"Is it in {inner[0]}?"
    return idx.error(folder, " ".join(field), expected, found, hint)


def _is_near(path: epath.Path) -> bool:
    """Whether a file that is none of a set by its name may have been meant as one."""
    if path.is_dir() or named(path.name):
        return False
    return bool(_ANY_WORD.search(path.name)) and not path.name.endswith(".txt")


def _several(folder: epath.Path, sets: Mapping[str, _Files]) -> idx.IdxError:
    """Returns the error for a folder of more than one set, whole or not."""
    found = [
        f"{prefix or 'one without a prefix'} ({sum(map(len, files.values()))} files)"
        for prefix, files in sorted(sets.items())
    ]
    whole = [prefix for prefix, files in sorted(sets.items()) if len(files) == 4]
    hint = "Keep one set in a folder, and each of its files once."
    if whole and all(whole):
        hint = f"Name one of them: {' or '.join(f'{folder / p}' for p in whole)}."
    expected = "four that begin alike, those of one set"
    return idx.error(folder, "names", expected, ", ".join(found), hint)


def _apart(paths: list[epath.Path]) -> list[epath.Path]:
    """Returns one of the files if all have the same bytes, packed or not; else all."""
    first, *others = sorted(paths, key=lambda path: path.suffix == ".gz") or [None]
    if first and all(_same(first, other) for other in others):
        return [first]
    return paths


def _same(one: epath.Path, two: epath.Path) -> bool:
    with idx.opened(one) as (left, _), idx.opened(two) as (right, _):
        while left_bytes := left.read(_BLOCK_BYTES):
            if left_bytes != right.read(len(left_bytes)):
                return False
        return not right.read(1)
