"""Folders of pictures, which need not be pictures to be found and split."""

import numpy as np
import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import folders


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def found(root):
    """Names of the classes, and `split/label/file` of each example."""
    names, examples = folders.find(root)
    return names, sorted(
        f"{split}/{label}/{path.rpartition('/')[2]}" for path, label, split in examples
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


def test_what_is_hidden_or_beside_the_classes_is_passed_over(tmp_path):
    make(tmp_path, "a/1", "a/.DS_Store", "a/Thumbs.db", "a/.x/1", ".git/x", "README")
    assert found(tmp_path) == (["a"], ["/0/1"])


def test_what_is_not_hidden_is_taken_for_a_picture(tmp_path):
    make(tmp_path, "a/1.png", "a/notes.txt", "a/x")
    assert found(tmp_path) == (["a"], ["/0/1.png", "/0/notes.txt", "/0/x"])


def test_home_in_the_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make(tmp_path, "set/a/1")
    assert found("~/set") == (["a"], ["/0/1"])


_FORM = "IMAGES_DIR/CLASS/PICTURE is the form."


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], f": folder: expected a folder for each class, found nothing. {_FORM}"),
        (
            ["1.png"],
            f": folder: expected a folder for each class, found no folders. {_FORM}",
        ),
        (
            ["a/1", "b/.x"],
            "/b: class: expected at least one picture, found none. "
            "Remove the folder, or put pictures into it.",
        ),
        (
            ["set/a/1", "set/b/1"],
            f"/set: class: expected pictures alone, found the folder a. {_FORM}",
        ),
        (
            ["train/a/1", "test/a/1", "val/a/1"],
            ": folders: expected train and test alone, found val too. "
            "Move the other folders away.",
        ),
        (
            ["train/a/1", "test/a/1", "test/b/1"],
            "/test: classes: expected the classes of ROOT/train, found 'b' too. "
            "It would have no examples to train on.",
        ),
        (
            ["a/1", "b\nc/1"],
            ": class name: expected printable text without spaces around it, "
            r"found 'b\nc'.",
        ),
    ],
    ids=["nothing", "flat", "empty", "deep", "val", "only in test", "line break"],
)
def test_what_is_no_folder_of_classes_is_named(tmp_path, paths, message):
    root = tmp_path / "root"
    make(root, *paths)
    with pytest.raises(idx.IdxError) as caught:
        folders.find(root)
    assert str(caught.value) == f"{root}{message.replace('ROOT', str(root))}"


def split(counts, share=0.2, seed=0, given=None):
    """Splits classes of so many examples; returns `class/file` of each, in order."""
    examples = [
        folders.Example(f"/x/{label}/{n}", label, given[n % 2] if given else "")
        for label, count in enumerate(counts)
        for n in range(count)
    ]
    names = [f"class {label}" for label in range(len(counts))]
    splits = folders.split("root", names, examples, share, seed)
    assert sorted(splits["train"] + splits["test"]) == list(range(len(examples)))
    return {
        name: [examples[n].path[3:] for n in order] for name, order in splits.items()
    }


def per_class(paths, classes):
    return np.bincount([int(path[0]) for path in paths], minlength=classes).tolist()


@pytest.mark.parametrize(
    ("share", "tested"),
    [
        (0.2, [20, 2, 1, 1, 0]),
        (0.01, [1, 1, 1, 1, 0]),
        (0.5, [50, 5, 2, 1, 0]),
        (0.99, [99, 9, 2, 1, 0]),
    ],
)
def test_each_class_has_its_share_in_both_splits(share, tested):
    """At least one, of those with two examples or more."""
    counts = [100, 10, 3, 2, 1]
    splits = split(counts, share)
    assert per_class(splits["test"], 5) == tested
    trained = [count - test for count, test in zip(counts, tested, strict=True)]
    assert per_class(splits["train"], 5) == trained


def test_given_splits_are_kept():
    splits = split([6, 4], given=("train", "test"))
    assert sorted(splits["test"]) == ["0/1", "0/3", "0/5", "1/1", "1/3"]


def test_the_order_is_mixed_and_of_the_seed():
    first, again, other = split([50, 50]), split([50, 50]), split([50, 50], seed=1)
    assert first == again
    assert set(first["test"]) != set(other["test"])
    for paths in (first["train"], first["test"]):
        assert paths != sorted(paths)
        assert len({path[0] for path in paths[:8]}) == 2


def test_few_examples_change_their_split_when_one_is_added():
    before, after = (set(split([count])["test"]) for count in (100, 105))
    assert len(before) + 1 == len(after)
    assert len(before & after) >= len(before) - 5


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            [2, 0],
            "root: class 'class 1': expected a picture to train on, "
            "found none that can be read. Add some, or remove the class.",
        ),
        (
            [1, 1],
            "root: test split: expected a class with two pictures or more, found none. "
            "Add pictures.",
        ),
    ],
)
def test_nothing_to_train_or_test_on_is_named(counts, message):
    with pytest.raises(idx.IdxError) as caught:
        split(counts)
    assert str(caught.value) == message
