"""Tiny TFDS data sets: of IDX files, or of any features from a class of their own."""

import pathlib

import numpy as np
import tensorflow_datasets as tfds
from idx_files import write_arrays

import mnist_idx_tfds
from trainer.data import pipeline
from trainer.data.split import Split


def build(
    folder: pathlib.Path, arrays: dict[str, tuple[np.ndarray, np.ndarray]]
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a data set of images and labels by split, through files.

    Args:
      folder: gets `files/`, the IDX files, and `data/`, the data set.
      arrays: as of `write_arrays`.
    """
    write_arrays(folder / "files", arrays)
    builder = mnist_idx_tfds.Builder(
        data_dir=folder / "data",
        config=mnist_idx_tfds.IdxConfig(name="own", idx_dir=f"{folder / 'files'}"),
    )
    builder.download_and_prepare()
    return builder


def feed_of(
    builder: tfds.core.DatasetBuilder,
    train: str = "train",
    evaluation: str = "test",
    **kwargs,
) -> pipeline.Data:
    """Returns two splits with their batches, of 8 examples unless others are given."""
    splits = (
        Split(builder, train, "--train_split"),
        Split(builder, evaluation, "--eval_split"),
    )
    return pipeline.of(*splits, **{"batch_size": 8, "seed": 0} | kwargs)


class Given(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set with the features and examples that it is given.

    TFDS does not know it by name: it can be read from disk, and only from there.
    """

    name = "given"
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, features, splits=(), supervised_keys=None, **kwargs):
        self._given = features, supervised_keys
        self._examples = dict(splits)
        super().__init__(**kwargs)

    def _info(self):
        features, keys = self._given
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=keys,
        )

    def _split_generators(self, dl_manager):
        return {split: enumerate(rows) for split, rows in self._examples.items()}

    def _generate_examples(self):
        raise NotImplementedError
