"""From a prepared data set to batches."""

import collections
import re

import numpy as np
import processes
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from idx_files import write_set
from tfds_sets import Given, build, feed_of

import mnist_idx_tfds
from mnist_idx_tfds import machine
from trainer import signals
from trainer.data import feeds, records
from trainer.data import source as data_source
from trainer.data.split import Split
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


both_feeds = pytest.mark.parametrize("feed", ["memory", "stream"])


@both_feeds
def test_batches_have_the_shapes_and_types_that_data_says(builder, feed):
    data = feed_of(builder, feed=feed)
    assert data.train.image_shape == (*SHAPE, 1)
    assert data.train.label_names == tuple("0123456")
    assert (data.train.examples, data.evaluation.examples) == (TRAIN, TEST)
    for dataset in (data.train_batches, data.eval_batches):
        images, labels = dataset.element_spec
        assert images.is_compatible_with(tf.zeros((8, *SHAPE, 1), tf.uint8))
        assert labels.is_compatible_with(tf.zeros(8, tf.int64))


@both_feeds
def test_an_epoch_has_every_example_of_the_files_once(builder, source, feed):
    images, labels = source[1]["train"]
    found = keys(*collect(feed_of(builder, feed=feed).train_batches))
    assert sorted(found) == sorted(keys(images, labels))


@both_feeds
def test_an_epochs_last_batch_has_the_rest(builder, feed):
    sizes = [len(labels) for _, labels in feed_of(builder, feed=feed).train_batches]
    assert sizes == [8] * 12 + [7]


@both_feeds
def test_evaluation_keeps_every_example(builder, source, feed):
    images, labels = source[1]["test"]
    found = keys(*collect(feed_of(builder, feed=feed).eval_batches))
    assert sorted(found) == sorted(keys(images, labels))


def test_one_split_is_read_in_the_order_of_the_evaluation(builder, source):
    split = Split(builder, "train[85%:]")
    evaluate = feed_of(builder, "train[:85%]", "train[85%:]").eval_batches
    assert (split.examples, split.image_shape) == (15, (*SHAPE, 1))
    assert split.label_names == tuple("0123456")
    assert keys(*collect(split.batches(4))) == keys(*collect(evaluate))
    with pytest.raises(TrainerError, match="--split=none: expected train, test"):
        Split(builder, "none")


def test_a_signal_ends_what_is_watched_between_batches(builder, monkeypatch):
    split = Split(builder, "train")
    split.batch_size = 60
    batches = split.watched("reading", np.arange(7)[::-1])
    (images, labels), (own, given) = next(batches), next(iter(split.batches(60)))
    assert np.array_equal(images, own)
    assert np.array_equal(labels, 6 - given.numpy())
    monkeypatch.setattr(signals, "received", lambda: True)
    with pytest.raises(signals.Interrupted):
        next(batches)


@both_feeds
def test_keras_is_told_the_number_of_batches(builder, feed):
    data = feed_of(builder, feed=feed)
    assert data.train_batches.cardinality() == 13
    assert data.eval_batches.cardinality() == 1


@both_feeds
def test_each_epoch_has_an_order_of_its_own(builder, feed):
    data = feed_of(builder, feed=feed)
    orders = []
    for epoch in range(3):
        data.set_epoch(epoch)
        orders.append(keys(*collect(data.train_batches)))
    assert len({tuple(order) for order in orders}) == 3


@both_feeds
def test_the_order_is_a_function_of_seed_and_epoch(builder, feed):
    """As a run needs that begins at a later epoch."""
    first, second = feed_of(builder, feed=feed), feed_of(builder, feed=feed)
    for epoch in (0, 1, 2):
        first.set_epoch(epoch)
        order = keys(*collect(first.train_batches))
    second.set_epoch(2)
    assert keys(*collect(second.train_batches)) == order
    other = feed_of(builder, feed=feed, seed=1)
    other.set_epoch(2)
    assert keys(*collect(other.train_batches)) != order


