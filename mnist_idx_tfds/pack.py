"""Makes four gzip IDX files of pictures, one folder for each class.

    python -m mnist_idx_tfds.pack IMAGES_DIR OUT_DIR

IMAGES_DIR holds a folder for each class, or `train` and `test`, which hold these.
"""

import argparse
import os
import pathlib
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from mnist_idx_tfds import idx, idx_set, program
from mnist_idx_tfds.pictures import folders, reading

_PREFIXES = {"train": "train", "test": "t10k"}
_CHUNK_BYTES = 1 << 20


class Packed(NamedTuple):
    """What was written: names of the classes, image size, and examples by class."""

    names: list[str]
    shape: tuple[int, int]
    train: np.ndarray
    test: np.ndarray


def pack(
    images_dir: idx.PathLike,
    out_dir: idx.PathLike,
    *,
    size: tuple[int, int] | None = None,
    test_share: float = 0.2,
    seed: int = 0,
    skip_bad: bool = False,
    overwrite: bool = False,
) -> Packed:
    """Writes a set of four IDX files with the names of classes and pictures, or nothing.

    Pixels go through a file, so that memory holds no more than a chunk of them. Which
    examples are tested on, and the order in the files, follow from the seed and the
    names of the pictures alone. `labels.txt` has the classes, `train-files.txt` and
    `t10k-files.txt` the path of each image's picture in `images_dir`.

    Args:
      images_dir: folder of a folder of pictures for each class.
      out_dir: folder to write to, made where missing.
      size: height and width to bring all pictures to; None if they agree already.
      test_share: share of each class to test on, where there is no folder `test`:
        rounded, but at least one and not all, of a class with two pictures or more.
      seed: another seed gives another split and another order.
      skip_bad: leave out pictures that cannot be read, instead of an error.
      overwrite: replace a set that is there.

    Raises:
      idx.IdxError: the folder or a picture cannot be used, or a set is there already.
      OSError: a file cannot be written.
    """
    names, examples = folders.find(images_dir)
    out = pathlib.Path(out_dir).expanduser()
    labels_type = np.dtype("u1" if len(names) <= 256 else "i4")
    files = {
        (split, kind): f"{prefix}-{kind}-idx{rank}-{name}.gz"
        for split, prefix in _PREFIXES.items()
        for kind, rank, name in (
            ("images", 3, "ubyte"),
            ("labels", 1, "ubyte" if labels_type == "u1" else "int"),
        )
    }
    texts = [idx_set.NAMES_FILE, *idx_set.PICTURES_FILES.values()]
    _check_out(out, {*files.values(), *texts}, overwrite)
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".pack-", dir=out) as temporary:
            folder = pathlib.Path(temporary)
            with open(folder / "pixels", "wb") as stream:
                kept, shape = _read_all(images_dir, examples, size, skip_bad, stream)
            pixels = np.memmap(
                folder / "pixels", np.uint8, "r", shape=(len(kept), *shape)
            )
            splits = folders.split(images_dir, names, kept, test_share, seed)
            counts = []
            for split, order in splits.items():
                labels = np.array([kept[n].label for n in order], labels_type)
                counts.append(np.bincount(labels, minlength=len(names)))
                path = folder / files[split, "labels"]
                idx.write(path, labels.shape, [labels], labels_type)
                path = folder / files[split, "images"]
                chunks = program.progress(
                    _chunks(pixels, order), len(order), f"writing {split}", "images"
                )
                idx.write(path, (len(order), *shape), chunks)
                idx_set.write_pictures(
                    folder / idx_set.PICTURES_FILES[split],
                    (folders.relative(images_dir, kept[n]) for n in order),
                )
            idx_set.write_names(folder / idx_set.NAMES_FILE, names)
            _move(folder, out, [*texts, *files.values()])
    finally:
        if made and not any(out.iterdir()):
            out.rmdir()
    return Packed(names, shape, *counts)


def _check_out(out: pathlib.Path, files: set[str], overwrite: bool) -> None:
    """Raises an error if the folder has a set that must stay, or would have two."""
    if not out.is_dir():
        if out.exists():
            raise idx.error(out, "folder", "a folder to write to", "a file")
        return
    there = {path.name for path in out.iterdir()}
    others = {name for name in there if idx_set.FILE_NAME.fullmatch(name)} - files
    hint = "Choose another folder, or replace them with --overwrite."
    if others:
        hint = "Choose another folder: one set in each."
    if found := sorted(others or (() if overwrite else there & files)):
        raise idx.error(out, "folder", "no set in it", ", ".join(found), hint)


