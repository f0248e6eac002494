"""The TFDS builder, through TFDS's own testing utilities and real builds."""

import collections
import errno
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath
from idx_files import write_set

import mnist_idx_tfds
from mnist_idx_tfds import idx, idx_set, machine, mirrors

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


class MnistIdxTfdsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks: registration, metadata, checksums, a build of dummy_data."""

    DATASET_CLASS = mnist_idx_tfds.Builder
    SPLITS = {"train": 4000, "test": 800}
    DL_DOWNLOAD_RESULT = {
        "train_images": "train-images-idx3-ubyte.gz",
        "train_labels": "train-labels-idx1-ubyte.gz",
        "test_images": "t10k-images-idx3-ubyte.gz",
        "test_labels": "t10k-labels-idx1-ubyte.gz",
    }


# pytest would collect the base class a second time under its module's name.
MnistIdxTfdsTest.__test__ = True


def folder_builder(idx_dir, data_dir, name="own", **kwargs):
    config = mnist_idx_tfds.IdxConfig(name=name, idx_dir=str(idx_dir))
    return mnist_idx_tfds.Builder(data_dir=data_dir, config=config, **kwargs)


def build(idx_dir, data_dir, name="own", **config):
    builder = folder_builder(idx_dir, data_dir, name)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(**config))
    return builder


def as_sorted_rows(images, labels):
    """Rows of label and pixels in an order that does not depend on the data's."""
    rows = np.concatenate(
        [np.reshape(labels, (-1, 1)), np.reshape(images, (len(images), -1))], axis=1
    )
    whole = np.ascontiguousarray(rows).view(f"V{rows.itemsize * rows.shape[1]}")
    return rows[np.argsort(whole[:, 0])]


def dataset_rows(builder, split):
    batches = builder.as_dataset(split=split, as_supervised=True).batch(500)
    images, labels = zip(*tfds.as_numpy(batches), strict=True)
    return as_sorted_rows(np.concatenate(images), np.concatenate(labels))


