"""Which item of which IDX file an image of a data set is, and of which picture."""

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from mnist_idx_tfds import idx, idx_set, program

_DIGEST_BYTES = 16


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
        _search(opened, _parts(split), examples, sources)
    except idx.IdxError as e:
        complain(f"mistakes go without their places in the files: {e}")
        return [None] * len(examples)
    return sources


def _parts(split: str) -> set[str]:
    """Returns which of `train` and `test` a TFDS split is of."""
    names = set(re.findall(r"(?:^|\+)\s*(\w+)", split))
    return {"train", "test"} if "all" in names else names


def _search(
    opened: idx_set.IdxSet,
    parts: set[str],
    examples: Sequence[tuple[np.ndarray, int]],
    sources: list[str | None],
) -> None:
    wanted: dict[tuple[bytes, int], list[int]] = {}
    for n, (image, label) in enumerate(examples):
        wanted.setdefault((_digest(image), label), []).append(n)
    for part in sorted(parts & set(opened.parts)):
        path, item, found = opened[part].images.path, 0, {}
        chunks = program.progress(
            opened[part].read(),
            len(opened[part].images),
            f"{path}",
            "images",
            size=lambda chunk: len(chunk[1]),
        )
        for images, labels in chunks:
            for image, label in zip(images, labels.tolist(), strict=True):
                key = _digest(image), label
                if key in wanted:
                    found[item] = wanted[key].pop(0)
                    sources[found[item]] = f"{path.name} item {item}"
                    if not wanted[key]:
                        del wanted[key]
                item += 1
            if not wanted:
                break
        if found:
            for item, picture in enumerate(opened.pictures(part) or ()):
                if item in found:
                    sources[found[item]] = f"{sources[found[item]]}: {picture}"


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=_DIGEST_BYTES).digest()