@both_feeds
def test_an_epoch_goes_on_after_any_step(builder, feed):
    whole, rest = feed_of(builder, feed=feed), feed_of(builder, feed=feed)
    whole.set_epoch(1)
    rest.set_epoch(1)
    expected = keys(*collect(whole.train_batches))[5 * 8 :]
    dataset = rest.train_batches.skip(5)
    assert dataset.cardinality() == 13 - 5
    assert keys(*collect(dataset)) == expected


def test_a_stream_of_several_pieces_and_files_has_every_example_once(
    source, tmp_path_factory, monkeypatch
):
    builder = prepare(source, tmp_path_factory, num_shards=5)
    monkeypatch.setattr(feeds, "PIECE_BYTES", 16 * SHAPE[0] * SHAPE[1])
    data = feed_of(builder, feed="stream")
    orders = []
    for epoch in range(2):
        data.set_epoch(epoch)
        orders.append(keys(*collect(data.train_batches)))
        assert sorted(orders[-1]) == sorted(keys(*source[1]["train"]))
    assert orders[0] != orders[1]


def test_a_stream_is_the_same_however_much_is_decoded_at_once(builder, monkeypatch):
    """A batch, two of a piece's five, or more than a piece."""
    monkeypatch.setattr(feeds, "PIECE_BYTES", 40 * SHAPE[0] * SHAPE[1])
    orders = []
    for images in (8, 16, 1000):
        monkeypatch.setattr(feeds, "_GROUP_BYTES", images * SHAPE[0] * SHAPE[1])
        data = feed_of(builder, feed="stream")
        assert [len(labels) for _, labels in data.train_batches] == [8] * 12 + [7]
        orders.append(keys(*collect(data.train_batches)))
    assert orders[0] == orders[1] == orders[2]


def test_auto_streams_what_is_too_large_for_the_memory_that_is_left(
    builder, monkeypatch
):
    images = 2.2 * TRAIN + 16 * 1000  # The split, and as many batches of evaluation.
    needed = int(images * SHAPE[0] * SHAPE[1]) + 2**30
    monkeypatch.setattr(machine, "memory_left", lambda: needed + 1)
    data = feed_of(builder)
    assert (data.feed, data.why_feed) == ("memory", "")
    monkeypatch.setattr(machine, "memory_left", lambda: needed - 1)
    data = feed_of(builder)
    assert (data.feed, data.why_feed) == (
        "stream",
        "memory needs 1.0 GiB and has 1.0 GiB",
    )
    assert feed_of(builder, feed="memory").feed == "memory"


def test_reading_that_takes_long_says_how_far_it_is(builder, monkeypatch, capsys):
    monkeypatch.setattr(data_source, "_FIRST", 0)
    monkeypatch.setattr(records, "READ_BATCH", 60)
    feed_of(builder, feed="memory")
    assert f"reading train: 60 of {TRAIN} images\n" in capsys.readouterr().out


@both_feeds
def test_sub_splits_divide_the_examples(builder, source, feed):
    data = feed_of(builder, feed=feed, train="train[:85%]", evaluation="train[85%:]")
    train, evaluation = collect(data.train_batches), collect(data.eval_batches)
    assert (len(train[1]), len(evaluation[1])) == (88, 15)
    found = keys(*train) + keys(*evaluation)
    assert sorted(found) == sorted(keys(*source[1]["train"]))


