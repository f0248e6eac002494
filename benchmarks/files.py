"""The files and folders that all parts work on."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from mnist_idx_tfds import idx, idx_set, render_digits


@dataclasses.dataclass(frozen=True)
class Setup:
    """What to measure on.

    Attributes:
      idx_dir: folder of the four IDX files.
      published: whether these are MNIST's own.
      work: folder for everything that is written.
      pairs: how many times to measure each side.
      warm_up: whether there is once more before that, which does not count.
      target: test accuracy to reach.
      sizes: numbers of training images to scale over, the smallest first.
    """

    idx_dir: pathlib.Path
    published: bool
    work: pathlib.Path
    pairs: int
    warm_up: bool
    target: float
    sizes: Sequence[int]

    @property
    def source(self) -> dict[str, str | None]:
        """The arguments of `trainer.data.source.prepare`, and flags, that name the files."""
        folder = str(self.idx_dir)
        if self.published:
            return {"manual_dir": folder, "idx_dir": None}
        return {"manual_dir": None, "idx_dir": folder}

    def feed(self, **kwargs):
        """Returns `pipeline.of` train and test, which are built unless they are there."""
        return feed(self.data_dir, self.source, **kwargs)

    @property
    def data_dir(self) -> str:
        """Where ours and the peer's prepared data sets are; see `build.prepare`."""
        return str(self.work / "data")

    @property
    def examples(self) -> dict[str, int]:
        """The number of images by split."""
        return {
            split: idx.read_header(pair.images).shape[0]
            for split, pair in idx_set.find(self.idx_dir).items()
        }

    def arrays(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns images and labels of a split, see the function `arrays`."""
        return arrays(self.idx_dir, split)


def arrays(idx_dir: pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads a split as Keras's examples have it.

    Args:
      idx_dir: folder of the four IDX files.
      split: "train" or "test".

    Returns:
      Images, float32 `(n, height, width, channels)` from 0 to 1, and labels, integers `(n,)`
      of the file's type in this machine's byte order.
    """
    pair = idx_set.find(idx_dir)[split]
    images = idx.load(pair.images).astype("float32") / 255
    return idx_set.with_channels(images), idx.load(pair.labels)


def feed(data_dir: str, source: dict[str, str | None], **kwargs):
    """Returns `pipeline.of` a data set's train and test.

    Args:
      data_dir: of TFDS.
      source: further arguments of `trainer.data.source.prepare`.
      **kwargs: further arguments of `pipeline.of`.
    """
    from trainer.data import pipeline
    from trainer.data.source import prepare
    from trainer.data.split import Split

    builder = prepare(data_dir, **source)
    splits = Split(builder, "train"), Split(builder, "test")
    return pipeline.of(*splits, seed=0, **kwargs)


def render(folder: pathlib.Path, train_examples: int, test_examples: int) -> None:
    """Writes rendered digits as plain IDX files, which is quicker than gzip."""
    folder.mkdir(parents=True)
    for name, count, split in (
        ("train", train_examples, render_digits.TRAIN),
        ("t10k", test_examples, render_digits.TEST),
    ):
        images = render_digits.images(count, 0, split)
        idx.write(folder / f"{name}-images-idx3-ubyte", (count, 28, 28), images)
        labels = render_digits.labels(count, 0, split)
        idx.write(folder / f"{name}-labels-idx1-ubyte", (count,), labels)
