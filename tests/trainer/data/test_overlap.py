"""Which examples splits have in common, and what is said of that."""

import pytest
import tensorflow_datasets as tfds
from idx_files import write_set
from tfds_sets import feed_of

import mnist_idx_tfds
from trainer.data import overlap, source
from trainer.data.split import Split
from trainer.errors import TrainerError

TRAIN, TEST = 100, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    write_set(folder, train=TRAIN, test=TEST, shape=(6, 5), num_classes=3)
    return folder


@pytest.fixture(scope="module")
def builder(folder, tmp_path_factory):
    """A data set whose training split is in four files."""
    builder = mnist_idx_tfds.Builder(
        data_dir=tmp_path_factory.mktemp("data"),
        config=mnist_idx_tfds.IdxConfig(name="own", idx_dir=str(folder)),
    )
    config = tfds.download.DownloadConfig(num_shards=4)
    builder.download_and_prepare(download_config=config)
    return builder


COMMON = [
    ("test", "train", 0),
    ("test", "all", TEST),
    ("train[85%:]", "train[:85%]", 0),
    ("train[85%:]", "train", 15),
    ("train[:60]", "train[40:]", 20),
    ("train[-10:]", "train[:95]", 5),
    ("train[10:20]+test[:5]", "train[15:]", 5),
    ("test", "train+test[30:]", 10),
    ("train[:2shard]", "train[50%:]", 0),
    ("train[:2shard]", "train[30%:]", 20),
]


@pytest.mark.parametrize(("split", "other", "common"), COMMON)
def test_common_examples_are_counted(builder, split, other, common):
    assert overlap.count(builder, split, other) == common


@pytest.mark.parametrize("split", ["train", "train[:10]+test+train[10:20]", "all"])
def test_a_split_without_repeats_is_none_twice(builder, split):
    assert overlap.repeats(builder, split) == 0
    Split(builder, split)


@pytest.mark.parametrize(
    ("split", "twice"),
    [("train+train", TRAIN), ("all+test", TEST), ("train[:60%]+train[40%:]", 20)],
)
def test_a_split_with_examples_twice_is_an_error(builder, split, twice):
    with pytest.raises(TrainerError) as error:
        Split(builder, split, "--eval_split")
    assert str(error.value) == (
        f"--eval_split={split}: expected each example once, found {twice} named twice"
    )


@pytest.mark.parametrize(
    ("train", "evaluation", "says"),
    [
        (
            "train",
            "train[85%:]",
            "found 15 of 15 in --train_split=train, too. Write "
            "--train_split='train[:85%]'.",
        ),
        (
            "train",
            "train[:20]",
            "found 20 of 20 in --train_split=train, too. Write "
            "--train_split='train[20:]'.",
        ),
        ("all", "test", "found 40 of 40 in --train_split=all, too. Take parts that"),
        ("train+test[:9]", "test", "found 9 of 40 in --train_split=train.test"),
        ("train[:60%]", "train[50%:90%]", "found 10 of 40 in .*, of train, test.$"),
        ("test", "test", "found 40 of 40 in --train_split=test, too. Take parts"),
    ],
)
def test_a_run_is_not_evaluated_on_what_it_trains_on(builder, train, evaluation, says):
    with pytest.raises(TrainerError, match=says.replace("[", r"\[")) as error:
        feed_of(builder, train, evaluation)
    start = f"--eval_split={evaluation}: expected images that are not trained on, "
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)


def test_what_a_model_was_trained_on_is_known_from_its_run(builder, folder, tmp_path):
    """Where the data set has its name, or is of the same files under another one."""
    run = {
        "dataset": builder.info.full_name,
        "train_split": "train[:85%]",
    }
    digests = source.digests(builder)
    assert overlap.said(builder, "train[80%:]", run, {}) == (
        "5 of these 20 images (train[80%:]) are among those that the model was trained "
        "on (train[:85%]): of others it gets fewer right"
    )
    assert overlap.said(builder, "test", run, digests) == ""
    assert overlap.said(builder, "train", {}, digests) == ""
    assert overlap.said(builder, "train", run | {"train_split": "gone"}, {}) == ""
    moved = source.prepare(f"{tmp_path / 'data'}", None, f"{folder}")
    assert moved.info.full_name != builder.info.full_name
    assert overlap.said(moved, "train", run, digests).startswith(
        "85 of these 100 images"
    )
    write_set(tmp_path / "other", train=TRAIN, test=TEST, shape=(6, 5), seed=1)
    other = source.prepare(f"{tmp_path / 'data'}", None, f"{tmp_path / 'other'}")
    assert overlap.said(other, "train", run, digests) == ""
