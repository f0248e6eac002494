"""Makes four gzip IDX files of pictures, of a CSV or .npz file, or of a data set of TFDS.

    python -m mnist_idx_tfds.pack SOURCE OUT_DIR
    python -m mnist_idx_tfds.pack --dataset=NAME OUT_DIR

`sources/` has what a SOURCE can be, a module for each form.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from mnist_idx_tfds import idx, idx_set, new_set, program
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.sources import alike, forms, split
from mnist_idx_tfds.sources import options as flags
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Source

_DEFAULTS = Options()


class Packed(NamedTuple):
    """What was written: names of classes, image size, examples by class, what is odd."""

    names: list[str]
    shape: tuple[int, int, int]
    train: np.ndarray
    test: np.ndarray
    notes: list[str]


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
      options: `size` to bring all images to, if they do not agree already; `test_share`
        and `seed` of the split; whether to `skip_bad`.
      complain: is given the error of each picture that cannot be read.
      progress: is given what is read and written; see `program.progress`.

    Raises:
      idx.IdxError: the source or an image of it cannot be used.
      OSError: a file cannot be written.
    """
    with new_set.draft(out_dir) as folder:
        with open(folder / "pixels", "wb") as stream:
            placed, origins, shape = _read_all(
                source, options, stream, complain, progress
            )
        pixels = np.memmap(
            folder / "pixels", np.uint8, "r", shape=(len(placed), *shape)
        )
        source, placed = alike.merged(source, placed)
        names = split.names_of(source, placed)
        splits = split.split(source, names, placed, options)
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
            idx_set.write_pictures(
                folder / idx_set.PICTURES_FILES[part],
                (origins[n] for n in order),
            )
        idx_set.write_names(folder / idx_set.NAMES_FILE, names)
    height, width, channels = (*shape, 1)[:3]
    train, test = counts
    notes = alike.notes(dict(zip(names, (train + test).tolist(), strict=True)))
    return Packed(names, (height, width, channels), train, test, notes)


def _read_all(
    source: Source,
    options: Options,
    stream: BinaryIO,
    complain: Callable[[idx.IdxError], None],
    progress: Callable[..., Iterable[Any]],
) -> tuple[list[split.Placed], list[str], tuple[int, ...]]:
    """Writes the pixels of all images; returns what else items have, and the shape."""
    placed: list[split.Placed] = []
    origins: list[str] = []
    shape: tuple[int, ...] = ()
    first, bad, size = "", 0, options.size
    items = progress(source.items, source.total, "reading", "images", lambda item: 1)
    for item in items:
        if isinstance(item, idx.IdxError):
            complain(item)
            bad += 1
            continue
        pixels = item.pixels
        if size and pixels.shape[:2] != size:
            pixels = np.asarray(reading.fit(Image.fromarray(pixels), size))
        shape, first = shape or pixels.shape, first or item.path
        if pixels.shape != shape:
            expected = f"{shape[0]} x {shape[1]} as in {first}"
            found = f"{pixels.shape[0]} x {pixels.shape[1]}"
            hint = "Give --size=28, or the like, to bring all to one size."
            raise idx.error(item.path, "image size", expected, found, hint)
        stream.write(pixels.tobytes())
        placed.append(split.Placed(item.label, item.split, item.key))
        origins.append(item.origin)
    if bad and not (options.skip_bad and placed):
        expected = "ones that can be read"
        found = f"{bad:,} of {bad + len(placed):,} that cannot, listed above"
        hint = "Mend or remove them, or leave them out with --skip_bad."
        raise idx.error(source.name, "pictures", expected, found, hint)
    if not placed:
        raise idx.error(source.name, "images", "at least one", "none")
    return placed, origins, shape


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
        print(note, flush=True)
    packed = pack(
        source,
        args.out_dir,
        options,
        complain=lambda error: print(error, file=sys.stderr),
        progress=program.progress,
    )
    print(f"{'label':>8} {'train':>9} {'test':>9}  class")
    rows = zip(packed.train, packed.test, packed.names, strict=True)
    for label, (train, test, name) in enumerate(rows):
        print(f"{label:>8} {train:>9,} {test:>9,}  {name}")
    for note in packed.notes:
        print(note)
    print(
        f"Wrote {args.out_dir}: {packed.train.sum():,} training and "
        f"{packed.test.sum():,} test images, {idx_set.size_name(packed.shape)}, "
        f"{len(packed.names)} classes. To train on them:"
    )
    print(f"python -m trainer --idx_dir={shlex.quote(args.out_dir)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mnist_idx_tfds.pack",
        description="Makes four gzip IDX files of a folder of pictures, of a CSV file, of "
        "an .npz file, or of a data set of TFDS.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a folder of pictures for each class, or train/ and test/ with these; what "
        "mnist_idx_tfds.unpack made; a CSV file with the pixels of an image in each row, "
        "or the file name of a picture, or a folder with the latter; or an .npz file with "
        "the names of Keras or MedMNIST",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", help="where to write")
    flags.add_to(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a set that is there"
    )
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
