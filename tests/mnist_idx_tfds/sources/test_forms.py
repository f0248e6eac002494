"""Which form a source is taken for."""

import os

import numpy as np
import pytest
from source_files import save_picture, write_table

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import forms, unpacked
from mnist_idx_tfds.sources.options import Options

PIXELS = "label,pixel0,pixel1,pixel2,pixel3"
ROW = [3, 0, 1, 2, 255]


def labels(path, **options):
    source = forms.open_source(path, Options(**options))
    return [item.label for item in source.items]


def picture(path):
    save_picture(path, [[7]])


def test_a_folder_of_folders_has_a_class_in_each(tmp_path):
    picture(tmp_path / "a" / "1.png")
    write_table(tmp_path / "notes.csv", "file,label", [["2.png", "x"]])
    assert labels(tmp_path) == ["a"]


def test_a_file_that_lists_pictures_of_the_folder_goes_before_its_folders(tmp_path):
    picture(tmp_path / "images" / "1.png")
    write_table(tmp_path / "labels.csv", "file,label", [["1.png", "x"]])
    assert labels(tmp_path) == ["x"]


def test_the_only_file_of_a_folder_without_folders_is_it(tmp_path):
    picture(tmp_path / "1.png")
    write_table(tmp_path / "labels.csv", "what,kind,age", [["1", "x", 5]])
    with pytest.raises(idx.IdxError, match="--file_column"):
        labels(tmp_path)
    assert labels(tmp_path, file_column="what", label_column="kind") == ["x"]


@pytest.mark.parametrize("in_folders", [False, True])
def test_two_files_in_a_folder_are_named(tmp_path, in_folders):
    picture(tmp_path / ("a" if in_folders else "") / "1.png")
    for name in ("Old.csv", "Test.csv"):
        write_table(tmp_path / name, "path,label", [["1.png", "x"]])
    with pytest.raises(idx.IdxError) as caught:
        labels(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: folder: expected one CSV file, found Old.csv, Test.csv. "
        "Give the one to train on as SOURCE, and one to test on, if there is one, as "
        "--test_csv."
    )


def test_what_unpack_made_goes_by_its_file(tmp_path):
    picture(tmp_path / "train" / "a-1" / "0.png")
    (tmp_path / "test" / "a-1").mkdir(parents=True)
    (tmp_path / unpacked.FILE).write_text("label,name,folder\n0,x/y,a-1\n")
    assert labels(tmp_path) == ["x/y"]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (PIXELS, ROW, "3"),
        (f"id,{PIXELS}", [1, *ROW], "3"),
        ("label,a,b,c,d", ROW, "3"),
        ("file,label,a,b,c,d,e", ["1.png", "x", *"12345"], "x"),
        ("id,label", ["1", "x"], "x"),
    ],
    ids=["pixels", "a number beside", "other names", "pictures", "numbers of pictures"],
)
def test_a_csv_has_pixels_or_file_names_by_its_columns(tmp_path, header, row, expected):
    picture(tmp_path / "1.png")
    assert labels(write_table(tmp_path / "set.CSV", header, [row])) == [expected]


def test_numpy_archives_go_by_their_name(tmp_path):
    arrays = {"x_train": np.ones((1, 2, 2), np.uint8), "y_train": [5]}
    arrays |= {"x_test": arrays["x_train"], "y_test": [5]}
    np.savez(tmp_path / "set.NPZ", **arrays)
    (tmp_path / "set.NPZ.npz").rename(tmp_path / "set.NPZ")
    assert labels(tmp_path / "set.NPZ") == ["5", "5"]


EXPECTED = "expected a folder of pictures, or a file named .npz, .csv or .parquet"


@pytest.mark.parametrize(
    ("name", "found"), [("set.bin", "another file."), ("no", "nothing. Is the path ri")]
)
def test_other_sources_are_named(tmp_path, name, found):
    (tmp_path / "set.bin").touch()
    with pytest.raises(
        idx.IdxError, match=f"{name}: source: {EXPECTED}, found {found}"
    ):
        labels(tmp_path / name)