def file_rows(idx_dir, split):
    pair = idx_set.find(idx_dir)[split]
    images = np.concatenate(list(idx.read(pair.images)))
    labels = np.concatenate(list(idx.read(pair.labels)))
    return as_sorted_rows(images, labels.astype(np.int64))


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A folder of 50x41 images in 16 classes."""
    folder = tmp_path_factory.mktemp("letters")
    write_set(folder, train=60, test=20, shape=(50, 41), num_classes=16)
    return folder


@pytest.fixture(scope="module")
def built(letters, tmp_path_factory):
    return build(letters, tmp_path_factory.mktemp("data"), "letters")


def test_features_are_those_of_tfds_mnist(tmp_path):
    ours = mnist_idx_tfds.Builder(data_dir=tmp_path).info
    peer = tfds.builder("mnist", data_dir=tmp_path).info
    assert repr(ours.features) == repr(peer.features)
    assert ours.supervised_keys == peer.supervised_keys


def test_registered_under_its_name(tmp_path):
    builder = tfds.builder("mnist_idx_tfds", data_dir=tmp_path)
    assert isinstance(builder, mnist_idx_tfds.Builder)
    assert builder.info.full_name == "mnist_idx_tfds/mnist/1.0.0"


def test_facts_of_a_folder_come_from_its_files(built):
    assert built.info.features["image"].shape == (50, 41, 1)
    assert built.info.features["label"].num_classes == 16
    assert built.info.splits["train"].num_examples == 60
    assert built.info.splits["test"].num_examples == 20


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_pixel_and_label_is_as_in_the_files(built, letters, split):
    np.testing.assert_array_equal(dataset_rows(built, split), file_rows(letters, split))


def test_examples_of_many_chunks_are_in_the_order_of_the_files(tmp_path, monkeypatch):
    """Two images are a chunk, of which there are more than are encoded at once."""
    monkeypatch.setattr(machine, "cores", lambda: 3)
    folder = tmp_path / "set"
    sizes = {"train": 19, "test": 1, "shape": (700, 600), "suffix": ""}
    images, labels = write_set(folder, **sizes)["train"]
    builder = folder_builder(folder, tmp_path / "data")
    examples = builder._generate_examples(builder._opened["train"], "train", {})
    for n, (key, example) in enumerate(examples):
        assert (key, example["label"]) == (n, labels[n])
        pixels = tf.io.decode_png(example["image"])
        np.testing.assert_array_equal(pixels[..., 0], images[n])
    assert n == 18


@pytest.mark.parametrize(
    "kwargs",
    [
        pytest.param({"test_name": "test"}, id="test- for t10k-"),
        pytest.param({"separator": "."}, id=".idx3-ubyte"),
        pytest.param({"suffix": ""}, id="plain"),
        pytest.param({"label_dtype": ">i4"}, id="int labels"),
        pytest.param({"shape": (1, 3)}, id="tiny images"),
        pytest.param({"shape": (5, 4, 3)}, id="color"),
        pytest.param({"shape": (5, 4, 1)}, id="gray of rank 4"),
        pytest.param({"train": 1, "test": 1, "num_classes": 1}, id="one example"),
        pytest.param({"num_classes": 300, "label_dtype": ">i2"}, id="300 classes"),
    ],
)
def test_sets_as_found_in_the_wild_build(tmp_path, kwargs):
    options = {"train": 9, "test": 4, "shape": (5, 4)} | kwargs
    write_set(tmp_path / "set", **options)
    builder = build(tmp_path / "set", tmp_path / "data")
    assert builder.info.features["image"].shape == (*options["shape"], 1)[:3]
    for split in ("train", "test"):
        expected = file_rows(tmp_path / "set", split)
        np.testing.assert_array_equal(dataset_rows(builder, split), expected)


def test_loads_by_name_without_the_source_folder(tmp_path):
    write_set(tmp_path / "set", train=9, test=4, shape=(5, 4), num_classes=3)
    expected = file_rows(tmp_path / "set", "train")
    build(tmp_path / "set", tmp_path / "data", "letters")
    shutil.rmtree(tmp_path / "set")
    builder = tfds.builder("mnist_idx_tfds/letters", data_dir=tmp_path / "data")
    np.testing.assert_array_equal(dataset_rows(builder, "train"), expected)
    dataset = tfds.load("mnist_idx_tfds/letters", data_dir=tmp_path / "data")
    assert dataset["test"].cardinality() == 4


NAMES = ["alpha", "größe", "two words", "beyond the labels"]


def write_named(folder, names=NAMES, **kwargs):
    write_set(folder, train=9, test=4, shape=(5, 4), num_classes=3, **kwargs)
    text = "".join(f"{name}\n" for name in names)
    (folder / "labels.txt").write_text(text, encoding="utf-8")


def test_names_of_classes_are_kept_without_the_source_folder(tmp_path):
    write_named(tmp_path / "set")
    expected = file_rows(tmp_path / "set", "train")
    assert build(tmp_path / "set", tmp_path / "data").info.features["label"].names == (
        NAMES
    )
    shutil.rmtree(tmp_path / "set")
    builder = tfds.builder("mnist_idx_tfds/own", data_dir=tmp_path / "data")
    assert builder.info.features["label"].names == NAMES
    assert builder.info.features["label"].num_classes == 4
    np.testing.assert_array_equal(dataset_rows(builder, "train"), expected)


def rename(folder):
    write_named(folder, [*NAMES[:3], "other"])


def unname(folder):
    (folder / "labels.txt").unlink()


@pytest.mark.parametrize("change", [rename, unname])
def test_data_built_with_other_names_is_refused(tmp_path, change):
    write_named(tmp_path / "set")
    build(tmp_path / "set", tmp_path / "data")
    change(tmp_path / "set")
    changed = folder_builder(tmp_path / "set", tmp_path / "data")
    with pytest.raises(idx.IdxError, match=r"set: labels\.txt: SHA-256: .*--overwrite"):
        changed.as_dataset()


def test_data_built_without_names_is_refused_once_there_are_some(tmp_path):
    write_named(tmp_path / "set")
    unname(tmp_path / "set")
    build(tmp_path / "set", tmp_path / "data")
    write_named(tmp_path / "set")
    with pytest.raises(idx.IdxError, match=r"set: labels\.txt: SHA-256: .*--overwrite"):
        folder_builder(tmp_path / "set", tmp_path / "data").download_and_prepare()


def test_too_few_names_are_refused(tmp_path):
    write_named(tmp_path / "set", NAMES[:2])
    with pytest.raises(idx.IdxError, match=r"labels\.txt: names: expected at least 3"):
        folder_builder(tmp_path / "set", tmp_path / "data")


@pytest.mark.parametrize(
    "use",
    [
        lambda builder: builder.download_and_prepare(),
        lambda builder: builder.as_dataset(),
        lambda builder: builder.as_data_source(),
    ],
    ids=["download_and_prepare", "as_dataset", "as_data_source"],
)
def test_data_built_from_other_files_is_refused(tmp_path, use):
    """As after a change of the folder's files, or with another of the same name."""
    write_set(tmp_path / "set", train=9, test=4, shape=(5, 4), num_classes=3)
    before = file_rows(tmp_path / "set", "train")
    built = build(tmp_path / "set", tmp_path / "data", "letters")
    write_set(tmp_path / "set", train=9, test=4, shape=(5, 4), num_classes=3, seed=1)
    changed = folder_builder(tmp_path / "set", tmp_path / "data", "letters")
    with pytest.raises(idx.IdxError, match=r"train-images.*SHA-256.*--overwrite"):
        use(changed)
    np.testing.assert_array_equal(dataset_rows(read_only(built), "train"), before)


