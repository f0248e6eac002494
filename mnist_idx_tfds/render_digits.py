"""Renders a stand-in for MNIST: handwritten-looking digits in four gzip IDX files.

    python -m mnist_idx_tfds.render_digits --out_dir=DIR

The pixels are the same bit for bit on every platform and with every NumPy version:
randomness is the raw output of PCG64, and every floating-point step is one of the
operations that IEEE 754 rounds exactly (+ - * / sqrt min max floor), so sums, dot
products and trigonometry are left out on purpose.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from mnist_idx_tfds import idx, new_set, program

TRAIN, TEST = 0, 1  # The values of `split`.
CHUNK = 1000  # Examples drawn from one seed, and held in memory at once.
SIDE = 28  # Pixels.
_MOST = 2**32 - 1  # IDX sizes are 32 bits wide.

# Two styles for each digit, as pen strokes through (x, y) points of MNIST's 20 x 20
# box, y downwards. Points that are written alike in one style move together.
_STYLES = (
    ("11,0 6,2 3,10 6,18 10,20 14,18 17,10 15,3 11,0",),
    ("13,2 8,1 4,6 4,14 8,20 14,18 17,11 15,4 10,0",),
    ("10,0 10,5 10,10 10,15 10,20",),
    ("6,4 9,3 11,0", "11,0 11,5 11,10 11,15 11,20", "6,20 9,20 13,20 16,20"),
    ("4,5 6,1 11,0 15,3 14,8 9,14 3,20", "3,20 8,19 12,20 17,20"),
    ("4,4 8,0 13,1 15,6 11,13 6,18 3,19 3,16 6,15 10,18 14,20 18,18",),
    ("4,2 9,0 14,2 14,6 11,9 8,10", "8,10 13,10 16,14 14,18 9,20 3,18"),
    ("4,1 9,1 15,1", "15,1 12,5 9,8", "9,8 14,9 16,14 13,19 8,20 3,17"),
    ("5,1 4,6 4,11", "4,11 9,11 13,10 18,10", "14,2 13,6 13,11 12,16 12,20"),
    ("13,0 9,5 5,10 3,13", "3,13 8,13 13,13 18,13", "13,0 13,5 13,10 13,15 13,20"),
    ("5,1 5,5 4,9", "4,9 9,8 14,10 16,14 13,19 8,20 3,18", "5,1 10,1 16,0"),
    ("16,1 10,1 6,3 6,8 11,10 15,13 14,18 9,20 4,18",),
    ("13,0 8,3 5,9 4,15 8,20 13,19 16,15 13,11 8,11 4,15",),
    ("12,0 9,5 6,11 5,16 9,20 14,18 14,13 10,11 6,14",),
    ("3,2 8,1 12,1 17,1", "17,1 14,7 11,13 9,20"),
    ("3,4 4,1", "4,1 8,2 12,1 17,1", "17,1 14,6 12,11 10,16 9,20", "7,11 12,10 17,10"),
    ("15,3 10,0 6,3 7,7 11,10 15,14 14,19 9,20 5,18 6,13 10,10 14,6 15,3",),
    ("10,0 6,3 6,7 10,10 14,7 14,3 10,0", "10,10 5,13 5,18 10,20 15,18 15,13 10,10"),
    ("15,5 12,1 7,1 4,5 6,9 11,9 15,5", "15,5 15,10 14,15 13,20"),
    ("14,3 9,0 5,3 5,8 9,10 14,7 14,3", "14,3 15,8 14,15 9,20 4,18"),
)
_POINTS = 12  # The most points in a style.
_SPECKS = 3
_WINDOW = 8  # Side of the square of pixels that a segment can reach; more is slower.
_GREYS = (np.arange(32) * 255 // 31).astype(np.uint8)  # 32 compress better than 256.


def labels(count: int, seed: int, split: int) -> Iterator[np.ndarray]:
    """Returns the labels of `images(count, seed, split)`, without rendering these.

    Args:
      count: The number of examples, 1 or more.
      seed: 0 to 2**32 - 1.
      split: `TRAIN` or `TEST`.

    Returns:
      An iterator of uint8 arrays of shape `(n,)`, n <= `CHUNK`, values 0 to 9.

    Raises:
      ValueError: An argument is out of its range.
    """
    _check(count, seed, split)
    return (_draw_labels(bits)[:n] for bits, n in _chunks(count, seed, split))


def images(count: int, seed: int, split: int) -> Iterator[np.ndarray]:
    """Renders digits; the first ones are the same whatever the count.

    Args:
      count: The number of examples, 1 or more.
      seed: 0 to 2**32 - 1.
      split: `TRAIN` or `TEST`.

    Returns:
      An iterator of uint8 arrays of shape `(n, 28, 28)`, n <= `CHUNK`: white strokes
      (up to 255) on black (0).

    Raises:
      ValueError: An argument is out of its range.
    """
    _check(count, seed, split)
    return (
        _render(_draw_labels(bits)[:n], bits) for bits, n in _chunks(count, seed, split)
    )


def write_set(
    out_dir: str | os.PathLike[str],
    train_examples: int,
    test_examples: int,
    seed: int,
    progress: Callable[..., Iterable[np.ndarray]] = program.silent,
) -> None:
    """Writes the four gzip IDX files, named like MNIST's, with flat memory.

    Args:
      out_dir: The folder to write to, made where missing; a set in it is replaced whole.
      train_examples: The number of training examples, 1 or more.
      test_examples: The number of test examples, 1 or more.
      seed: 0 to 2**32 - 1.
      progress: Is given the digits as they are made; see `program.progress`.

    Raises:
      ValueError: An argument is out of its range; nothing is written then.
      OSError: A file cannot be written.
    """
    sets = ("train", train_examples, TRAIN), ("t10k", test_examples, TEST)
    for _, count, split in sets:
        _check(count, seed, split)
    with new_set.draft(out_dir) as folder:
        for name, count, split in sets:
            chunks = progress(images(count, seed, split), count, name, "digits")
            shape = (count, SIDE, SIDE)
            idx.write(folder / f"{name}-images-idx3-ubyte.gz", shape, chunks)
            values = labels(count, seed, split)
            idx.write(folder / f"{name}-labels-idx1-ubyte.gz", (count,), values)


def _check(count: int, seed: int, split: int) -> None:
    for name, value, low, high in (
        ("number of examples", count, 1, _MOST),
        ("seed", seed, 0, _MOST),
        ("split", split, TRAIN, TEST),
    ):
        if not isinstance(value, (int, np.integer)) or not low <= value <= high:
            raise ValueError(f"The {name} must be {low} to {high}, not {value!r}.")


def _chunks(count: int, seed: int, split: int) -> Iterator[tuple[np.random.PCG64, int]]:
    """Yields each chunk's bit stream and how many of its examples are wanted."""
    for chunk, start in enumerate(range(0, count, CHUNK)):
        sequence = np.random.SeedSequence([seed, split, chunk])
        yield np.random.PCG64(sequence), min(CHUNK, count - start)


