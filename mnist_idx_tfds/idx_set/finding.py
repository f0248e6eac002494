"""The four files of a set, found by the names they go by."""

import re
from typing import NamedTuple

from etils import epath

from mnist_idx_tfds import idx

_SPLITS = {"train": "train", "t10k": "test", "test": "test"}
FILE_NAME = re.compile(
    r"(?:.+-)?(?P<split>train|t10k|test)-(?P<kind>images|labels)[-.]idx\d-[a-z]+(?:\.gz)?"
)


class Pair(NamedTuple):
    """The two files of one split, item n of one belonging to item n of the other."""

    images: epath.Path
    labels: epath.Path


def find(idx_dir: idx.PathLike) -> dict[str, Pair]:
    """Finds the four files of a set by the names they go by.

    Names are `train-` with `t10k-` or `test-`, `images` or `labels`, `-idx3-ubyte`
    or `.idx3-ubyte`, with or without `.gz`, and any prefix as in `emnist-letters-`.

    Args:
      idx_dir: folder with one such set in it; other files are passed over.

    Returns:
      The pairs for `train` and `test`.

    Raises:
      idx.IdxError: no such folder, or not exactly one file for each of the four.
    """
    folder = epath.Path(idx_dir).expanduser()
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        hint = "Is the path right? Once built, a data set loads by name, without it."
        raise idx.error(folder, "folder", "a folder of four IDX files", found, hint)
    candidates: dict[tuple[str, str], list[epath.Path]] = {}
    for path in sorted(folder.iterdir()):
        # Some archives unpack to a folder of the file's name beside the file.
        if (match := FILE_NAME.fullmatch(path.name)) and not path.is_dir():
            key = _SPLITS[match["split"]], match["kind"]
            candidates.setdefault(key, []).append(path)
    pairs = {}
    for split in ("train", "test"):
        files = []
        for kind in ("images", "labels"):
            paths = candidates.get((split, kind), [])
            if len(paths) != 1:
                names = ", ".join(path.name for path in paths) or "none"
                prefix = "train" if split == "train" else "t10k"
                example = f"{prefix}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"
                expected = f"one file, named like {example}"
                hint = "Put it there, or give the folder that has all four."
                if paths:
                    hint = "Keep one set in a folder, and each of its files once."
                field = f"{split} {kind}"
                raise idx.error(folder, field, expected, names, hint)
            files += paths
        pairs[split] = Pair(*files)
    return pairs


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
    match = FILE_NAME.fullmatch(path.name)
    if not match or match["kind"] != "images":
        expected = "one like t10k-images-idx3-ubyte.gz"
        hint = "The labels are found by the name of the images."
        raise idx.error(path, "name", expected, path.name, hint)
    prefix = path.name[: match.start("kind")]
    beside = [
        other
        for other in sorted(path.parent.iterdir())
        if (found := FILE_NAME.fullmatch(other.name))
        and (other.name[: found.start("kind")], found["kind"]) == (prefix, "labels")
        and not other.is_dir()
    ]
    if len(beside) != 1:
        names = ", ".join(other.name for other in beside) or "none"
        expected = f"one file beside it, named like {prefix}labels-idx1-ubyte.gz"
        raise idx.error(path, "labels", expected, names)
    return Pair(path, beside[0])
