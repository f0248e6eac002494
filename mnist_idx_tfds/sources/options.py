"""How to read and to split a source: the flags of `pack`, each declared here alone."""

import argparse
import dataclasses
import re
from typing import Any

from mnist_idx_tfds import idx, program

FOLDER = "a folder of classes"
UNPACKED = "a folder that unpack made"
PICTURES = "a CSV file of file names"
PIXELS = "a CSV file of pixels"
NPZ = "an .npz file"
PARQUET = "Parquet files"
TFDS = "--dataset"
WHITE_HINT = "Say which number is white with --white=N."
_TABLES = (PIXELS, PICTURES)
_GROUPS = {
    (*_TABLES, NPZ, PARQUET): "tables",
    (TFDS,): "data sets of TFDS",
}  # Of flags, in --help.


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


def _flag(
    text: str, forms: tuple[str, ...] = (), default: Any = None, **how: Any
) -> Any:
    """Declares a flag.

    Args:
      text: what `--help` says of it.
      forms: of sources that it is for; empty for all.
      default: its value where it is not given.
      how: as of `argparse.ArgumentParser.add_argument`.
    """
    if default is False:
        how["action"] = "store_true"
    metadata = {"forms": forms, "how": how | {"help": text, "default": default}}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Options:
    """How to read and to split a source, beside its path, as the texts below say.

    Sizes and shapes are height and width in pixels; what is None was not given.
    """

    size: tuple[int, int] | None = _flag(
        "bring pictures to this size, such as 28 or HEIGHTxWIDTH, whole and in "
        "their proportions; what is left over gets the median of the picture's border",
        type=_size,
        metavar="PIXELS",
    )
    test_share: float | None = _flag(
        "share of each class to test on where the source has none (default: 0.2)",
        type=_share,
        metavar="SHARE",
    )
    group: str | None = _flag(
        "what belongs together, to train on or to test on: the name of a column, or a "
        "regular expression for the paths of pictures, whose parentheses are the group, "
        "such as '(.+)_' for 00012_00003.png",
        metavar="COLUMN|PATTERN",
    )
    validation: str = _flag(
        "train: train on what the source has to validate, too, or test on it where it "
        "has nothing else to test on; drop: leave it out (default: train)",
        default="train",
        choices=("train", "drop"),
    )
    seed: int = _flag(
        "another one gives another split and order, where the source has none "
        "(default: 0)",
        default=0,
        type=int,
        metavar="N",
    )
    color: bool = _flag("keep colors, which else become gray", default=False)
    white: int | None = _flag(
        "the number that is white, such as 16, where that is not plain from the pixels",
        type=program.number(1),
        metavar="N",
    )
    skip_bad: bool = _flag("leave out pictures that cannot be read", default=False)
    large: bool = _flag(
        "read pictures of more than 89 million pixels, up to a thousand million",
        default=False,
    )
    test_csv: str | None = _flag(
        "a second one, to test on", forms=_TABLES, metavar="FILE"
    )
    label_column: str | None = _flag(
        "of the labels, where it is not plain: a name, or -1 for the last",
        forms=(*_TABLES, PARQUET),
        metavar="NAME",
    )
    file_column: str | None = _flag(
        "of the file names, where it is not plain", forms=(PICTURES,), metavar="NAME"
    )
    images_dir: str | None = _flag(
        "folder that the file names are in (default: that of the CSV file)",
        forms=(PICTURES,),
        metavar="DIR",
    )
    shape: tuple[int, int] | None = _flag(
        "of the images, if they have a column for each pixel and are not square",
        forms=(PIXELS, NPZ),
        type=_size,
        metavar="HEIGHTxWIDTH",
    )
    no_header: bool = _flag(
        "the first line is an image, too: its label, then its pixels; or its file name, "
        "then its label",
        forms=_TABLES,
        default=False,
    )
    dataset: str | None = _flag(
        "instead of SOURCE, one that TFDS knows or that is prepared",
        forms=(TFDS,),
        metavar="NAME",
    )
    data_dir: str | None = _flag(
        "where TFDS keeps its data sets", forms=(TFDS,), metavar="DIR"
    )
    train_split: str | None = _flag(
        "TFDS split to train on (default: train, and validation as --validation says)",
        forms=(TFDS,),
        metavar="SPLIT",
    )
    test_split: str | None = _flag(
        "TFDS split to test on (default: test)", forms=(TFDS,), metavar="SPLIT"
    )

    def check(self, form: str) -> None:
        """Raises an `idx.IdxError` at a flag that says nothing about a form."""
        for field in dataclasses.fields(self):
            forms = field.metadata["forms"]
            if forms and form not in forms and getattr(self, field.name):
                raise idx.error(f"--{field.name}", "source", " or ".join(forms), form)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds all flags to a command line, those of few forms in groups."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in dataclasses.fields(Options):
        forms = field.metadata["forms"]
        group: Any = parser
        if forms:
            title = next(text for of, text in _GROUPS.items() if {*forms} <= {*of})
            if title not in groups:
                groups[title] = parser.add_argument_group(title)
            group = groups[title]
        group.add_argument(f"--{field.name}", **field.metadata["how"])


def given(args: argparse.Namespace) -> Options:
    """Returns what a command line says."""
    names = [field.name for field in dataclasses.fields(Options)]
    return Options(**{name: getattr(args, name) for name in names})
