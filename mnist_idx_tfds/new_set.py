"""The folder that a set is written to, whole or not at all."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

from mnist_idx_tfds import idx, idx_set

_PREFIXES = {"train": "train", "test": "t10k"}
_LABELS: dict[np.dtype, str] = {np.dtype("u1"): "ubyte", np.dtype("i4"): "int"}
_TEXTS = {idx_set.NAMES_FILE, *idx_set.PICTURES_FILES.values()}


def files(rank: int, labels_type: np.dtype) -> dict[tuple[str, str], str]:
    """Returns the names of the four files by part and kind.

    The rank is that of the images' file, 3 or 4; labels are uint8 or int32.
    """
    kinds = {"images": f"idx{rank}-ubyte", "labels": f"idx1-{_LABELS[labels_type]}"}
    return {
        (part, kind): f"{prefix}-{kind}-{name}.gz"
        for part, prefix in _PREFIXES.items()
        for kind, name in kinds.items()
    }


_NAMES = _TEXTS | {
    name for rank in (3, 4) for dtype in _LABELS for name in files(rank, dtype).values()
}


def check_out(out_dir: idx.PathLike, overwrite: bool) -> None:
    """Raises an error if the folder has a set that must stay, or would have two."""
    out = pathlib.Path(out_dir).expanduser()
    if not out.is_dir():
        if out.exists():
            raise idx.error(out, "folder", "a folder to write to", "a file")
        return
    there = {path.name for path in out.iterdir()}
    others = {name for name in there if idx_set.named(name)} - _NAMES
    hint = "Choose another folder, or replace them with --overwrite."
    if others:
        hint = "Choose another folder: one set in each."
    if found := sorted(others or (() if overwrite else there & _NAMES)):
        raise idx.error(out, "folder", "no set in it", ", ".join(found), hint)


@contextlib.contextmanager
def draft(out_dir: idx.PathLike) -> Iterator[pathlib.Path]:
    """Yields a folder to write a set to, which takes the place of what is in another.

    After an error, what was there is there still. While files are moved, and until the
    last is there, nothing passes as a set.

    Args:
      out_dir: the other, made where missing; see `check_out`.

    Raises:
      OSError: a file cannot be written.
    """
    out = pathlib.Path(out_dir).expanduser()
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=out) as temporary:
            folder = pathlib.Path(temporary)
            yield folder
            names = {path.name for path in folder.iterdir()} & _NAMES
            *first, last = sorted(names, key=lambda name: name not in _TEXTS)
            # What stays of another set would be taken for a part of this one.
            for name in sorted(_NAMES - {*first}):
                (out / name).unlink(missing_ok=True)
            for name in (*first, last):
                os.replace(folder / name, out / name)
    finally:
        if made and not any(out.iterdir()):
            out.rmdir()
