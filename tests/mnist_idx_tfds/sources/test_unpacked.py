"""What `unpack` made, as whoever has it may have changed it since."""

import shutil

import numpy as np
import pytest
from source_files import save_picture

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import unpacked
from mnist_idx_tfds.sources.options import Options


def make(root, names, *paths):
    """Writes `unpacked.csv`, and pictures whose pixels are the number of each."""
    root.mkdir(exist_ok=True)
    folders = unpacked.write(root, names)
    for part in ("train", "test"):
        for folder in folders:
            (root / part / folder).mkdir(parents=True)
    for n, path in enumerate(paths):
        save_picture(root / path, np.full((2, 3), n))
    return folders


def read(root):
    """Path, class and split of each item, in order."""
    source = unpacked.open_source(root, Options())
    assert source.ordered
    return [(item.origin, item.label, item.split) for item in source.items]


def test_the_order_is_that_of_numbers_across_the_classes(tmp_path):
    paths = ["train/b/10.png", "test/a/0.png", "train/b/2.png", "train/a/09.png"]
    make(tmp_path, ["b", "a"], *paths)
    assert read(tmp_path) == [
        ("test/a/0.png", "a", "test"),
        ("train/b/2.png", "b", "train"),
        ("train/a/09.png", "a", "train"),
        ("train/b/10.png", "b", "train"),
    ]


def test_pictures_with_other_names_come_last(tmp_path):
    make(tmp_path, ["a"], "train/a/x.png", "train/a/9.png", "train/a/1 (copy).png")
    found = [path for path, _, _ in read(tmp_path)]
    assert found == ["train/a/9.png", "train/a/1 (copy).png", "train/a/x.png"]


def test_classes_are_in_the_order_of_the_file_with_or_without_pictures(tmp_path):
    make(tmp_path, ["z", "empty", "a"], "train/a/0.png", "test/z/0.png")
    source = unpacked.open_source(tmp_path, Options())
    assert (source.names, source.unused) == (["z", "empty", "a"], "keep")


def test_folders_have_names_that_file_systems_take_each_another(tmp_path):
    names = ["T-shirt/top", "a", "A", "..", ".x", "é" * 200, 'x, "y"', "a-2", "con:"]
    folders = make(tmp_path, names)
    assert folders[0] == "T-shirt_top-0"
    assert folders[1:3] == ["a", "A-2"]
    assert len({folder.casefold() for folder in folders}) == len(names)
    assert not any(folder.startswith(".") for folder in folders)
    for label, folder in enumerate(folders):
        save_picture(tmp_path / "train" / folder / f"{label}.png", [[label]])
    assert [label for _, label, _ in read(tmp_path)] == names


START = "label,name,folder\n0,a,a\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,folder\n", "line 1: expected label,name,folder, found name, folder."),
        (f"{START}2,b,b\n", "line 3: label: expected 1, found 2."),
        (
            f"{START}1,a,b\n",
            "line 3: name: expected another than in the lines before, found 'a'.",
        ),
        (
            f"{START}1,b,a\n",
            "line 3: folder: expected another than in the lines before, found 'a'.",
        ),
        (
            f"{START}1,,b\n",
            "line 3: class name: expected printable text without spaces around it, "
            "found ''. Rename it.",
        ),
    ],
)
def test_what_the_file_of_classes_has_wrong_is_named(tmp_path, text, message):
    make(tmp_path, ["a"])
    (tmp_path / unpacked.FILE).write_text(text)
    with pytest.raises(idx.IdxError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path / unpacked.FILE}: {message}"


def test_a_folder_that_is_no_class_is_named(tmp_path):
    make(tmp_path, ["a"], "train/a/0.png", "train/b/1.png")
    with pytest.raises(idx.IdxError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'train'}: folders: expected the folders of unpacked.csv, found "
        "'b' too. Add a line for it, with the next label, or remove it."
    )


def test_a_missing_part_is_named(tmp_path):
    make(tmp_path, ["a"], "train/a/0.png")
    shutil.rmtree(tmp_path / "test")
    with pytest.raises(idx.IdxError, match="test: folder: expected a folder for each"):
        read(tmp_path)