def _uniform(bits: np.random.PCG64, n: int, columns: int) -> np.ndarray:
    """Draws a whole chunk, so that n changes no example; float64 `(n, columns)`."""
    raw = bits.random_raw(CHUNK * columns).reshape(CHUNK, columns)[:n]
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _draw_labels(bits: np.random.PCG64) -> np.ndarray:
    return np.floor(_uniform(bits, CHUNK, 1)[:, 0] * 10).astype(np.uint8)


def _render(label: np.ndarray, bits: np.random.PCG64) -> np.ndarray:
    """Renders labels `(n,)`, the first of a chunk, to uint8 `(n, 28, 28)`."""
    n = len(label)
    pick, ink = _uniform(bits, n, 2).T
    pose = _uniform(bits, n, 13) * 2 - 1
    jitter = (_uniform(bits, n, _POINTS * 3) * 2 - 1).reshape(n, _POINTS, 3)
    specks = _uniform(bits, n, 2 * _SPECKS).reshape(n, 2, _SPECKS)
    grain = bits.random_raw(CHUNK * SIDE * SIDE // 8).astype("<u8").view(np.uint8)
    grain = np.right_shift(grain.reshape(CHUNK, SIDE * SIDE)[:n], np.uint8(6))

    style = label * 2 + (pick > 0.5)
    depth = np.empty((n, SIDE * SIDE), np.float32)
    for s, strokes in enumerate(_STYLES):
        rows = np.flatnonzero(style == s)
        if rows.size:
            depth[rows] = _depth(*_segments(strokes, pose[rows], jitter[rows]))

    # The slope makes the edge of a stroke fade over 1.2 pixels.
    level = np.minimum(np.maximum(depth * 26.0 + 16.0, 0.0), 31.0)
    level *= np.minimum(0.7 + 0.4 * ink, 1.0).astype(np.float32)[:, None]
    level = np.floor(level).astype(np.uint8)
    level -= np.minimum(level, grain)
    rows = np.arange(n)
    for where, value in specks.T:
        where = np.floor(where * SIDE * SIDE).astype(np.intp)
        # Two specks of three come out as 0, that is to say unseen.
        value = np.floor(np.maximum(value * 45 - 30, 0.0)).astype(np.uint8)
        level[rows, where] = np.maximum(level[rows, where], value)
    return _GREYS[level].reshape(n, SIDE, SIDE)


def _segments(
    strokes: tuple[str, ...], pose: np.ndarray, jitter: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places a style's strokes; returns segment starts and ends, float32 `(n, s, 3)`.

    The three are x, y and half the stroke's width, in pixels.
    """
    points = list(dict.fromkeys(" ".join(strokes).split()))
    box = np.array([[float(c) for c in p.split(",")] + [0.0] for p in points])
    knots = box / 10 - [1, 1, 0] + jitter[:, : len(points)] * [0.09, 0.09, 0.3]
    x, y, width = knots.transpose(2, 0, 1)

    # Each is (n, 1) and lies in -1 to 1.
    *bend, wide, tall, slant, turn, right, down, pen = pose.T[:, :, None]
    xx, xy, yy = x * x, x * y, y * y
    x = x + 0.18 * (bend[0] * xy + bend[1] * yy + bend[2] * xx)
    y = y + 0.18 * (bend[3] * xy + bend[4] * yy + bend[5] * xx)
    x, y = x * (8 + 2.2 * wide), y * (8.5 + 1.5 * tall)
    x = x - (0.15 + 0.3 * slant) * y
    half = 0.13 * turn  # The tangent of half the angle that the digit is turned by.
    cos, sin = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    x, y = x * cos - y * sin, x * sin + y * cos
    middle = (SIDE - 1) / 2
    x, y = x + (middle + 2 * right), y + (middle + 2 * down)
    placed = np.stack([x, y, 1.15 + 0.5 * pen + width], axis=2)

    starts, ends = [], []
    for stroke in strokes:
        curve = placed[:, [points.index(point) for point in stroke.split()]]
        curve = _subdivide(_subdivide(curve)).astype(np.float32)
        starts.append(curve[:, :-1])
        ends.append(curve[:, 1:])
    return np.concatenate(starts, axis=1), np.concatenate(ends, axis=1)


def _subdivide(curve: np.ndarray) -> np.ndarray:
    """Puts a point between each two of `(n, p, 3)`, by the four-point scheme."""
    before = 2 * curve[:, :1] - curve[:, 1:2]
    after = 2 * curve[:, -1:] - curve[:, -2:-1]
    c = np.concatenate([before, curve, after], axis=1)
    out = np.empty((len(curve), 2 * curve.shape[1] - 1, 3))
    out[:, ::2] = curve
    out[:, 1::2] = (9 * (c[:, 1:-2] + c[:, 2:-1]) - (c[:, :-3] + c[:, 3:])) / 16
    return out


def _depth(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns how deep in the ink each pixel lies, in pixels; float32 `(n, 784)`."""
    center = (start + end) * 0.5
    corner = np.floor(center[:, :, :2] - (_WINDOW / 2 - 1))
    corner = np.minimum(np.maximum(corner, 0), SIDE - _WINDOW)
    offsets = np.arange(_WINDOW)
    # Pixels seen from the segment's start, (n, s, 1, window) and (n, s, window, 1).
    pixel = offsets.astype(np.float32) + (corner - start[:, :, :2])[:, :, :, None]
    px, py = pixel[:, :, 0, None, :], pixel[:, :, 1, :, None]
    ux, uy, _ = (end - start).transpose(2, 0, 1)[:, :, :, None, None]
    square = np.maximum(ux * ux + uy * uy, 1e-6)
    # The nearest point of the segment, as a share of its length.
    share = px * (ux / square) + py * (uy / square)
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    dx, dy = px - share * ux, py - share * uy
    near = center[:, :, 2, None, None] - np.sqrt(dx * dx + dy * dy)

    n, segments = near.shape[:2]
    depth = np.full(n * SIDE * SIDE, -SIDE, np.float32)
    column, row = corner.astype(np.intp).transpose(2, 0, 1)
    first = (np.arange(n)[:, None] * SIDE + row) * SIDE + column
    window = offsets[:, None] * SIDE + offsets
    for s in range(segments):
        where = first[:, s, None, None] + window
        depth[where] = np.maximum(depth[where], near[:, s])
    return depth.reshape(n, SIDE * SIDE)


def _main(args: argparse.Namespace) -> int:
    new_set.check_out(args.out_dir, args.overwrite)
    counts = args.train_examples, args.test_examples
    write_set(args.out_dir, *counts, args.seed, program.progress)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("render_digits", __doc__)
    add = parser.add_argument
    add("--out_dir", required=True, metavar="DIR", help="where to write")
    add("--overwrite", action="store_true", help="replace a set that is there")
    for name, low, default, text in (
        ("train_examples", 1, 4000, "number of training examples"),
        ("test_examples", 1, 800, "number of test examples"),
        ("seed", 0, 0, "another one gives other digits"),
    ):
        add(
            f"--{name}",
            type=program.number(low, _MOST),
            default=default,
            metavar="N",
            help=f"{text} (default: {default})",
        )
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