def _read_all(
    images_dir: idx.PathLike,
    examples: list[folders.Example],
    size: tuple[int, int] | None,
    skip_bad: bool,
    stream: BinaryIO,
) -> tuple[list[folders.Example], tuple[int, int]]:
    """Writes the pixels of all pictures; returns the examples read, and their shape."""
    kept: list[folders.Example] = []
    shape = size
    one_each = ([example] for example in examples)
    for (example,) in program.progress(one_each, len(examples), "reading", "images"):
        try:
            pixels = reading.read(example.path, size)
        except idx.IdxError as e:
            print(e, file=sys.stderr)
            continue
        height, width = pixels.shape
        shape = shape or (height, width)
        if (height, width) != shape:
            expected = f"{shape[0]} x {shape[1]} as in {kept[0].path}"
            found = f"{height} x {width}"
            hint = "Give --size=28, or the like, to bring all to one size."
            raise idx.error(example.path, "image size", expected, found, hint)
        stream.write(pixels.tobytes())
        kept.append(example)
    bad = len(examples) - len(kept)
    if not shape or (bad and not (skip_bad and kept)):
        expected = "ones that can be read"
        found = f"{bad:,} of {len(examples):,} that cannot, listed above"
        hint = "Mend or remove them, or leave them out with --skip_bad."
        raise idx.error(images_dir, "pictures", expected, found, hint)
    return kept, shape


def _chunks(pixels: np.ndarray, order: list[int]) -> Iterator[np.ndarray]:
    """Yields pictures `(n, height, width)` in the order, about 1 MiB at a time."""
    items = max(1, _CHUNK_BYTES // pixels[0].size)
    for start in range(0, len(order), items):
        yield pixels[order[start : start + items]]


def _move(folder: pathlib.Path, out: pathlib.Path, names: list[str]) -> None:
    """Moves a set's files; until the last is there, nothing passes as a set."""
    (out / names[-1]).unlink(missing_ok=True)
    for name in names:
        os.replace(folder / name, out / name)


def _main(args: argparse.Namespace) -> int:
    packed = pack(
        args.images_dir,
        args.out_dir,
        size=args.size,
        test_share=args.test_share,
        seed=args.seed,
        skip_bad=args.skip_bad,
        overwrite=args.overwrite,
    )
    print(f"{'label':>8} {'train':>9} {'test':>9}  class")
    rows = zip(packed.train, packed.test, packed.names, strict=True)
    for label, (train, test, name) in enumerate(rows):
        print(f"{label:>8} {train:>9,} {test:>9,}  {name}")
    print(
        f"Wrote {args.out_dir}: {packed.train.sum():,} training and "
        f"{packed.test.sum():,} test images, {packed.shape[0]} x {packed.shape[1]}, "
        f"{len(packed.names)} classes. To train on them:"
    )
    print(f"python -m trainer --idx_dir={shlex.quote(args.out_dir)}")
    return 0


def _size(text: str) -> tuple[int, int]:
    if not (match := re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", text)):
        raise argparse.ArgumentTypeError(f"expected 28 or HEIGHTxWIDTH, found {text!r}")
    return int(match[1]), int(match[2] or match[1])


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"expected between 0 and 1, found {text!r}")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mnist_idx_tfds.pack",
        description="Makes four gzip IDX files of pictures, one folder for each class.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "images_dir",
        metavar="IMAGES_DIR",
        help="a folder of pictures for each class, or train/ and test/ with these",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", help="where to write")
    parser.add_argument(
        "--size",
        type=_size,
        metavar="PIXELS",
        help="bring pictures to this size, such as 28 or HEIGHTxWIDTH, whole and in "
        "their proportions; what is left over gets the median of the picture's border",
    )
    parser.add_argument(
        "--test_share",
        type=_share,
        default=0.2,
        metavar="SHARE",
        help="share of each class to test on where there is no test/ (default: 0.2)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="another one gives another split and order (default: 0)",
    )
    parser.add_argument(
        "--skip_bad", action="store_true", help="leave out what cannot be read"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a set that is there"
    )
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
