"""CSV files of file names and labels, and the pictures that they name."""

import gzip

import numpy as np
import pytest
from source_files import save_picture, write_table

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import picture_table, table
from mnist_idx_tfds.sources.options import Options

HEADER = "file,label"


@pytest.fixture
def pictures(tmp_path):
    """Writes pictures, whose pixels are the number of each."""

    def write(*paths):
        for n, path in enumerate(paths):
            save_picture(tmp_path / path, np.full((2, 3), n))

    return write


def opened(path, test=None, **kwargs):
    return picture_table.open_source(table.of_parts(path, test), Options(**kwargs))


def read(path, test=None, **kwargs):
    """First pixel, label, split and origin of each item."""
    items = opened(path, test, **kwargs).items
    return [(int(i.pixels[0, 0]), i.label, i.split, i.origin) for i in items]


@pytest.mark.parametrize(
    ("header", "rows", "flags"),
    [
        ("file,label", [["a.png", "x"], ["b.png", "y"]], {}),
        ("Image Name,Class_ID", [["a.png", "x"], ["b.png", "y"]], {}),
        ("label,id", [["x", "a"], ["y", "b"]], {}),
        ("id,path,category", [[1, "a.png", "x"], [2, "b.png", "y"]], {}),
        ("image_id,width,class", [["a", 3, "x"], ["b", 3, "y"]], {}),
        ("file,label", [["sub/a.png", "x"], ["old\\b.png", "y"]], {}),
        ("file,label", [['"a.png"', " x "], ["b.png", '"y"'], []], {}),
        (
            "a,b",
            [["x", "a.png"], ["y", "b.png"]],
            {"file_column": "b", "label_column": "a"},
        ),
        (
            "file,path,class,label",
            [["?", "a.png", "?", "x"], ["?", "b.png", "?", "y"]],
            {"file_column": "path", "label_column": "label"},
        ),
    ],
    ids=[
        *("plain", "other names", "without an ending", "a number beside", "more"),
        *("other folders", "quotes", "flags", "ambiguous"),
    ],
)
def test_pictures_and_labels_are_found_by_the_names_of_columns(
    tmp_path, pictures, header, rows, flags
):
    pictures("a.png", "b.png")
    path = write_table(tmp_path / "set.csv", header, rows)
    found = read(path, **flags)
    assert found == [(0, "x", "", "a.png"), (1, "y", "", "b.png")]


def test_it_is_said_which_columns_were_taken(tmp_path, pictures):
    pictures("a.png")
    path = write_table(tmp_path / "set.csv", "N,File,Class", [[0, "a.png", "x"]])
    source = opened(path)
    assert source.notes == (f"{path}: pictures by 'File', classes by 'Class'",)


def test_pictures_may_be_in_folders_below_or_elsewhere(tmp_path, pictures):
    pictures("images/1/a.png", "other/a.png", "images/b.png")
    path = write_table(tmp_path / "csv.csv.gz", HEADER, [["a", "x"], ["b.png", "y"]])
    found = read(path, images_dir=tmp_path / "images")
    assert found == [(0, "x", "", "1/a.png"), (2, "y", "", "b.png")]


def test_two_files_are_the_two_splits_in_their_order(tmp_path, pictures):
    pictures("a.png", "b.png", "c.png")
    train = write_table(tmp_path / "1.csv", HEADER, [["c.png", "x"], ["a.png", "y"]])
    test = write_table(tmp_path / "2.csv", "y;img", [["x", "b.png"]], ";")
    assert read(train, test) == [
        (2, "x", "train", "c.png"),
        (0, "y", "train", "a.png"),
        (1, "x", "test", "b.png"),
    ]


def test_files_that_list_pictures_of_a_folder_are_found(tmp_path, pictures):
    pictures("images/a.png")
    for name, header, row in (
        ("1.csv", HEADER, ["a.png", "x"]),
        ("2.csv.gz", "id,class", ["a", "x"]),
        ("3.csv", HEADER, ["b.png", "x"]),
        ("4.csv", "name,count", ["a", 1]),
        ("5.csv", HEADER, ["a.png"]),
        (".6.csv", HEADER, ["a.png", "x"]),
        ("7.txt", HEADER, ["a.png", "x"]),
        ("8.csv", HEADER, []),
    ):
        write_table(tmp_path / name, header, [row])
    found = [
        path.name
        for path in sorted(tmp_path.glob("*.*"))
        if picture_table.names_pictures(path, tmp_path, Options())
    ]
    assert found == [".6.csv", "1.csv", "2.csv.gz", "7.txt"]


