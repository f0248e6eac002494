"""Folders of pictures, which need not be pictures to be found."""

import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import folders
from mnist_idx_tfds.sources.options import Options


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def found(root):
    """Names of the classes, and `split/label/file` of each example."""
    names, pictures, _ = folders.find(root)
    return names, sorted(
        f"{p.split}/{names.index(p.label)}/{p.path.rpartition('/')[2]}"
        for p in pictures
    )


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["dog", "Cat", "ant"], ["Cat", "ant", "dog"]),
        (["10", "9", "0", "1"], ["0", "1", "9", "10"]),
        (["7", "007", "2"], ["2", "007", "7"]),
        (["10", "9", "x"], ["10", "9", "x"]),
        (["train", "bus"], ["bus", "train"]),
        (["test", "exam"], ["exam", "test"]),
        (["größe", "two words"], ["größe", "two words"]),
    ],
)
def test_classes_are_in_the_order_of_names_or_numbers(tmp_path, folders, names):
    make(tmp_path, *(f"{name}/{name}" for name in folders))
    expected = sorted(f"/{label}/{name}" for label, name in enumerate(names))
    assert found(tmp_path) == (names, expected)


def test_train_and_test_are_splits(tmp_path):
    make(tmp_path, "train/b/1", "train/a/2", "test/b/3")
    assert found(tmp_path) == (["a", "b"], ["test/1/3", "train/0/2", "train/1/1"])


def test_train_alone_is_the_folder_of_the_classes(tmp_path):
    make(tmp_path, "train/b/1", "train/a/2")
    assert found(tmp_path) == (["a", "b"], ["/0/2", "/1/1"])


def test_home_in_the_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make(tmp_path, "set/a/1")
    source = folders.open_source("~/set", Options())
    assert (source.names, source.total) == (["a"], 1)


_FORM = "IMAGES_DIR/CLASS/PICTURE is the form. If a table has the labels, give that instead."


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], f": folder: expected a folder for each class, found nothing. {_FORM}"),
        (
            ["1.png"],
            ": folder: expected a folder for each class, found files alone (1). "
            f"{_FORM}",
        ),
        (
            ["a/1", "b/.x"],
            "/b: class: expected at least one picture, found none. "
            "Remove the folder, or put pictures into it.",
        ),
        (
            ["train/a/1", "test/a/1", "other/a/1"],
            ": folders: expected train and test alone, found other too. "
            "Move the other folders away.",
        ),
        (
            ["train/a/1", "test/a/1", "test/b/1"],
            "/test: classes: expected the classes that are trained on, found 'b' too. "
            "It would have no examples to train on.",
        ),
        (
            ["a/1", "b\nc/1"],
            ": class name: expected printable text without spaces around it, "
            r"found 'b\nc'. Rename it.",
        ),
    ],
    ids=["nothing", "flat", "empty", "another", "only in test", "line break"],
)
def test_what_is_no_folder_of_classes_is_named(tmp_path, paths, message):
    root = tmp_path / "root"
    make(root, *paths)
    with pytest.raises(idx.IdxError) as caught:
        folders.find(root)
    assert str(caught.value) == f"{root}{message.replace('ROOT', str(root))}"