@both_feeds
def test_a_batch_may_be_larger_than_the_split(builder, feed):
    data = feed_of(builder, feed=feed, batch_size=1000)
    assert [len(labels) for _, labels in data.train_batches] == [TRAIN]


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ("validation", "Unknown split"),
        ("train[:0]", "no examples"),
        ("train[10:5]", "no examples"),
        ("test+train[10:5]", "no examples"),
        ("all[:10]", "parsing"),
        ("train[", "parsing"),
        ("", ""),
    ],
)
def test_a_split_that_is_not_there_is_an_error_with_the_flag(builder, split, reason):
    message = f"--train_split={re.escape(split)}: expected .*train.*: .*{reason}"
    with pytest.raises(TrainerError, match=message):
        feed_of(builder, train=split)
    with pytest.raises(TrainerError, match="--eval_split="):
        feed_of(builder, evaluation=split)


def test_a_file_format_that_it_cannot_read_is_an_error(source, tmp_path_factory):
    builder = prepare(source, tmp_path_factory, file_format="parquet")
    with pytest.raises(TrainerError, match=r"tfrecord or array_record, found parquet"):
        feed_of(builder)


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


@both_feeds
def test_other_names_and_jpeg_give_the_images_and_labels_that_tfds_gives(photos, feed):
    data = feed_of(photos, feed=feed, evaluation="validation")
    assert data.train.image_shape == (20, 30, 3)
    assert data.train.label_names == ("cat", "dog", "emu")
    for batches, split in (
        (data.train_batches, "train"),
        (data.eval_batches, "validation"),
    ):
        rows = list(photos.as_dataset(split=split).as_numpy_iterator())
        expected = keys([x["photo"] for x in rows], [x["animal"] for x in rows])
        found = collect(batches)
        assert found[1].dtype == np.int64
        assert sorted(keys(*found)) == sorted(expected)


def test_a_data_set_without_a_test_split_says_which_splits_it_has(photos):
    message = "--eval_split=test: expected train, validation, or a part"
    with pytest.raises(TrainerError, match=message):
        feed_of(photos)


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
    for flag, chosen in (
        ("train", {"train": "unlabelled", "evaluation": "train"}),
        ("eval", {"evaluation": "unlabelled"}),
    ):
        with pytest.raises(TrainerError, match=message.format(flag)):
            feed_of(builder, **chosen)
    with pytest.raises(TrainerError, match="--split=unlabelled: expected labels"):
        Split(builder, "unlabelled")


def test_pixels_are_those_of_the_training_split_alone(tmp_path):
    """Of a part of it, where it is divided, and the same in both feeds."""
    rng = np.random.default_rng(0)
    train = rng.integers(20, 90, (60, *SHAPE), np.uint8)
    test = np.full((20, *SHAPE), 255, np.uint8)
    labels = np.arange(60) % 3
    own = build(tmp_path, {"train": (train, labels), "test": (test, labels[:20])})
    for split in ("train", "train[:50%]"):
        rows = own.as_dataset(split=split, as_supervised=True).as_numpy_iterator()
        pixels = np.array([image for image, _ in rows])
        for feed in ("memory", "stream"):
            data = feed_of(own, feed=feed, train=split)
            found = data.pixels.mean, data.pixels.deviation
            assert found == pytest.approx((pixels.mean(), pixels.std()), rel=1e-12)


@both_feeds
@pytest.mark.parametrize("value", [0, 255])
def test_pixels_of_a_single_value_have_a_deviation_to_divide_by(tmp_path, feed, value):
    images, labels = np.full((9, *SHAPE), value, np.uint8), np.arange(9) % 2
    own = build(tmp_path, {"train": (images, labels), "test": (images, labels)})
    assert feed_of(own, feed=feed).pixels == (value, 1)


@both_feeds
def test_classes_are_counted(tmp_path, feed):
    """Those without examples, too."""
    images, labels = np.zeros((20, *SHAPE), np.uint8), np.array([0] * 13 + [3] * 7)
    test = images[:5], np.array([1, 3, 1, 4, 1])
    own = build(tmp_path, {"train": (images, labels), "test": test})
    data = feed_of(own, feed=feed)
    assert data.train.class_counts.tolist() == [13, 0, 0, 7, 0]
    assert data.evaluation.class_counts.tolist() == [0, 3, 0, 1, 1]