WHICH = "Say which it is with"


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "picture,label",
            [["a.png", ""]],
            "line 2: label: expected a class, found nothing.",
        ),
        (
            "file,label",
            [["a.png", "x"], ["", "x"]],
            "line 3: file: expected the name of a picture, found nothing.",
        ),
        (
            "file,label",
            [["a.png", "x", "y"]],
            "line 2: expected 2 values as in line 1, found 3. "
            "Is the file cut short, or is there another delimiter in it?",
        ),
        (
            "file,path,label",
            [["a.png", "a.png", "x"]],
            "columns: expected one column named like 'file', found file, path. "
            f"{WHICH} --file_column=NAME. If the first line is a row, too, add --no_header.",
        ),
        (
            "what,label",
            [["a", "x"]],
            "columns: expected one column named like 'file', found what, label. "
            f"{WHICH} --file_column=NAME. If the first line is a row, too, add --no_header.",
        ),
        (
            "file,kind,age",
            [["a.png", "x", 5]],
            "columns: expected one column named like 'label', found kind, age. "
            f"{WHICH} --label_column=NAME.",
        ),
        (
            "file",
            [["a.png"]],
            "columns: expected one column named like 'label', found file. "
            "What has no labels can be neither trained nor tested on.",
        ),
        (
            "file,label",
            [],
            "rows: expected at least one image, found none. The file has no data.",
        ),
        (
            "file,label",
            [['"a\nb.png"', "x"]],
            "line 3: file: expected a path without a line feed, found 'a\\nb.png'.",
        ),
        (
            "file,label",
            [["c", "x"]],
            "line 2: file: expected one picture in ROOT that is 'c', found 1/c.png and "
            "2/c.png. Put the folder into that column, or say it with --images_dir.",
        ),
    ],
    ids=[
        *("no label", "no name", "long row", "two columns of files", "none"),
        *(
            "no plain labels",
            "no labels",
            "empty",
            "line feed",
            "two pictures of a name",
        ),
    ],
)
def test_what_a_file_has_wrong_is_named(tmp_path, pictures, header, rows, message):
    pictures("a.png", "1/c.png", "2/c.png")
    path = write_table(tmp_path / "set.csv", header, rows)
    with pytest.raises(idx.IdxError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message.replace('ROOT', str(tmp_path))}"


def test_a_given_column_that_is_not_there_is_named(tmp_path):
    path = write_table(tmp_path / "set.csv", HEADER, [["a.png", "x"]])
    with pytest.raises(idx.IdxError) as caught:
        read(path, label_column="Label")
    assert str(caught.value) == (
        f"{path}: columns: expected one column named 'Label', found file, label. "
        f"{WHICH} --label_column=NAME; -1 is the last."
    )


def test_pictures_that_are_not_there_are_in_their_place(tmp_path, pictures):
    pictures("a.png")
    rows = [["b.png", "x"], ["a.png", "x"]]
    path = write_table(tmp_path / "set.csv", HEADER, rows)
    missing, item = opened(path).items
    assert str(missing) == (
        f"{path}: line 2: file: expected a picture in {tmp_path}, found no b.png."
    )
    assert item.origin == "a.png"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"file,label\n\xff.png,x\n", "line 2: expected UTF-8, found the byte 0xff"),
        (b'file,label\na.png,x\n"b.png,x\n', "line 3: expected a row of CSV, found"),
        (gzip.compress(b"file,label\na,x\n")[:-6], "gzip stream: expected its end"),
    ],
    ids=["no UTF-8", "an open quote", "half a gzip file"],
)
def test_what_is_no_text_is_named(tmp_path, data, message):
    path = tmp_path / "set.csv"
    path.write_bytes(data)
    with pytest.raises(idx.IdxError, match=message):
        read(path)