def read_only(builder):
    return tfds.builder_from_directory(builder.data_dir)


def test_overwriting_builds_changed_files_anew(tmp_path):
    write_set(tmp_path / "set", train=9, test=4, shape=(5, 4), num_classes=3)
    build(tmp_path / "set", tmp_path / "data")
    write_set(tmp_path / "set", train=7, test=4, shape=(6, 4), num_classes=3)
    mode = tfds.download.GenerateMode.REUSE_CACHE_IF_EXISTS
    builder = build(tmp_path / "set", tmp_path / "data", download_mode=mode)
    expected = file_rows(tmp_path / "set", "train")
    np.testing.assert_array_equal(dataset_rows(builder, "train"), expected)


def test_a_bad_file_leaves_no_data_set_behind(tmp_path, letters):
    shutil.copytree(letters, tmp_path / "set")
    path = tmp_path / "set" / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(idx.IdxError, match=f"{TRAIN_IMAGES}: gzip stream"):
        build(tmp_path / "set", tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*tfrecord*"))


def test_images_exchanged_between_look_and_build_are_no_data(tmp_path):
    """Else data of one set would have the digests of another."""
    kwargs = {"train": 9, "test": 4, "shape": (5, 4), "num_classes": 3}
    write_set(tmp_path / "set", **kwargs)
    builder = folder_builder(tmp_path / "set", tmp_path / "data")
    write_set(tmp_path / "set", **kwargs, seed=1)
    with pytest.raises(idx.IdxError, match=f"{TRAIN_IMAGES}: file: .*changed"):
        builder.download_and_prepare()
    assert not builder.is_prepared()


def test_a_build_reads_labels_once_and_images_as_often_as_it_must(
    tmp_path, monkeypatch
):
    """Images for their header, range, digest, a look at the whole, and to be built."""
    write_set(tmp_path / "set", train=9, test=4, shape=(5, 4), num_classes=3)
    opens = collections.Counter()
    path_type = type(epath.Path(tmp_path))
    open_file = path_type.open

    def count(path, *args, **kwargs):
        opens[path.name] += 1
        return open_file(path, *args, **kwargs)

    monkeypatch.setattr(path_type, "open", count)
    build(tmp_path / "set", tmp_path / "data")
    names = [name for name in opens if "ubyte" in name]
    most = {name: 5 if "images" in name else 2 for name in names}
    assert len(names) == 4
    assert all(opens[name] <= most[name] for name in names)


def test_what_is_odd_is_not_judged_by_a_part_of_the_files(tmp_path):
    write_set(tmp_path / "set", train=3000, test=6, shape=(32, 32))
    whole = build(tmp_path / "set", tmp_path / "whole")
    assert any("6 test images" in line for line in whole.info.metadata["findings"])
    for most in (5, 1000):  # Of which the test images are all.
        data_dir = tmp_path / f"{most}"
        part = build(tmp_path / "set", data_dir, max_examples_per_split=most)
        assert "findings" not in part.info.metadata


def test_a_label_above_the_classes_of_mnist_is_refused(tmp_path, monkeypatch):
    """As by a file that was put where a download is kept."""
    write_set(tmp_path / "set", train=30, test=9, shape=(28, 28), num_classes=11)
    builder = mnist_idx_tfds.Builder(data_dir=tmp_path / "data")
    monkeypatch.setattr(mirrors, "download", lambda *_: downloaded(tmp_path / "set"))
    with pytest.raises(idx.IdxError, match=r"label: expected 0 to 9, found 10\."):
        builder.download_and_prepare()


def downloaded(folder):
    return {
        f"{split}_{kind}": path
        for split, pair in idx_set.find(folder).items()
        for kind, path in zip(("images", "labels"), pair, strict=True)
    }


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"name": "letters"}, "idx_dir: expected a folder"),
        ({"name": "letters", "idx_dir": ""}, "idx_dir: .* found an empty text"),
        ({"name": "mnist", "idx_dir": ""}, "idx_dir: .* found an empty text"),
        ({"name": "a", "idx_dir": ".", "transpose": "on"}, "transpose: expected auto"),
        ({"name": "a/b", "idx_dir": "."}, "name: expected letters"),
        ({"name": "..", "idx_dir": "."}, "name: expected letters"),
    ],
    ids=["no folder", "empty", "empty for MNIST", "transpose", "slash", "dots"],
)
def test_a_config_that_names_nothing_buildable_is_refused(kwargs, message):
    with pytest.raises(idx.IdxError, match=message):
        mnist_idx_tfds.IdxConfig(**kwargs)


