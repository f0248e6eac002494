"""From a prepared data set to batches."""

import collections

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from idx_files import write_set
from tfds_sets import Given

import mnist_idx_tfds
from trainer.data import pipeline
from trainer.errors import TrainerError

SHAPE = (6, 5)
TRAIN, TEST = 103, 37


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Images and labels by split, and the folder that holds them."""
    folder = tmp_path_factory.mktemp("set")
    arrays = write_set(folder, train=TRAIN, test=TEST, shape=SHAPE, num_classes=7)
    return folder, arrays


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def builder(request, source, tmp_path_factory):
    return prepare(source, tmp_path_factory, file_format=request.param)


def prepare(source, tmp_path_factory, file_format="tfrecord", **config):
    builder = mnist_idx_tfds.Builder(
        data_dir=tmp_path_factory.mktemp("data"),
        config=mnist_idx_tfds.IdxConfig(name="own", idx_dir=str(source[0])),
        file_format=file_format,
    )
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(**config))
    return builder


def load(builder, **kwargs):
    return pipeline.load(builder, **{"batch_size": 8, "seed": 0} | kwargs)


def collect(dataset):
    """Returns images and labels of all batches, in their order."""
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def keys(images, labels):
    """One sortable value for each example."""
    return [
        (int(label), image.tobytes())
        for image, label in zip(images, labels, strict=True)
    ]


feeds = pytest.mark.parametrize("feed", ["memory", "stream"])


@feeds
def test_batches_have_the_shapes_and_types_that_data_says(builder, feed):
    data = load(builder, feed=feed)
    assert data.image_shape == (*SHAPE, 1)
    assert data.label_names == tuple("0123456")
    assert (data.train_examples, data.eval_examples) == (TRAIN, TEST)
    for dataset in (data.train, data.evaluate):
        images, labels = dataset.element_spec
        assert images.is_compatible_with(tf.zeros((8, *SHAPE, 1), tf.uint8))
        assert labels.is_compatible_with(tf.zeros(8, tf.int64))


@feeds
def test_an_epoch_has_every_example_of_the_files_once(builder, source, feed):
    images, labels = source[1]["train"]
    found = keys(*collect(load(builder, feed=feed).train))
    assert sorted(found) == sorted(keys(images, labels))


@feeds
def test_an_epochs_last_batch_has_the_rest(builder, feed):
    sizes = [len(labels) for _, labels in load(builder, feed=feed).train]
    assert sizes == [8] * 12 + [7]


@feeds
def test_evaluation_keeps_every_example(builder, source, feed):
    images, labels = source[1]["test"]
    found = keys(*collect(load(builder, feed=feed).evaluate))
    assert sorted(found) == sorted(keys(images, labels))


def test_one_split_is_read_in_the_order_of_the_evaluation(builder, source):
    split = pipeline.load_split(builder, "train[85%:]")
    evaluate = load(builder, eval_split="train[85%:]").evaluate
    assert (split.examples, split.image_shape) == (15, (*SHAPE, 1))
    assert split.label_names == tuple("0123456")
    assert keys(*collect(split.batches)) == keys(*collect(evaluate))
    with pytest.raises(TrainerError, match="--split=none: expected train, test"):
        pipeline.load_split(builder, "none")


@feeds
def test_keras_is_told_the_number_of_batches(builder, feed):
    data = load(builder, feed=feed)
    assert data.train.cardinality() == 13
    assert data.evaluate.cardinality() == 1


@feeds
def test_each_epoch_has_an_order_of_its_own(builder, feed):
    data = load(builder, feed=feed)
    orders = []
    for epoch in range(3):
        data.set_epoch(epoch)
        orders.append(keys(*collect(data.train)))
    assert len({tuple(order) for order in orders}) == 3


@feeds
def test_the_order_is_a_function_of_seed_and_epoch(builder, feed):
    """As a run needs that begins at a later epoch."""
    first, second = load(builder, feed=feed), load(builder, feed=feed)
    for epoch in (0, 1, 2):
        first.set_epoch(epoch)
        order = keys(*collect(first.train))
    second.set_epoch(2)
    assert keys(*collect(second.train)) == order
    other = load(builder, feed=feed, seed=1)
    other.set_epoch(2)
    assert keys(*collect(other.train)) != order


@feeds
def test_an_epoch_goes_on_after_any_step(builder, feed):
    whole, rest = load(builder, feed=feed), load(builder, feed=feed)
    whole.set_epoch(1)
    rest.set_epoch(1)
    expected = keys(*collect(whole.train))[5 * 8 :]
    dataset = rest.train.skip(5)
    assert dataset.cardinality() == 13 - 5
    assert keys(*collect(dataset)) == expected


def test_every_order_is_equally_likely():
    """Chi-squared over the 6 orders of 3 rows; one seed in 1,000 fails, not this."""
    order = pipeline._Order(tf.constant(0, tf.int64), tf.Variable(0, dtype=tf.int64), 1)
    counts = collections.Counter()
    for epoch in range(3000):
        order.epoch.assign(epoch)
        counts[tuple(order.permutation(3).numpy())] += 1
    assert len(counts) == 6
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 20.52


def test_a_stream_of_several_pieces_and_files_has_every_example_once(
    source, tmp_path_factory, monkeypatch
):
    builder = prepare(source, tmp_path_factory, num_shards=5)
    monkeypatch.setattr(pipeline, "PIECE_BYTES", 16 * SHAPE[0] * SHAPE[1])
    data = load(builder, feed="stream")
    orders = []
    for epoch in range(2):
        data.set_epoch(epoch)
        orders.append(keys(*collect(data.train)))
        assert sorted(orders[-1]) == sorted(keys(*source[1]["train"]))
    assert orders[0] != orders[1]


def test_auto_streams_what_is_over_the_limit(builder, monkeypatch):
    pixels = TRAIN * SHAPE[0] * SHAPE[1]
    monkeypatch.setattr(pipeline, "MEMORY_BYTES", pixels)
    assert load(builder).feed == "memory"
    monkeypatch.setattr(pipeline, "MEMORY_BYTES", pixels - 1)
    assert load(builder).feed == "stream"


@feeds
def test_sub_splits_divide_the_examples(builder, source, feed):
    data = load(builder, feed=feed, train_split="train[:85%]", eval_split="train[85%:]")
    train, evaluation = collect(data.train), collect(data.evaluate)
    assert (len(train[1]), len(evaluation[1])) == (88, 15)
    found = keys(*train) + keys(*evaluation)
    assert sorted(found) == sorted(keys(*source[1]["train"]))


@feeds
def test_a_batch_may_be_larger_than_the_split(builder, feed):
    data = load(builder, feed=feed, batch_size=1000)
    assert [len(labels) for _, labels in data.train] == [TRAIN]


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ("validation", "Unknown split"),
        ("train[:0]", "no examples"),
        ("train[", "parsing"),
        ("", ""),
    ],
)
def test_a_split_that_is_not_there_is_an_error_with_the_flag(builder, split, reason):
    message = rf"--train_split={split}: expected .*train.*: .*{reason}".replace(
        "[", r"\["
    )
    with pytest.raises(TrainerError, match=message):
        load(builder, train_split=split)
    with pytest.raises(TrainerError, match="--eval_split="):
        load(builder, eval_split=split)


def test_a_file_format_that_it_cannot_read_is_an_error(source, tmp_path_factory):
    builder = prepare(source, tmp_path_factory, file_format="parquet")
    with pytest.raises(TrainerError, match=r"tfrecord or array_record, found parquet"):
        load(builder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """JPEG images in color among other features, read back by its name alone."""
    data_dir = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    features = {
        "file": tfds.features.Text(),
        "boxes": tfds.features.Sequence(tfds.features.BBoxFeature()),
        "photo": tfds.features.Image(shape=(20, 30, 3), encoding_format="jpeg"),
        "animal": tfds.features.ClassLabel(names=["cat", "dog", "emu"]),
    }
    rows = [
        {
            "file": f"{i}.jpg",
            "boxes": [tfds.features.BBox(0.0, 0.0, 1.0, 1.0)] * (i % 3),
            "photo": rng.integers(0, 256, (20, 30, 3), np.uint8),
            "animal": i % 3,
        }
        for i in range(40)
    ]
    splits = {"train": rows[:23], "validation": rows[23:]}
    Given(features, splits, data_dir=data_dir).download_and_prepare()
    return tfds.builder("given", data_dir=data_dir)


@feeds
def test_other_names_and_jpeg_give_the_images_and_labels_that_tfds_gives(photos, feed):
    data = load(photos, feed=feed, eval_split="validation")
    assert data.image_shape == (20, 30, 3)
    assert data.label_names == ("cat", "dog", "emu")
    for batches, split in ((data.train, "train"), (data.evaluate, "validation")):
        rows = list(photos.as_dataset(split=split).as_numpy_iterator())
        expected = keys([x["photo"] for x in rows], [x["animal"] for x in rows])
        found = collect(batches)
        assert found[1].dtype == np.int64
        assert sorted(keys(*found)) == sorted(expected)


def test_a_data_set_without_a_test_split_says_which_splits_it_has(photos):
    message = "--eval_split=test: expected train, validation, or a part"
    with pytest.raises(TrainerError, match=message):
        load(photos)


def test_a_split_without_labels_is_an_error(tmp_path):
    """TFDS gives its examples the label -1."""
    features = {
        "image": tfds.features.Image(shape=(20, 20, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    image = np.zeros((20, 20, 1), np.uint8)
    splits = {
        "train": [{"image": image, "label": 1}],
        "unlabelled": [{"image": image, "label": -1}],
    }
    builder = Given(features, splits, data_dir=tmp_path)
    builder.download_and_prepare()
    message = "--{}_split=unlabelled: expected labels from 0, found -1.* train, unlab"
    for flag in ("train", "eval"):
        chosen = {"train_split": "train", "eval_split": "train"}
        chosen[f"{flag}_split"] = "unlabelled"
        with pytest.raises(TrainerError, match=message.format(flag)):
            load(builder, **chosen)
    with pytest.raises(TrainerError, match="--split=unlabelled: expected labels"):
        pipeline.load_split(builder, "unlabelled")