@pytest.mark.parametrize(
    ("source", "flag", "message"),
    [
        (
            "a folder",
            {"no_header": True},
            "--no_header: source: expected a CSV file of pixels or a CSV file of file "
            "names, found a folder of classes.",
        ),
        (
            "pixels.csv",
            {"images_dir": "x"},
            "--images_dir: source: expected a CSV file of file names, found a CSV file "
            "of pixels.",
        ),
        (
            "pixels.csv",
            {"no_header": True, "label_column": "label"},
            "ROOT/pixels.csv: columns: expected one column named 'label', found column "
            "1, column 2, column 3, column 4, column 5. Say which it is with "
            "--label_column=NAME; -1 is the last.",
        ),
        (
            "pictures.csv",
            {"shape": (1, 2)},
            "--shape: source: expected a CSV file of pixels or an .npz file, found a CSV "
            "file of file names.",
        ),
        (
            "set.npz",
            {"test_csv": "x"},
            "--test_csv: source: expected a CSV file of pixels or a CSV file of file "
            "names, found an .npz file.",
        ),
        (
            "set.npz",
            {"train_split": "train"},
            "--train_split: source: expected --dataset, found an .npz file.",
        ),
        (
            None,
            {"label_column": "y"},
            "--label_column: source: expected a CSV file of pixels or a CSV file of "
            "file names or Parquet files, found --dataset.",
        ),
    ],
)
def test_a_flag_for_another_form_is_named(tmp_path, source, flag, message):
    picture(tmp_path / "a folder" / "a" / "1.png")
    write_table(tmp_path / "pixels.csv", PIXELS, [ROW])
    write_table(tmp_path / "pictures.csv", "file,label", [["1.png", 0]])
    (tmp_path / "set.npz").touch()
    with pytest.raises(idx.IdxError) as caught:
        labels(source and tmp_path / source, **flag)
    assert str(caught.value) == message.replace("ROOT", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("set.zip", "an archive", "Unpack it"),
        ("set.tar.gz", "an archive", "Unpack it"),
        ("set.mat", "a file of MATLAB", "Save its arrays as x_train"),
        ("set.h5", "a file in HDF5", "Save its arrays as x_train"),
        ("set.pkl", "a pickle", "Save its arrays as x_train"),
        ("x-train.tfrecord-00000-of-00001", "records of TensorFlow", "--dataset=NAME"),
        ("set.xlsx", "a spreadsheet", "Save it as CSV"),
        ("labels.json", "a list that is no table", "Make a CSV file of it"),
        ("train-images-idx3-ubyte.gz", "an IDX file", "--idx_dir="),
    ],
)
@pytest.mark.parametrize("alone", [True, False], ids=["file", "folder"])
def test_what_is_of_another_kind_is_named_with_what_to_do(
    tmp_path, name, what, hint, alone
):
    (tmp_path / name).touch()
    with pytest.raises(idx.IdxError, match=f"found {what}") as caught:
        labels(tmp_path / name if alone else tmp_path)
    assert hint in str(caught.value)


def test_a_picture_alone_is_named(tmp_path):
    picture(tmp_path / "1.png")
    with pytest.raises(idx.IdxError, match=r"found a picture\. Give the folder"):
        labels(tmp_path / "1.png")


@pytest.mark.parametrize("name", ["set.csv", "set.npz", "set.parquet"])
def test_a_pipe_is_named_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(idx.IdxError, match="found a pipe or a device"):
        labels(tmp_path / name)
    write_table(tmp_path / "train.csv", PIXELS, [ROW])
    with pytest.raises(idx.IdxError, match="found a folder, a pipe or a device"):
        labels(tmp_path / "train.csv", test_csv=tmp_path / name)