@both_feeds
@pytest.mark.parametrize("batch_size", [8, 103])
def test_an_epoch_of_several_passes_has_every_example_as_many_times(
    builder, source, feed, batch_size
):
    """In whole batches but for the last of all, and in another order each."""
    data = feed_of(builder, feed=feed, batch_size=batch_size, passes=3)
    assert data.steps == data.train_batches.cardinality() == -(-3 * TRAIN // batch_size)
    images, labels = collect(data.train_batches)
    sizes = [len(labels) for _, labels in data.train_batches]
    assert set(sizes[:-1]) == {batch_size}
    found = keys(images, labels)
    expected = sorted(keys(*source[1]["train"]))
    assert sorted(found) == sorted(expected * 3)
    if feed == "memory":
        passes = [found[n * TRAIN : (n + 1) * TRAIN] for n in range(3)]
        assert all(sorted(one) == expected for one in passes)
        assert len(set(map(tuple, passes))) == 3


@both_feeds
def test_an_epoch_of_a_pass_and_a_part_has_every_example_once_or_twice(
    builder, source, feed
):
    """And no two epochs the same part."""
    data = feed_of(builder, feed=feed, passes=1.25)
    count = round(1.25 * TRAIN)
    assert data.epoch_examples == count
    assert data.steps == data.train_batches.cardinality() == -(-count // 8)
    epochs = []
    for epoch in range(2):
        data.set_epoch(epoch)
        epochs.append(keys(*collect(data.train_batches)))
        assert len(epochs[-1]) == count
    wanted = collections.Counter(keys(*source[1]["train"]))
    for found in map(collections.Counter, epochs):
        assert all(n <= found[key] <= 2 * n for key, n in wanted.items())
    assert sorted(epochs[0]) != sorted(epochs[1])


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """A set of squares, five times as bright as their labels on light paper."""
    images = np.full((40, 20, 20), 250, np.uint8)
    images[:, 6:14, 6:14] = 5 * np.arange(40)[:, np.newaxis, np.newaxis]
    arrays = {split: (images, np.arange(40)) for split in ("train", "test")}
    return build(tmp_path_factory.mktemp("numbered"), arrays), arrays


def changed(builder, epoch, **kwargs):
    """Returns an epoch of augmented batches, as arrays."""
    data = feed_of(builder, augment=True, **kwargs)
    data.set_epoch(epoch)
    return collect(data.train_batches)


def by_label(images, labels, count=40):
    """Returns the images of each label, in their order, `(count, passes, ...)`."""
    return np.array([images[labels == label] for label in range(count)])


@both_feeds
def test_each_pass_changes_each_image_anew(numbered, feed):
    data = feed_of(numbered[0], feed=feed, augment=True, passes=2)
    seen = []
    for epoch in range(3):
        data.set_epoch(epoch)
        seen.append(by_label(*collect(data.train_batches)))
    seen = np.concatenate(seen, axis=1)
    assert seen.shape[:2] == (40, 6)
    for images, original in zip(seen, numbered[1]["train"][0], strict=True):
        assert len({one.tobytes() for one in [*images, original[..., None]]}) == 7


@both_feeds
def test_a_changed_image_keeps_its_label(numbered, feed):
    images, labels = changed(numbered[0], 0, feed=feed)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    np.testing.assert_array_equal(images.min(axis=(1, 2, 3)), 5 * labels)


@both_feeds
def test_changes_are_a_function_of_seed_and_epoch(numbered, feed):
    """Whatever was read before, as a run needs that goes on."""
    first = feed_of(numbered[0], feed=feed, augment=True)
    for epoch in range(3):
        first.set_epoch(epoch)
        images, labels = collect(first.train_batches)
    for seed, same in ((0, True), (1, False)):
        found = changed(numbered[0], 2, feed=feed, seed=seed)
        assert np.array_equal(by_label(*found), by_label(images, labels)) == same
        assert np.array_equal(found[1], labels) == same


@both_feeds
def test_changes_go_on_after_any_step(numbered, feed):
    whole = changed(numbered[0], 1, feed=feed, passes=2)
    data = feed_of(numbered[0], feed=feed, augment=True, passes=2)
    data.set_epoch(1)
    rest = collect(data.train_batches.skip(7))
    for expected, found in zip(whole, rest, strict=True):
        np.testing.assert_array_equal(found, expected[7 * 8 :])


@both_feeds
def test_evaluation_images_are_never_changed(numbered, feed):
    data = feed_of(numbered[0], feed=feed, augment=True)
    images = by_label(*collect(data.eval_batches))[:, 0, ..., 0]
    np.testing.assert_array_equal(images, numbered[1]["test"][0])


@both_feeds
def test_without_augmentation_nothing_is_changed(numbered, feed):
    data = feed_of(numbered[0], feed=feed)
    assert data.augmentation is None
    images = by_label(*collect(data.train_batches))[:, 0, ..., 0]
    np.testing.assert_array_equal(images, numbered[1]["train"][0])
    assert feed_of(numbered[0], augment=True).augmentation == (0.08, 0.03, 0.1)


# Prints the devices of what the pipelines are made from.
PLACES = """
import sys
import tensorflow as tf, tensorflow_datasets as tfds
(cpu,) = tf.config.list_physical_devices("CPU")
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
import mnist_idx_tfds
from trainer import signals
from trainer.data import feeds, pipeline
from trainer.data.split import Split

def spied(name, real):
    def spy(*args):
        for value in tf.nest.flatten(args):
            if isinstance(value, tf.Tensor | tf.Variable):
                print(name, value.device.rpartition("/device:")[2])
        return real(*args)
    return spy

for name in ("from_memory", "from_stream", "batches"):
    setattr(feeds, name, spied(name, getattr(feeds, name)))
builder = tfds.builder("mnist_idx_tfds/own", data_dir=sys.argv[1])
with tf.device("CPU:1"):
    print(tf.zeros(1).device.rpartition("/device:")[2])
    for feed in ("memory", "stream"):
        train, test = Split(builder, "train"), Split(builder, "test")
        pipeline.of(train, test, feed=feed, batch_size=8, seed=0, augment=True)
"""


def test_variables_and_constants_are_the_first_cpus(numbered):
    """Wherever TensorFlow would put them: here on a second CPU."""
    folder = numbered[0].data_dir.rpartition("/mnist_idx_tfds/")[0]
    found = processes.end(processes.start("-c", PLACES, folder))
    elsewhere, *places = found.stdout.splitlines()
    assert elsewhere == "CPU:1"
    # Images, labels, seed and epoch; the last two; images and labels.
    expected = {"from_memory": 4, "from_stream": 2, "batches": 2}
    assert sorted(places) == sorted(
        f"{name} CPU:0" for name, count in expected.items() for _ in range(count)
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Nine images of 4 MB, of which two would be more than is evaluated at once."""
    images = np.zeros((9, 1600, 1600), np.uint8)
    images[:, :9] = np.arange(9)[:, np.newaxis, np.newaxis]
    labels = np.arange(9) % 2
    arrays = {"train": (images, labels), "test": (images, labels)}
    return build(tmp_path_factory.mktemp("large"), arrays)


@both_feeds
def test_large_images_are_evaluated_one_at_a_time(large, feed):
    data = feed_of(large, feed=feed, batch_size=4)
    sizes = [len(labels) for _, labels in data.eval_batches]
    assert sizes == [1] * 9 == [len(x) for _, x in data.evaluation.watched("reading")]
    found = sorted(int(images[0, 0, 0, 0]) for images, _ in data.eval_batches)
    assert found == list(range(9))
    assert data.eval_batches.cardinality() == 9
