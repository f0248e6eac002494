"""Makes four gzip IDX files of pictures, of a CSV or .npz file, or of a data set of TFDS.

    python -m mnist_idx_tfds.pack SOURCE OUT_DIR
    python -m mnist_idx_tfds.pack --dataset=NAME OUT_DIR

`sources/` has what a SOURCE can be, a module for each form.
"""

import argparse
import re
import shlex
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from mnist_idx_tfds import idx, idx_set, new_set, program
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.sources import forms, split
from mnist_idx_tfds.sources.source import Item, Source

_CHUNK_BYTES = 1 << 20


class Packed(NamedTuple):
    """What was written: names of the classes, image size, and examples by class."""

    names: list[str]
    shape: tuple[int, int, int]
    train: np.ndarray
    test: np.ndarray


def pack(
    source: Source,
    out_dir: idx.PathLike,
    *,
    size: tuple[int, int] | None = None,
    test_share: float = 0.2,
    seed: int = 0,
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
      size: height and width to bring all images to; None if they agree already.
      test_share: share of each class to test on, where the source does not say it; see
        `split.split`.
      seed: another seed gives another split and another order.

    Raises:
      idx.IdxError: the source or an image of it cannot be used.
      OSError: a file cannot be written.
    """
    with new_set.draft(out_dir) as folder:
        with open(folder / "pixels", "wb") as stream:
            placed, origins, shape = _read_all(source, size, stream)
        pixels = np.memmap(
            folder / "pixels", np.uint8, "r", shape=(len(placed), *shape)
        )
        names = split.names_of(source, placed)
        splits = split.split(source, names, placed, test_share, seed)
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
            chunks = program.progress(
                _chunks(pixels, order), len(order), f"writing {part}", "images"
            )
            idx.write(path, (len(order), *shape), chunks)
            idx_set.write_pictures(
                folder / idx_set.PICTURES_FILES[part],
                (origins[n] for n in order),
            )
        idx_set.write_names(folder / idx_set.NAMES_FILE, names)
    height, width, channels = (*shape, 1)[:3]
    return Packed(names, (height, width, channels), *counts)


def _read_all(
    source: Source, size: tuple[int, int] | None, stream: BinaryIO
) -> tuple[list[split.Placed], list[str], tuple[int, ...]]:
    """Writes the pixels of all images; returns what else items have, and the shape."""
    placed: list[split.Placed] = []
    origins: list[str] = []
    shape: tuple[int, ...] = ()
    first = ""
    items = program.progress(source.items, source.total, "reading", "images", _one)
    for pixels, label, part, key, origin, path in items:
        if size and pixels.shape[:2] != size:
            pixels = np.asarray(reading.fit(Image.fromarray(pixels), size))
        shape, first = shape or pixels.shape, first or path
        if pixels.shape != shape:
            expected = f"{shape[0]} x {shape[1]} as in {first}"
            found = f"{pixels.shape[0]} x {pixels.shape[1]}"
            hint = "Give --size=28, or the like, to bring all to one size."
            raise idx.error(path, "image size", expected, found, hint)
        stream.write(pixels.tobytes())
        placed.append(split.Placed(label, part, key))
        origins.append(origin)
    if not placed:
        raise idx.error(source.name, "images", "at least one", "none")
    return placed, origins, shape


def _one(item: Item) -> int:
    return 1


def _chunks(pixels: np.ndarray, order: list[int]) -> Iterator[np.ndarray]:
    """Yields pictures `(n, *shape)` in the order, about 1 MiB at a time."""
    items = max(1, _CHUNK_BYTES // pixels[0].size)
    for start in range(0, len(order), items):
        yield pixels[order[start : start + items]]


def _main(args: argparse.Namespace) -> int:
    if (args.source is None) == (args.dataset is None):
        found = "both" if args.dataset else "neither"
        _parser().error(f"expected SOURCE or --dataset, and OUT_DIR, found {found}")
    new_set.check_out(args.out_dir, args.overwrite)
    options = {name: getattr(args, name) for name in forms.Options._fields}
    source = forms.open_source(args.source, forms.Options(**options))
    for note in source.notes:
        print(note, flush=True)
    packed = pack(
        source,
        args.out_dir,
        size=args.size,
        test_share=args.test_share,
        seed=args.seed,
    )
    print(f"{'label':>8} {'train':>9} {'test':>9}  class")
    rows = zip(packed.train, packed.test, packed.names, strict=True)
    for label, (train, test, name) in enumerate(rows):
        print(f"{label:>8} {train:>9,} {test:>9,}  {name}")
    print(
        f"Wrote {args.out_dir}: {packed.train.sum():,} training and "
        f"{packed.test.sum():,} test images, {idx_set.size_name(packed.shape)}, "
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
        help="share of each class to test on where the source has none (default: 0.2)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="another one gives another split and order, where the source has none "
        "(default: 0)",
    )
    parser.add_argument(
        "--color",
        action="store_true",
        help="keep colors, which else become gray",
    )
    parser.add_argument(
        "--skip_bad", action="store_true", help="leave out pictures that cannot be read"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a set that is there"
    )
    csv = parser.add_argument_group("CSV files")
    csv.add_argument("--test_csv", metavar="FILE", help="a second one, to test on")
    csv.add_argument(
        "--label_column", metavar="NAME", help="of the labels, where it is not plain"
    )
    csv.add_argument(
        "--file_column", metavar="NAME", help="of the file names, where it is not plain"
    )
    csv.add_argument(
        "--images_dir",
        metavar="DIR",
        help="folder that the file names are in (default: that of the CSV file)",
    )
    csv.add_argument(
        "--shape",
        type=_size,
        metavar="HEIGHTxWIDTH",
        help="of the images, if they have a column for each pixel and are not square",
    )
    csv.add_argument(
        "--no_header",
        action="store_true",
        help="the first line is an image, too: its label, then its pixels",
    )
    dataset = parser.add_argument_group("data sets of TFDS")
    dataset.add_argument(
        "--dataset",
        metavar="NAME",
        help="instead of SOURCE, one that TFDS knows or that is prepared",
    )
    dataset.add_argument(
        "--data_dir", metavar="DIR", help="where TFDS keeps its data sets"
    )
    for name, default in (("train", "train and validation"), ("test", "test")):
        dataset.add_argument(
            f"--{name}_split",
            metavar="SPLIT",
            help=f"TFDS split to {name} on (default: {default})",
        )
    return parser


if __name__ == "__main__":
    program.run(_parser(), _main)
