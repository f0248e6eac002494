"""Data sets of TFDS, by name: prepared already, or to be prepared first."""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets.public_api as tfds

from mnist_idx_tfds import by_name, idx
from mnist_idx_tfds.pictures import colors
from mnist_idx_tfds.sources import parts
from mnist_idx_tfds.sources.options import Options
from mnist_idx_tfds.sources.source import Item, Source

_ORDER = ("train", "valid", "test")


def open_source(options: Options) -> Source:
    """Finds, and prepares where needed, a data set with an image and a class label.

    TensorFlow is imported as it is read.

    `options.dataset` is "name", "name/config" or either with ":version", of one that TFDS
    knows or that is prepared in `data_dir`. By default its splits are used by their names.

    Returns:
      The source, in the order that the data set has on disk. Classes that no example is
      of are left out.

    Raises:
      idx.IdxError: there is no such data set, or it is not one of images with a label
        each.
    """
    dataset = options.dataset or ""
    name = f"--dataset={dataset}"
    try:
        builder = tfds.builder(dataset, data_dir=options.data_dir)
    except Exception as e:  # TFDS has no one class for what a name can have wrong.
        expected = "one that TFDS knows or that is prepared in --data_dir"
        raise idx.error(name, "data set", expected, f"none: {by_name.reason(e)}") from e
    info = builder.info
    image, label = (
        by_name.only(name, info, kind)
        for kind in (tfds.features.Image, tfds.features.ClassLabel)
    )
    feature = info.features[image]
    if feature.np_dtype != np.uint8 or feature.shape[-1] not in (1, 3):
        found = f"{np.dtype(feature.np_dtype).name} of {feature.shape}"
        expected = "images of bytes, with 1 or 3 channels"
        raise idx.error(name, f"feature {image}", expected, found)
    if not builder.is_prepared():
        try:
            builder.download_and_prepare()
        except idx.IdxError:
            raise
        except Exception as e:  # Whatever the code of that data set may raise.
            expected = f"TFDS to prepare it in {builder.data_dir}"
            found = f"{type(e).__name__}: {by_name.reason(e)}"
            raise idx.error(name, "data set", expected, found) from e
    by_name.complete(builder)
    given, notes = _parts(name, info, options.train_split, options.test_split)
    if by_name.is_transposed(info.full_name):
        notes += (f"{name}: images are stored transposed, and are packed upright",)
    count = sum(info.splits[expression].num_examples for expression in given)
    items = _items(name, builder, given, (image, label), options.color)
    names = [str(text) for text in info.features[label].names]
    return Source(name, count, items, names, "drop", notes=notes)


def _parts(
    name: str,
    info: tfds.core.DatasetInfo,
    train_split: str | None,
    test_split: str | None,
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns the part that each TFDS split is for, and what is to be said of it."""
    there = ", ".join(info.splits)
    if train_split is None and test_split is None:
        found = {expression: parts.of(expression) for expression in info.splits}
        if {*found.values()} - {*_ORDER} or "train" not in found.values():
            expected = "train and test, with or without validation, or train alone"
            hint = "Say which are meant with --train_split and --test_split."
            raise idx.error(name, "splits", expected, there, hint)
        given = {expression: f"{part}" for expression, part in found.items()}
        given = dict(sorted(given.items(), key=lambda pair: _ORDER.index(pair[1])))
    elif train_split is None:
        hint = "Give --train_split, too."
        raise idx.error(name, "splits", "one to train on", "none", hint)
    else:
        given = {train_split: "train"} | ({test_split: "test"} if test_split else {})
    for expression in given:
        try:
            empty = info.splits[expression].num_examples <= 0
        except Exception as e:  # TFDS has several for what a split can have wrong.
            expected = f"of {there}, such as train or train[:80%]"
            raise idx.error(name, "split", expected, expression) from e
        if empty:
            raise idx.error(name, f"split {expression}", "examples", "none")
    used = ", ".join(f"{expression} as {part}" for expression, part in given.items())
    used += ", of which a share is tested on" * (len(given) == 1)
    return given, (f"{name}: its splits are used: {used}",)


def _items(
    name: str,
    builder: tfds.core.DatasetBuilder,
    given: dict[str, str],
    keys: tuple[str, str],
    color: bool,
) -> Iterator[Item]:
    image, label = keys
    names = builder.info.features[label].names
    # One file after another, so that the order is that on disk.
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    for expression, part in given.items():
        try:
            examples = builder.as_dataset(split=expression, read_config=config)
            for n, example in enumerate(tfds.as_numpy(examples)):
                origin = f"{expression}[{n}]"
                number = int(example[label])
                if not 0 <= number < len(names):
                    expected = f"0 to {len(names) - 1}"
                    where = f"{origin}: label"
                    raise idx.error(name, where, expected, f"{number}")
                values = example[image][np.newaxis]
                if by_name.is_transposed(builder.info.full_name):
                    values = values.swapaxes(1, 2)
                (values,) = colors.of_images(values, color)
                text = f"{builder.info.full_name} {origin}"
                yield Item(
                    pixels=values,
                    label=names[number],
                    split=part,
                    key=f"{n}",
                    origin=text,
                    path=f"{name}: {origin}",
                )
        except (idx.IdxError, OSError, GeneratorExit):
            raise
        except Exception as e:  # TensorFlow has many for what a file can have wrong.
            found = f"{type(e).__name__}: {by_name.reason(e)}"
            raise idx.error(name, expression, "examples that can be read", found) from e
