"""Layouts of folders of pictures that people have: in right, or refused in a line."""

import os
import unicodedata

import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import folders


def nfc(text):
    return unicodedata.normalize("NFC", text)


def nfd(text):
    return unicodedata.normalize("NFD", text)


BOTH = [("a", "", "a/1.png"), ("b", "", "b/1.png")]


def of_parts(train, other, part="test"):
    """Files in two folders of parts, and the label, the part and the path of each."""
    files = [f"{train}/a/1.png", f"{train}/b/1.png", f"{other}/a/1.png"]
    found = zip("aba", ("train", "train", part), files, strict=True)
    return files, [*found]


# Name: the files; label, part and path of each picture; and what is said.
TAKEN = {
    "a folder for each class": (["a/1.png", "b/1.png"], BOTH, []),
    "train and test": (*of_parts("train", "test"), []),
    "in capitals": (*of_parts("TRAIN", "TEST"), []),
    "training and testing": (*of_parts("Training", "Testing"), []),
    "training-images and test-images": (
        *of_parts("training-images", "test-images"),
        [],
    ),
    "trainset and testset": (*of_parts("trainset", "testset"), []),
    "train and validation": (*of_parts("train", "Validation", "valid"), []),
    "train and dev": (*of_parts("train", "dev", "valid"), []),
    "a word before": (*of_parts("fruits_train", "fruits_test"), []),
    "wrapped each": (*of_parts("seg_train/seg_train", "seg_test/seg_test"), []),
    "wrapped both": (
        *of_parts("set/data/train", "set/data/val", "valid"),
        ["its folders are those of set/data"],
    ),
    "with litter": (
        [*of_parts("train", "test")[0], "__MACOSX/train/a/._1.png", "$RECYCLE.BIN/1"],
        of_parts("train", "test")[1],
        [],
    ),
    "with a folder of notes": (
        [*of_parts("train", "test")[0], "annotations/1.xml"],
        of_parts("train", "test")[1],
        ["annotations: no pictures in it, left out"],
    ),
    "with test pictures without classes": (
        [*of_parts("train", "val", "valid")[0], "test/1.png", "test/2.png"],
        of_parts("train", "val", "valid")[1],
        ["2 pictures left out that are in no folder of a class (such as test/1.png)"],
    ),
    "train alone, and test1 without classes": (
        ["train/a/1.png", "train/b/1.png", "test1/1.png"],
        [("a", "train", "train/a/1.png"), ("b", "train", "train/b/1.png")],
        ["1 pictures left out that are in no folder of a class (such as test1/1.png)"],
    ),
    "test pictures a folder deeper": (
        ["train/a/1.png", "train/b/1.png", "test/test/1.png", "val/images/1.png"],
        [("a", "train", "train/a/1.png"), ("b", "train", "train/b/1.png")],
        [
            "2 pictures left out that are in no folder of a class (such as test/test/1.png)"
        ],
    ),
    "folders without classes beside the parts": (
        [*of_parts("train", "test")[0], "seg_pred/seg_pred/1.png", "unlabeled/1.png"],
        of_parts("train", "test")[1],
        [
            "2 pictures left out that are in no folder of a class "
            "(such as seg_pred/seg_pred/1.png)"
        ],
    ),
    "training and evaluation": (*of_parts("training", "evaluation"), []),
    "Images and Annotation": (
        ["Images/a/1.png", "Images/b/1.png", "Annotation/a/1", "Annotation/b/1"],
        [("a", "", "Images/a/1.png"), ("b", "", "Images/b/1.png")],
        ["its folders are those of Images"],
    ),
    "classes and folders of notes": (
        ["a/1.png", "b/1.png", "bbox/1.xml", "splits/train.txt"],
        BOTH,
        ["bbox: no pictures in it, left out", "splits: no pictures in it, left out"],
    ),
    "classes beside tables": (
        ["a/1.png", "b/1.png", "splits.csv"],
        BOTH,
        ["folders are the classes, splits.csv left out"],
    ),
    "parts in each class": (
        ["a/train/1.png", "a/test/1.png", "b/Train/1.png"],
        [
            ("a", "test", "a/test/1.png"),
            ("a", "train", "a/train/1.png"),
            ("b", "train", "b/Train/1.png"),
        ],
        ["the folders in those of the classes are its parts"],
    ),
    "a class called train": (
        ["bus/1.png", "train/1.png"],
        [("bus", "", "bus/1.png"), ("train", "", "train/1.png")],
        [],
    ),
    "classes that begin like parts": (
        ["test_tube/1.png", "train_station/1.png", "valley/1.png"],
        None,
        [],
    ),
    "wrapped": (
        ["set/a/1.png", "set/b/1.png"],
        [("a", "", "set/a/1.png"), ("b", "", "set/b/1.png")],
        ["its folders are those of set"],
    ),
    "images beside texts": (
        ["images/a/1.png", "images/b/1.png", "annotations/a/1.xml"],
        [("a", "", "images/a/1.png"), ("b", "", "images/b/1.png")],
        ["its folders are those of images"],
    ),
    "wrapped beside litter and notes": (
        ["set/a/1.png", "set/b/1.png", "__MACOSX/x", "README.md", "Thumbs.db"],
        [("a", "", "set/a/1.png"), ("b", "", "set/b/1.png")],
        ["its folders are those of set"],
    ),
    "writers in each class": (
        ["a/w1/1.png", "a/w2/1.png", "b/w1/x/1.png"],
        [
            ("a", "", "a/w1/1.png"),
            ("a", "", "a/w2/1.png"),
            ("b", "", "b/w1/x/1.png"),
        ],
        [
            "3 pictures in a folder within that of their class (such as a/w1/1.png)",
        ],
    ),
    "litter in classes": (
        [
            *("a/1.png", "a/THUMBS.DB", "a/Icon\r", "a/@eaDir/1.png/x.jpg", "a/.x/1"),
            *("b/1.png", "b/Desktop.ini", "b/.ipynb_checkpoints/1.png", "b/._1.png"),
        ],
        BOTH,
        [],
    ),
    "notes in classes": (
        ["a/1.png", "a/README.md", "b/1.png", "b/GT-00000.csv", "b/LICENSE", "b/1.xml"],
        BOTH,
        ["4 files left out that are no pictures (such as a/README.md)"],
    ),
    "pictures beside the classes": (
        ["a/1.png", "b/1.png", "2.png", "3.png", "notes.txt"],
        BOTH,
        ["2 pictures left out that are in no folder of a class (such as 2.png)"],
    ),
    "NFC and NFD": (
        [f"{nfc('é')}/1.png", f"{nfd('é')}/2.png"],
        [
            (nfc("é"), "", f"{nfc('é')}/1.png"),
            (nfc("é"), "", f"{nfd('é')}/2.png"),
        ],
        [],
    ),
    "NFC to train on and NFD to test on": (
        [f"train/{nfc('é')}/1.png", f"test/{nfd('é')}/2.png"],
        [
            (nfc("é"), "test", f"test/{nfd('é')}/2.png"),
            (nfc("é"), "train", f"train/{nfc('é')}/1.png"),
        ],
        [],
    ),
    "joiners and no-break spaces": (
        ["می\u200cشود/1.png", "a\u00a0b/1.png"],
        None,
        [],
    ),
}


