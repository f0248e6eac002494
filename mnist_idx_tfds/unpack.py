"""Writes each image of four IDX files as a picture, in folders by split and class.

    python -m mnist_idx_tfds.unpack DIR OUT_DIR

`python -m mnist_idx_tfds.pack OUT_DIR` makes the same images and labels of them again.
"""

import argparse
import os
import pathlib
import shlex
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mnist_idx_tfds import idx, idx_set, program
from mnist_idx_tfds.pictures import making
from mnist_idx_tfds.sources import unpacked


class Unpacked(NamedTuple):
    """What was written: pictures to train on, to test on, and the number of classes."""

    train: int
    test: int
    classes: int
    in_color: bool


def unpack(
    idx_dir: idx.PathLike,
    out_dir: idx.PathLike,
    transpose: str = "auto",
    progress: Callable[..., Iterable[Any]] = program.silent,
) -> Unpacked:
    """Writes `train/CLASS/ITEM.png` and `test/CLASS/ITEM.png`, or nothing.

    ITEM is the position in the file, from 0, with zeros before it. `unpacked.csv` says
    which folder is which class. The pixels are those of the files, bit for bit.

    Args:
      idx_dir: folder of four IDX files, and `labels.txt` if the classes have names.
      out_dir: empty folder to write to, made where missing.
      transpose: whether images are stored with rows as columns; see `idx_set.IdxSet`.
      progress: is given what is written; see `program.progress`.

    Raises:
      idx.IdxError: an IDX file cannot be used, or the folder holds something.
      OSError: a file cannot be written.
    """
    opened = idx_set.IdxSet(idx_dir, transpose)
    opened.check()
    names = opened.names or [*map(str, range(opened.num_classes))]
    out = pathlib.Path(out_dir).expanduser().resolve()
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=out.parent) as temporary:
        draft = pathlib.Path(temporary, "draft")
        draft.mkdir()
        folders = unpacked.write(draft, names)
        for part in unpacked.SPLITS:
            counts[part] = len(opened[part].images)
            for label in range(len(names)):
                (draft / part / folders[label]).mkdir(parents=True)
            digits, item = len(f"{counts[part] - 1}"), 0
            chunks = progress(
                opened[part].read(),
                counts[part],
                f"writing {part}",
                "pictures",
                size=lambda chunk: len(chunk[1]),
            )
            for images, labels in chunks:
                for pixels, label in zip(images, labels.tolist(), strict=True):
                    path = draft / part / folders[label] / f"{item:0{digits}}.png"
                    making.of_pixels(pixels).save(path)
                    item += 1
        # Whole or not at all; it takes the place of an empty folder.
        os.replace(draft, out)
    return Unpacked(counts["train"], counts["test"], len(names), opened.shape[-1] == 3)


def check_out(out: pathlib.Path) -> None:
    """Raises an `idx.IdxError` if there is anything but an empty folder."""
    expected, hint = "an empty folder, or none", "Choose another, or remove it."
    if out.exists() and not out.is_dir():
        raise idx.error(out, "folder", expected, "a file", hint)
    if out.is_dir() and (there := next(out.iterdir(), None)):
        raise idx.error(out, "folder", expected, f"{there.name} in it", hint)


def _main(args: argparse.Namespace) -> int:
    train, test, classes, in_color = unpack(
        args.idx_dir, args.out_dir, args.transpose, program.progress
    )
    print(
        f"Wrote {args.out_dir}: {train:,} pictures to train on and {test:,} to test on, "
        f"{classes} classes. To pack them again:"
    )
    flag = "--color " * in_color
    print(f"python -m mnist_idx_tfds.pack {flag}{shlex.quote(args.out_dir)} OUT_DIR")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("unpack", __doc__)
    parser.add_argument("idx_dir", metavar="DIR", help="folder of the four IDX files")
    parser.add_argument("out_dir", metavar="OUT_DIR", help="where to write")
    program.add_transpose(parser)
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
