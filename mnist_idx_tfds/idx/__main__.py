"""Says what IDX files are, whether they are whole, and what is odd about a set of four.

    python -m mnist_idx_tfds.idx [--show=N] [--strict] FILE...

FILE may be a folder with a set of four; what is odd about the set is said, too. The
exit code is 1 if any file is bad, so that scripts can check files with it.
"""

import argparse
import collections
import itertools
import sys
from collections.abc import Iterable, Iterator

import numpy as np
from etils import epath

from mnist_idx_tfds import idx, idx_set, overview, program
from mnist_idx_tfds.pictures import colors

_MAX_CLASSES = 256  # More than that are hardly classes, and no table to read.
_COLUMNS = 80
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:*#"


def describe(path: idx.PathLike, show: int = 0) -> Iterator[str]:
    """Reads a whole IDX file and says what is in it, with flat memory.

    Args:
      path: an IDX file, plain or gzip-compressed whatever its name.
      show: number of images to draw, where the file holds images.

    Yields:
      Lines of text: the header first, then what was verified, then the values: the
      lowest and the highest of integers, and how many labels there are of each class.

    Raises:
      idx.IdxError: the first thing found wrong with the file.
    """
    header = idx.read_header(path)
    yield f"{path}:"
    yield (
        f"  {idx.magic_name(header.magic)}, {' x '.join(map(str, header.shape))}, "
        f"{header.payload_bytes:,} bytes of values"
    )
    kind = "gzip" if header.compressed else "plain"
    yield f"  {kind} file of {epath.Path(path).stat().length:,} bytes"
    if header.dtype.kind == "f":
        idx.check(path)
        yield _passed(header)
        return
    low, high, counts = _tally(path, header)
    yield _passed(header)
    if len(header.shape) > 1:
        yield f"  values {low} to {high}"
    elif len(counts) > _MAX_CLASSES:
        yield f"  labels {low} to {high}, more than {_MAX_CLASSES} different"
    else:
        yield f"  labels {low} to {high}, {len(counts)} different:"
        for label, count in sorted(counts.items()):
            yield f"{label:>8}  {count:,}"
    if idx_set.holds_images(header):
        images, notes = idx_set.images_of(path)
        yield from (f"  {note}" for note in notes)
        ends = (low, high) if images.white == 255 else (0, 255)
        yield from _drawn(itertools.chain(*images.read()), show, *ends)


def draw(image: np.ndarray, low: int, high: int, shades: str) -> Iterator[str]:
    """Draws an image in characters, no more than 80 a line.

    A pixel is two characters, which are as wide as one is high. A side of more than
    40 pixels is shrunk: a character is then the mean of a block twice as high as wide.

    Args:
      image: shape `(height, width)`.
      low: what is drawn as the first of the shades.
      high: what is drawn as the last of the shades.
      shades: characters, dark to bright.

    Yields:
      The lines, top to bottom.
    """
    height, width = image.shape
    if 2 * max(height, width) <= _COLUMNS:
        means = np.repeat(image, 2, axis=1).astype(float)
    else:
        step = -(-max(height, width) // _COLUMNS)
        rows, columns = np.arange(0, height, 2 * step), np.arange(0, width, step)
        sums = np.add.reduceat(image, rows, axis=0, dtype=float)
        sums = np.add.reduceat(sums, columns, axis=1)
        sizes = np.outer(
            np.diff(np.append(rows, height)), np.diff(np.append(columns, width))
        )
        means = sums / sizes
    levels = (means - low) / max(1, high - low) * (len(shades) - 1)
    for line in np.rint(levels).astype(int):
        yield "".join(shades[level] for level in line)


def _drawn(
    images: Iterable[np.ndarray], show: int, low: int, high: int
) -> Iterator[str]:
    for index, image in enumerate(itertools.islice(images, show)):
        yield f"  image {index}"
        (gray,) = colors.to_gray(image[np.newaxis])
        yield from draw(gray, low, high, _shades())


def _tally(
    path: idx.PathLike, header: idx.Header
) -> tuple[int, int, collections.Counter[int]]:
    """Returns the lowest and the highest value, and counts of labels."""
    ends: list[int] = []
    counts: collections.Counter[int] = collections.Counter()
    chunks = program.progress(idx.read(path), header.shape[0], f"{path}", "items")
    for chunk in chunks:
        values = [*ends, int(chunk.min()), int(chunk.max())]
        ends = [min(values), max(values)]
        if len(header.shape) == 1 and len(counts) <= _MAX_CLASSES:
            labels, numbers = np.unique(chunk, return_counts=True)
            counts.update(dict(zip(labels.tolist(), numbers.tolist(), strict=True)))
    low, high = ends
    return low, high, counts


def _passed(header: idx.Header) -> str:
    return "  good: header, length" + (", gzip CRC" if header.compressed else "")


def _shades() -> str:
    """Returns characters that the output can show."""
    try:
        _SHADES.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return _ASCII_SHADES
    return _SHADES


def _print_set(folder: epath.Path, show: int, transpose: str) -> bool:
    """Says what is in a folder of four files, and returns whether it is odd."""
    opened = idx_set.IdxSet(folder, transpose)
    lines, found = overview.of_set(opened)
    print(f"{folder}:", *lines, sep="\n")
    print("  odd:" if found else "  nothing odd found")
    for finding in found:
        print(f"    {finding}", flush=True)
    for part in opened.parts.values() if show else ():
        print(f"  {part.images.path.name}")
        for line in _drawn(itertools.chain(*part.images.read()), show, 0, 255):
            print(line, flush=True)
    return bool(found)


def _main(args: argparse.Namespace) -> int:
    bad, odd, folders = 0, 0, 0
    for name in args.paths:
        path = epath.Path(name)
        try:
            if idx_set.is_set(path):
                folders += 1
                odd += _print_set(path, args.show, args.transpose)
            else:
                for line in describe(path, args.show):
                    print(line, flush=True)
        except idx.IdxError as e:
            bad += 1
            print(f"BAD {e}", flush=True)
    if len(args.paths) > 1:
        what = "files and folders" if folders else "files"
        print(f"{len(args.paths)} {what}, {bad} bad{f', {odd} odd' if folders else ''}")
    return 1 if bad or (odd and args.strict) else 0


if __name__ == "__main__":
    _parser = program.parser(
        "idx",
        "Says what IDX files are, whether they are whole, and what is odd about a set. The "
        "exit code is 1 if any file is bad.",
    )
    _parser.add_argument(
        "paths",
        nargs="+",
        metavar="FILE",
        help="a file, plain or gzip, or a folder with a set of four",
    )
    _parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1, too, if anything about the set in a folder is odd",
    )
    _parser.add_argument(
        "--show",
        type=program.number(0),
        default=0,
        metavar="N",
        help="draw the first N images of each file, from the file's lowest value (blank) "
        "to its highest",
    )
    program.add_transpose(_parser)
    program.run(_parser, _main)
