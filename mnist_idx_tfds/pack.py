"""Makes four gzip IDX files of pictures, of a CSV or .npz file, or of a set of TFDS.

    python -m mnist_idx_tfds.pack SOURCE OUT_DIR
    python -m mnist_idx_tfds.pack --dataset=NAME OUT_DIR

`sources/` has what a SOURCE can be, a module for each form.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mnist_idx_tfds import idx, idx_set, new_set, program
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.sources import alike, collected, forms, groups, split
from mnist_idx_tfds.sources import options as flags
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_DEFAULTS = Options()


class Packed(NamedTuple):
    """What was written.

    Attributes:
      names: of the classes.
      shape: height, width and channels of an image.
      train: number of examples of each class; `test` the same.
      notes: lines that say what was done, and what is odd.
    """

    names: list[str]
    shape: tuple[int, int, int]
    train: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...]


def pack(
    source: Source,
    out_dir: idx.PathLike,
    options: Options = _DEFAULTS,
    *,
    complain: Callable[[idx.IdxError], None] = lambda error: None,
    progress: Callable[..., Iterable[Any]] = program.silent,
) -> Packed:
    """Writes a set of four IDX files with the names of classes and origins, or nothing.

    Pixels go through a file, so that memory holds no more than a chunk of them. The
    order in the files, and which examples are tested on, are those of the source; where
    it has none, they follow from the seed and the names of the examples alone.
    `labels.txt` has the classes, `train-files.txt` and `t10k-files.txt` where in the
    source each image is. A set that is there is replaced; see `new_set.check_out`.

    Args:
      source: images with labels.
      out_dir: folder to write to, made where missing.
      options: how to read and to split the source.
      complain: is given the error of each picture that cannot be read.
      progress: is given what is read and written; see `program.progress`.

    Raises:
      idx.IdxError: the source or an image of it cannot be used.
      OSError: a file cannot be written.
    """
    with new_set.draft(out_dir) as folder:
        placed, pixels, notes = collected.collect(
            source, options, folder, complain, progress
        )
        shape = pixels.shape[1:]
        source, placed = alike.merged(source, placed)
        placed, more = groups.grouped(source.name, placed, options)
        names = split.names_of(source, placed)
        splits, others = split.split(source, names, placed, options)
        notes += [*more, *others]
        numbers = {name: label for label, name in enumerate(names)}
        labels = np.array([numbers[item.label] for item in placed])
        labels = labels.astype("u1" if labels.max() <= 255 else "i4")
        files, counts = new_set.files(len(shape) + 1, labels.dtype), []
        for part, order in splits.items():
            chosen = labels[order]
            counts.append(np.bincount(chosen, minlength=len(names)))
            path = folder / files[part, "labels"]
            idx.write(path, chosen.shape, [chosen], chosen.dtype)
            path = folder / files[part, "images"]
            chunks = progress(
                _chunks(pixels, order), len(order), f"writing {part}", "images"
            )
            idx.write(path, (len(order), *shape), chunks)
            path = folder / idx_set.PICTURES_FILES[part]
            idx_set.write_pictures(path, (placed[n].origin for n in order))
        idx_set.write_names(folder / idx_set.NAMES_FILE, names)
    height, width, channels = (*shape, 1)[:3]
    train, test = counts
    counted = dict(zip(names, (train + test).tolist(), strict=True))
    notes += alike.notes(counted)
    if "emnist" in source.name.lower() and options.dataset is None:
        what = "EMNIST as published is stored transposed: look at some images"
        notes.append(f"odd: {source.name}: {what}")
    if len(names) == 1:
        notes.append(f"odd: all images are of one class, {names[0]}")
    return Packed(names, (height, width, channels), train, test, tuple(notes))


def _chunks(pixels: np.ndarray, order: list[int]) -> Iterator[np.ndarray]:
    """Yields pictures `(n, *shape)` in the order, about 1 MiB at a time."""
    items = idx.per_chunk(pixels[0].size)
    for start in range(0, len(order), items):
        yield pixels[order[start : start + items]]


def _main(args: argparse.Namespace) -> int:
    if (args.source is None) == (args.dataset is None):
        found = "both" if args.dataset else "neither"
        _parser().error(f"expected SOURCE or --dataset, and OUT_DIR, found {found}")
    new_set.check_out(args.out_dir, args.overwrite)
    options = flags.given(args)
    source = forms.open_source(args.source, options)
    for note in source.notes:
        print(shown(note), flush=True)
    packed = pack(
        source,
        args.out_dir,
        options,
        complain=lambda error: print(shown(error), file=sys.stderr),
        progress=program.progress,
    )
    print(f"{'label':>8} {'train':>9} {'test':>9}  class")
    rows = zip(packed.train, packed.test, packed.names, strict=True)
    for label, (train, test, name) in enumerate(rows):
        print(f"{label:>8} {train:>9,} {test:>9,}  {shown(name)}")
    for note in packed.notes:
        print(shown(note))
    print(
        f"Wrote {args.out_dir}: {packed.train.sum():,} training and "
        f"{packed.test.sum():,} test images, {idx_set.size_name(packed.shape)}, "
        f"{len(packed.names):,} classes. To train on them:"
    )
    print(f"python -m trainer --idx_dir={shlex.quote(args.out_dir)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("pack", __doc__)
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a folder of pictures for each class, or train/ and test/ with these; what "
        "mnist_idx_tfds.unpack made; a CSV file with the pixels of an image in each row, "
        "or the file name of a picture, or a folder with the latter; an .npz file; or a "
        "folder of Parquet files, such as train-*.parquet and test-*.parquet",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", help="where to write")
    flags.add_to(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a set that is there"
    )
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
