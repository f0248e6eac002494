"""Which files a data set is built from, as TFDS takes it."""

import dataclasses
import re

import tensorflow_datasets.public_api as tfds

from mnist_idx_tfds import idx, idx_set


# Compared and hashed by identity, as TFDS's own is.
@dataclasses.dataclass(eq=False)
class IdxConfig(tfds.core.BuilderConfig):
    """Which four files to build from.

    Attributes:
      idx_dir: folder of four IDX files, whose headers and labels tell image size,
        counts and number of classes, and of `labels.txt` if the classes have names;
        None for the published MNIST files, which are downloaded.
      transpose: "yes" if the images are stored with rows as columns, "no" if not;
        "auto" takes those of EMNIST as published for such.
      opened: the set in `idx_dir`, for who has opened it; else the builder does.
    """

    idx_dir: str | None = None
    transpose: str = "auto"
    opened: idx_set.IdxSet | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]*\w[\w.-]*", self.name):
            expected = "letters, digits, '.', '_' and '-'"
            raise idx.error("config", "name", expected, repr(self.name))
        if not self.idx_dir and (self.idx_dir == "" or self.name != "mnist"):
            hint = 'Give --config=\'{"name": "NAME", "idx_dir": "DIR"}\'.'
            expected = "a folder of four IDX files"
            found = "none" if self.idx_dir is None else "an empty text"
            raise idx.error(f"config {self.name}", "idx_dir", expected, found, hint)
        if self.transpose not in idx_set.TRANSPOSE:
            field, expected = "transpose", " or ".join(idx_set.TRANSPOSE)
            found = repr(self.transpose)
            raise idx.error(f"config {self.name}", field, expected, found)
        if self.description is None:  # type: ignore[has-type]
            self.description = f"Four IDX files of a folder, named {self.name}."

    def open(self) -> idx_set.IdxSet | None:
        """Returns the set, which is opened once; None for the published MNIST.

        Raises:
          idx.IdxError: the first thing found wrong with it.
        """
        if self.idx_dir and not self.opened:
            self.opened = idx_set.IdxSet(self.idx_dir, self.transpose)
        return self.opened
