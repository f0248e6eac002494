"""Data sets of TFDS as sources: found by name in a folder of prepared ones."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
import tfds_sets

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import tfds_set
from mnist_idx_tfds.sources.options import Options

IMAGE = tfds.features.Image(shape=(4, 3, 1))
COLOR = tfds.features.Image(shape=(None, None, 3))
LABEL = tfds.features.ClassLabel(names=["none", "b", "a"])


def prepared(folder, features, splits, **kwargs):
    """Builds a data set; keywords are those of its `DownloadConfig`."""
    builder = tfds_sets.Given(features, splits, data_dir=folder)
    config = tfds.download.DownloadConfig(**kwargs)
    builder.download_and_prepare(download_config=config)
    return folder


def rows(images, labels):
    return [{"image": i, "label": n} for i, n in zip(images, labels, strict=True)]


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    """Images by split, and the folder of a data set of these."""
    random = np.random.default_rng(0)
    splits = {"train": 6, "validation": 3, "test": 4}
    images = {
        name: random.integers(0, 256, (count, 4, 3, 1), np.uint8)
        for name, count in splits.items()
    }
    examples = {
        name: rows(array, [1 + n % 2 for n in range(len(array))])
        for name, array in images.items()
    }
    folder = tmp_path_factory.mktemp("data")
    return images, prepared(folder, {"image": IMAGE, "label": LABEL}, examples)


def opened(dataset, folder, train=None, test=None):
    splits = {"train_split": train, "test_split": test}
    return tfds_set.open_source(
        Options(dataset=dataset, data_dir=str(folder), **splits)
    )


def read(folder, *splits):
    source = opened("given", folder, *splits)
    items = list(source.items)
    assert len(items) == source.total
    return source, items


def pixels(items, split):
    return sorted(item.pixels.tolist() for item in items if item.split == split)


def test_the_parts_are_those_of_the_data_set(gray):
    images, folder = gray
    source, items = read(folder)
    for part, name in (("train", "train"), ("valid", "validation"), ("test", "test")):
        assert pixels(items, part) == sorted(images[name][..., 0].tolist())
    assert {item.pixels.dtype for item in items} == {np.dtype(np.uint8)}
    assert source.notes == (
        "--dataset=given: its splits are used: train as train, validation as valid, "
        "test as test",
    )


def test_labels_are_the_names_of_classes_in_the_order_of_the_data_set(gray):
    source, items = read(gray[1])
    assert (source.names, source.unused) == (["none", "b", "a"], "drop")
    assert {item.label for item in items} == {"b", "a"}


def test_the_order_is_that_of_the_data_set_over_all_its_files(tmp_path):
    """As its slices have it, such as train[:10] and train[10:]."""
    images = np.arange(60, dtype=np.uint8).repeat(12).reshape(60, 4, 3, 1)
    examples = {"train": rows(images, [0] * 60)}
    prepared(tmp_path, {"image": IMAGE, "label": LABEL}, examples, num_shards=3)
    assert len(list(tmp_path.rglob("*.tfrecord*"))) == 3
    _, whole = read(tmp_path)
    _, parts = read(tmp_path, "train[:10]", "train[10:]")
    found = [[int(i.pixels[0, 0]) for i in items] for items in (whole, parts)]
    assert found[0] == found[1]


def test_splits_can_be_given(gray):
    images, folder = gray
    _, items = read(folder, "validation", "train[:2]")
    assert pixels(items, "train") == sorted(images["validation"][..., 0].tolist())
    assert [i.origin for i in items if i.split == "test"] == [
        "given/1.0.0 train[:2][0]",
        "given/1.0.0 train[:2][1]",
    ]


def test_a_split_to_train_on_alone_is_to_be_divided(gray):
    _, items = read(gray[1], "train")
    assert {item.split for item in items} == {"train"}
    assert len({item.key for item in items}) == 6


def test_colors_become_gray_and_sizes_may_differ(tmp_path):
    images = [np.full((2, 3, 3), 9, np.uint8), np.full((4, 5, 3), 200, np.uint8)]
    features = {"image": COLOR, "label": LABEL}
    prepared(tmp_path, features, {"train": rows(images, [0, 1])})
    _, items = read(tmp_path)
    found = sorted((item.pixels.shape, int(item.pixels[0, 0])) for item in items)
    assert found == [((2, 3), 9), ((4, 5), 200)]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (
            (None, "test"),
            "splits: expected one to train on, found none. Give --train_split, too.",
        ),
        (
            ("trian", None),
            "split: expected of train, validation, test, such as train or train[:80%], "
            "found trian.",
        ),
        (("train[:0]", "test"), "split train[:0]: expected examples, found none."),
    ],
)
def test_what_is_no_split_is_named(gray, splits, message):
    with pytest.raises(idx.IdxError) as caught:
        read(gray[1], *splits)
    assert str(caught.value) == f"--dataset=given: {message}"


def test_splits_that_say_nothing_of_test_are_named(tmp_path):
    image = np.zeros((4, 3, 1), np.uint8)
    parts = {"train": rows([image], [0]), "extra": rows([image], [0])}
    prepared(tmp_path, {"image": IMAGE, "label": LABEL}, parts)
    with pytest.raises(idx.IdxError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "--dataset=given: splits: expected train and test, with or without validation, "
        "or train alone, found train, extra. "
        "Say which are meant with --train_split and --test_split."
    )


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"image": IMAGE}, "features: expected one ClassLabel, found image (Image)."),
        (
            {"a": IMAGE, "b": IMAGE, "label": LABEL},
            "features: expected one Image, found a (Image), b (Image).",
        ),
        (
            {"image": tfds.features.Image(shape=(2, 2, 4)), "label": LABEL},
            "feature image: expected images of bytes, with 1 or 3 channels, found uint8 "
            "of (2, 2, 4).",
        ),
    ],
    ids=["no label", "two images", "four channels"],
)
def test_what_has_not_one_image_and_label_is_named(tmp_path, features, message):
    prepared(tmp_path, features, {})
    with pytest.raises(idx.IdxError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"--dataset=given: {message}"


def test_an_unknown_name_is_named(tmp_path):
    with pytest.raises(idx.IdxError) as caught:
        opened("no_such_set", tmp_path)
    assert str(caught.value).startswith(
        "--dataset=no_such_set: data set: expected one that TFDS knows or that is "
        "prepared in --data_dir, found none: "
    )
    assert "\n" not in str(caught.value)


def test_a_label_that_is_none_is_named(tmp_path):
    image = np.zeros((4, 3, 1), np.uint8)
    parts = {"train": rows([image], [0]), "test": rows([image], [-1])}
    prepared(tmp_path, {"image": IMAGE, "label": LABEL}, parts)
    with pytest.raises(idx.IdxError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "--dataset=given: test[0]: label: expected 0 to 2, found -1."
    )


def test_a_damaged_file_is_named(tmp_path):
    image = np.zeros((4, 3, 1), np.uint8)
    prepared(tmp_path, {"image": IMAGE, "label": LABEL}, {"train": rows([image], [0])})
    (path,) = tmp_path.rglob("*.tfrecord*")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(idx.IdxError, match="train: expected examples that can be read"):
        read(tmp_path)