def made(root, files):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize("case", TAKEN)
def test_what_people_have_goes_in_right(tmp_path, case):
    files, expected, said = TAKEN[case]
    names, pictures, notes = folders.find(made(tmp_path / "in", files))
    found = sorted((p.label, p.split, p.origin) for p in pictures)
    if expected is None:  # A class for each folder.
        expected = [(name.partition("/")[0], "", name) for name in files]
    assert found == sorted(expected)
    assert set(names) == {label for label, _, _ in expected}
    assert [n.partition("/in")[2].lstrip(":/ ") for n in notes] == said


# Name: the files, and how the error ends after the folder's path.
REFUSED = {
    "pictures alone": (["1.png", "2.png"], ": .* each class, found files alone .2.. "),
    "train and test1 without classes": (
        ["train/cat.0.png", "train/dog.0.png", "test1/1.png"],
        "/train: folder: expected a folder for each class, found files alone .2.. "
        "IMAGES_DIR/CLASS/PICTURE",
    ),
    "train and test without classes, beside others": (
        ["train/0.png", "test/1.png", "sample/1.png"],
        "/train: folder: expected a folder for each class",
    ),
    "training-images without classes": (
        ["training-images/0.png", "test-images/1.png"],
        "/training-images: folder: expected a folder for each class",
    ),
    "images alone": (
        ["images/0.png", "labels/0.txt"],
        ": folder: expected a folder for each class, found images, labels. IMAGES_DIR",
    ),
    "images and masks": (
        ["Images/0.png", "masks/0.png"],
        ": folder: expected a folder for each class, found Images, masks. IMAGES_DIR",
    ),
    "images and boxes by parts": (
        ["images/train/0.png", "images/val/0.png", "labels/train/0.txt"],
        "/images/train: folder: expected a folder for each class, found files alone",
    ),
    "another folder of pictures beside": (
        ["train/a/1.png", "test/a/1.png", "extra/x/1.png"],
        ": folders: expected train and test alone, found extra too",
    ),
    "a class of notes alone": (
        ["a/1.png", "b/README.md"],
        "/b: class: .* none, but README",
    ),
    "a class in another case": (
        ["train/Cat/1.png", "test/cat/1.png"],
        "/test: classes: .*'cat' too. Rename it, if it is the class Cat",
    ),
    "a line feed in a name below": (["a/w/1\n.png"], "picture: expected a name with"),
    "the same pictures in several forms": (
        ["color/a/1.png", "grayscale/a/1.png", "segmented/a/1.png"],
        ": folder: .* found color, grayscale, segmented. Give one of these folders",
    ),
    "only empty folders": (["set/x/.keep"], "class: expected at least one picture"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_plain_is_refused_by_name(tmp_path, case):
    files, message = REFUSED[case]
    with pytest.raises(idx.IdxError, match=message):
        folders.find(made(tmp_path / "in", files))


def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path):
    made(tmp_path, ["store/a/1.png", "in/b/1.png"])
    os.symlink(tmp_path / "store" / "a", tmp_path / "in" / "a")
    assert len(folders.find(tmp_path / "in").pictures) == 2
    os.symlink(tmp_path / "in", tmp_path / "in" / "b" / "again")
    with pytest.raises(idx.IdxError, match="no link to a folder that it is in"):
        folders.find(tmp_path / "in")