def test_sub_splits_divide_the_examples(built):
    first = built.as_dataset(split="train[:85%]").cardinality()
    second = built.as_dataset(split="train[85%:]").cardinality()
    assert (first, second) == (51, 9)


def test_array_record_files_serve_as_a_data_source(letters, tmp_path):
    builder = folder_builder(letters, tmp_path, file_format="array_record")
    builder.download_and_prepare()
    source = builder.as_data_source(split="test")
    images = np.stack([example["image"] for example in source])
    labels = np.stack([example["label"] for example in source])
    rows = as_sorted_rows(images, labels)
    np.testing.assert_array_equal(rows, file_rows(letters, "test"))


def test_max_examples_per_split_caps_each(letters, tmp_path):
    builder = build(letters, tmp_path, max_examples_per_split=5)
    assert builder.info.splits["train"].num_examples == 5
    assert builder.info.splits["test"].num_examples == 5


def test_as_dataframe_holds_every_example(built):
    frame = tfds.as_dataframe(built.as_dataset(split="test"), built.info)
    assert list(frame.columns) == ["image", "label"]
    assert len(frame) == 20


def test_show_examples_draws_a_figure(built):
    figure = tfds.show_examples(built.as_dataset(split="test"), built.info)
    assert len(figure.axes) == 9


def test_mnist_is_built_as_published(mnist_idx_dir, tmp_path):
    builder = mnist_idx_tfds.Builder(data_dir=tmp_path)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=mnist_idx_dir)
    )
    for split, count in (("train", 60_000), ("test", 10_000)):
        assert builder.info.splits[split].num_examples == count
        expected = file_rows(mnist_idx_dir, split)
        np.testing.assert_array_equal(dataset_rows(builder, split), expected)


def test_checksums_of_manual_files_are_enforced(mnist_idx_dir, tmp_path):
    shutil.copytree(mnist_idx_dir, tmp_path / "manual")
    path = tmp_path / "manual" / TRAIN_IMAGES
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    builder = mnist_idx_tfds.Builder(data_dir=tmp_path / "data")
    config = tfds.download.DownloadConfig(manual_dir=tmp_path / "manual")
    with pytest.raises(idx.IdxError, match=f"{TRAIN_IMAGES}: SHA-256: expected 440f"):
        builder.download_and_prepare(download_config=config)
    assert not builder.is_prepared()


def test_data_that_another_process_built_in_between_is_taken(tmp_path):
    """Between the making of the builder, which found none, and its preparing."""
    write_set(tmp_path / "own")
    late = folder_builder(tmp_path / "own", tmp_path / "data")
    build(tmp_path / "own", tmp_path / "data")
    late.download_and_prepare()
    assert list(late.info.splits) == ["train", "test"]
    assert late.info.metadata["sha256"]


SMALL = {"train": 9, "test": 4, "shape": (5, 4), "num_classes": 3}


