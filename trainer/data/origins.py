"""Which item of which IDX file an image of a data set is, and of which picture."""

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from mnist_idx_tfds import idx, idx_set, program

_DIGEST_BYTES = 16
Key = tuple[bytes, int]


def find(
    idx_dir: str | idx_set.IdxSet | None,
    split: str,
    examples: Sequence[tuple[np.ndarray, int]],
    complain: Callable[[str], None],
) -> list[str | None]:
    """Finds examples by their pixels and labels, in one pass over each file.

    TFDS shuffles what it builds, so that a position in a split says nothing of the file.
    Memory holds a digest of each example, and a chunk of the file's images.

    Args:
      idx_dir: folder of the four IDX files that the data set was built from, or the
        set, where it is open; None
        where it was built from something else.
      split: TFDS split that the examples are from, such as "test" or "train[85%:]".
      examples: image, uint8 `(height, width, 1)`, and label of each.
      complain: is told, in a line, of a folder that is there and cannot be read.

    Returns:
      For each example "t10k-images-idx3-ubyte.gz item 17", counted from 0, and where
      `t10k-files.txt` lies beside it ": " and the path of the picture. Of examples that
      are equal in pixels and label, the first is the first in the file, and so on.
      None where it is not in the folder, or the folder is not there.
    """
    sources: list[str | None] = [None] * len(examples)
    if not examples or not idx_dir:
        return sources
    try:
        if isinstance(idx_dir, str):
            if not idx_set.is_set(idx_dir):
                return sources
            opened = idx_set.IdxSet(idx_dir)
        else:
            opened = idx_dir
        found = items(opened, split, [key(*example) for example in examples])
        for part in opened.parts:
            numbers = {at[1]: n for n, at in enumerate(found) if at and at[0] == part}
            for item, n in numbers.items():
                sources[n] = f"{opened[part].images.path.name} item {item}"
            pictures = opened.pictures(part) if numbers else None
            for item, picture in enumerate(pictures or ()):
                if item in numbers:
                    n = numbers[item]
                    sources[n] = f"{sources[n]}: {picture}"
    except idx.IdxError as e:
        complain(f"mistakes go without their places in the files: {e}")
        return [None] * len(examples)
    return sources


def _parts(split: str) -> set[str]:
    """Returns which of `train` and `test` a TFDS split is of."""
    names = set(re.findall(r"(?:^|\+)\s*(\w+)", split))
    return {"train", "test"} if "all" in names else names


def items(
    opened: idx_set.IdxSet, split: str, keys: Sequence[Key]
) -> list[tuple[str, int] | None]:
    """Finds examples by their keys, in one pass over each file.

    Args:
      opened: the set.
      split: as of `find`.
      keys: as `key` returns them.

    Returns:
      Part and item of each, from 0; None where it is not in the set. Of equal keys, the
      first is the first in the file, and so on.

    Raises:
      idx.IdxError: a file cannot be read.
    """
    found: list[tuple[str, int] | None] = [None] * len(keys)
    wanted: dict[Key, list[int]] = {}
    for n, one in enumerate(reversed(keys), 1):
        wanted.setdefault(one, []).append(len(keys) - n)
    for part in sorted(_parts(split) & {*opened.parts}):
        item = 0
        chunks = program.progress(
            opened[part].read(),
            len(opened[part].images),
            f"{opened[part].images.path}",
            "images",
            size=lambda chunk: len(chunk[1]),
        )
        for images, labels in chunks:
            for image, label in zip(images, labels.tolist(), strict=True):
                one = key(image, label)
                if one in wanted:
                    found[wanted[one].pop()] = part, item
                    if not wanted[one]:
                        del wanted[one]
                item += 1
            if not wanted:
                break
    return found


def key(image: np.ndarray, label: int) -> Key:
    """Returns what tells an example from others: a digest of its pixels, and its label."""
    digest = hashlib.blake2b(image.tobytes(), digest_size=_DIGEST_BYTES)
    return digest.digest(), label