def made_again(builder):
    idx_dir = builder.builder_config.idx_dir
    return folder_builder(idx_dir, builder.data_path.parents[2])


def overwrite(builder):
    mode = tfds.download.GenerateMode.REUSE_CACHE_IF_EXISTS
    config = tfds.download.DownloadConfig(download_mode=mode)
    builder.download_and_prepare(download_config=config)


@pytest.mark.parametrize("use", [overwrite, made_again])
def test_overwriting_with_a_damaged_file_leaves_what_was_built(tmp_path, use):
    """Whether TFDS removes it, or `tfds build` between two builders."""
    write_set(tmp_path / "set", **SMALL)
    expected = file_rows(tmp_path / "set", "train")
    build(tmp_path / "set", tmp_path / "data")
    builder = folder_builder(tmp_path / "set", tmp_path / "data")
    path = tmp_path / "set" / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(idx.IdxError, match=f"{TRAIN_IMAGES}: gzip stream"):
        use(builder)
    np.testing.assert_array_equal(dataset_rows(read_only(builder), "train"), expected)


def test_a_part_that_was_built_is_not_taken_for_all(tmp_path):
    write_set(tmp_path / "set", **SMALL)
    build(tmp_path / "set", tmp_path / "data", max_examples_per_split=3)
    build(tmp_path / "set", tmp_path / "data", max_examples_per_split=3)
    with pytest.raises(idx.IdxError, match=r"expected all of them, found 3 a split"):
        build(tmp_path / "set", tmp_path / "data")
    mode = tfds.download.GenerateMode.REUSE_CACHE_IF_EXISTS
    build(tmp_path / "set", tmp_path / "data", download_mode=mode)
    builder = build(tmp_path / "set", tmp_path / "data")
    assert builder.info.splits["train"].num_examples == 9


def test_a_set_of_ones_own_is_not_described_as_mnist(built, tmp_path):
    assert built.info.description == "Four IDX files of a folder, named letters."
    assert not built.info.citation
    assert "lecun" not in built.info.homepage
    ours = mnist_idx_tfds.Builder(data_dir=tmp_path).info
    assert "lecun" in ours.citation.lower()
    assert "lecun" in ours.homepage


def test_a_config_can_be_in_a_set():
    configs = {mnist_idx_tfds.IdxConfig(name=name, idx_dir=".") for name in "ab"}
    assert len(configs) == 2


def test_data_are_mocked_as_those_of_other_builders():
    with tfds.testing.mock_data(num_examples=2):
        examples = list(tfds.load("mnist_idx_tfds", split="train"))
    assert [example["image"].shape for example in examples] == [(28, 28, 1)] * 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOTEMPTY, "Directory not empty"),
        OSError(errno.EEXIST, "File exists"),
        OSError(errno.ENOENT, "No such file or directory"),
        FileExistsError("Cannot rename A. Destination B already exists."),  # Of etils.
    ],
)
def test_of_builds_that_overwrite_at_once_each_has_the_data(
    tmp_path, monkeypatch, error
):
    """One is done between the last removal by another and its renaming."""
    write_set(tmp_path / "set", **SMALL)
    build(tmp_path / "set", tmp_path / "data")
    prepare = tfds.core.GeneratorBasedBuilder.download_and_prepare
    late = folder_builder(tmp_path / "set", tmp_path / "data")

    def meets_another(self, **kwargs):
        prepare(self, **kwargs)
        if self is late:
            raise error

    monkeypatch.setattr(
        tfds.core.GeneratorBasedBuilder, "download_and_prepare", meets_another
    )
    overwrite(late)
    expected = file_rows(tmp_path / "set", "train")
    np.testing.assert_array_equal(dataset_rows(late, "train"), expected)


def test_what_is_read_otherwise_than_before_is_another_set(tmp_path):
    write_set(tmp_path / "set", **SMALL | {"shape": (5, 5)})
    build(tmp_path / "set", tmp_path / "data")
    config = mnist_idx_tfds.IdxConfig(
        name="own", idx_dir=str(tmp_path / "set"), transpose="yes"
    )
    turned = mnist_idx_tfds.Builder(data_dir=tmp_path / "data", config=config)
    with pytest.raises(idx.IdxError, match=r"how it is read: .*--overwrite"):
        turned.as_dataset()
