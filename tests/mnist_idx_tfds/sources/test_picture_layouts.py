"""Layouts of tables of pictures that people have: in right, or refused in a line."""

import unicodedata

import numpy as np
import pytest
from source_files import save_picture

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import forms
from mnist_idx_tfds.sources.options import Options


def nfc(text):
    return unicodedata.normalize("NFC", text)


def nfd(text):
    return unicodedata.normalize("NFD", text)


PETS = ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]


def pets(form, header="file,label"):
    """A table of the four pets, their paths written in some form."""
    rows = [(*path.removesuffix(".png").split("/"),) for path in PETS]
    lines = [header, *(f"{form.format(name, n)},{name}" for name, n in rows)]
    return "\n".join(lines)


# Name: the pictures, which are as bright as their places; the files; SOURCE and flags;
# and then place, label and split of each item.
PETS_FOUND = [(0, "cat", ""), (1, "cat", ""), (2, "dog", ""), (3, "dog", "")]
TAKEN = {
    "a path": (PETS, {"a.csv": pets("{}/{}.png")}, "a.csv", {}, PETS_FOUND),
    "Windows": (PETS, {"a.csv": pets("{}\\{}.png")}, "a.csv", {}, PETS_FOUND),
    "no extension": (PETS, {"a.csv": pets("{}/{}")}, "a.csv", {}, PETS_FOUND),
    "another machine": (
        PETS,
        {"a.csv": pets("/content/My Drive/{}/{}.png")},
        "a.csv",
        {},
        PETS_FOUND,
    ),
    "another Windows machine": (
        PETS,
        {"a.csv": pets("C:\\pets\\{}\\{}.png")},
        "a.csv",
        {},
        PETS_FOUND,
    ),
    "up and down": (PETS, {"a.csv": pets("./{}//{}.png")}, "a.csv", {}, PETS_FOUND),
    "folders above": (
        [f"x/images/{path}" for path in PETS],
        {"a.csv": pets("{}/{}.png")},
        "a.csv",
        {},
        PETS_FOUND,
    ),
    "a folder of pictures and notes": (
        ["images/0.png", "images/1.png"],
        {"a.csv": "id,label\n0,a\n1,b", "labels/0.txt": "x", "labels/1.json": "x"},
        "a.csv",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "NFC and NFD": (
        [nfd("é/ü.png")],
        {"a.csv": f"file,label\n{nfc('é/ü.png')},a"},
        "a.csv",
        {},
        [(0, "a", "")],
    ),
    "ids of two folders": (
        ["train/0.png", "test/0.png"],
        {"train.csv": "id,label\n0,a", "test.csv": "id,label\n0,b"},
        "train.csv",
        {"test_csv": "test.csv"},
        [(0, "a", "train"), (1, "b", "test")],
    ),
    "a folder of two tables": (
        ["train/0.png", "test/0.png"],
        {
            "Train.csv": "id,label\n0,a",
            "Test.csv": "id,label\n0,b",
            "sample_submission.csv": "id,label\n0,a",
        },
        "",
        {},
        [(1, "b", "test"), (0, "a", "train")],
    ),
    "a column of splits": (
        ["0.png", "1.png", "2.png"],
        {"a.csv": "path,label,Data Set\n0.png,a,TRAIN\n1.png,a,Valid\n2.png,a,test"},
        "a.csv",
        {},
        [(0, "a", "train"), (1, "a", "valid"), (2, "a", "test")],
    ),
    "is_valid": (
        ["0.png", "1.png"],
        {"a.csv": "fname,label,is_valid\n0.png,a,False\n1.png,a,True"},
        "a.csv",
        {},
        [(0, "a", "train"), (1, "a", "valid")],
    ),
    "is_valid and is_test": (
        ["0.png", "1.png", "2.png"],
        {"a.csv": "file,label,is_valid,is_test\n0,a,0,0\n1,a,1,0\n2,a,0,1"},
        "a.csv",
        {},
        [(0, "a", "train"), (1, "a", "valid"), (2, "a", "test")],
    ),
    "one part alone": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,split\n0,a,train\n1,a,train"},
        "a.csv",
        {},
        [(0, "a", "train"), (1, "a", "train")],
    ),
    "a test part without labels": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,split\n0,a,train\n1,,test"},
        "a.csv",
        {},
        [(0, "a", "train")],
    ),
    "a set that is no split": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,set\n0,a,red\n1,b,blue"},
        "a.csv",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "a column for each class": (
        ["0.png", "1.png"],
        {"a.csv": "image,MEL,NV,age\n0,1.0,0.0,5\n1,0.0,1.0,7"},
        "a.csv",
        {},
        [(0, "MEL", ""), (1, "NV", "")],
    ),
    "a number and a name of each class": (
        ["0.png", "1.png"],
        {"a.csv": "class id,filepaths,labels\n0,0.png,a\n1,1.png,b"},
        "a.csv",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "one column is left": (
        ["0.png"],
        {"a.csv": "id_code,diagnosis\n0,4"},
        "a.csv",
        {},
        [(0, "4", "")],
    ),
    "file names under another name": (
        ["0.png"],
        {"a.csv": "what,label,size\n0.png,a,3"},
        "a.csv",
        {},
        [(0, "a", "")],
    ),
    "no header": (
        ["0.png", "1.png"],
        {"a.csv": "0.png,a\n1.png,b"},
        "a.csv",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "no header, and no endings": (
        ["00.png", "01.png"],
        {"a.csv": "00,a\n01,b"},
        "",
        {"no_header": True},
        [(0, "a", ""), (1, "b", "")],
    ),
    "dumps of pictures, label plain": (
        ["part_1/1.png", "part_2/2.png"],
        {"a.csv": "file,label\n1.png,a\n2.png,b"},
        "",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "dumps of pictures": (
        ["x_images_part_1/1.png", "x_images_part_2/2.png"],
        {"a.csv": "image_id,dx,age\n1,mel,45\n2,nv,46"},
        "",
        {"label_column": "dx"},
        [(0, "mel", ""), (1, "nv", "")],
    ),
    "has_cactus": (
        ["train/a.png", "train/b.png", "test/c.png"],
        {"train.csv": "id,has_cactus\na.png,0\nb.png,1"},
        "",
        {},
        [(0, "0", ""), (1, "1", "")],
    ),
    "lists of numbers": (
        ["images/0.png", "images/1.png"],
        {"train.txt": "images/0.png 0\n", "test.txt": "images/1.png 1\n"},
        "",
        {},
        [(1, "1", "test"), (0, "0", "train")],
    ),
    "a table in the folder of each part": (
        ["train/0.png", "test/0.png"],
        {
            "train/_classes.csv": "filename, a, b\n0.png, 1, 0",
            "test/_classes.csv": "filename, a, b\n0.png, 0, 1",
        },
        "",
        {},
        [(1, "b", "test"), (0, "a", "train")],
    ),
    "a list without commas": (
        ["a b/0.png", "a b/1.png"],
        {"a.txt": "a b/0.png 7\na b/1.png white cat\n"},
        "a.txt",
        {},
        [(0, "7", ""), (1, "white cat", "")],
    ),
    "capitals": (
        ["A/0.PNG", "A/1.png"],
        {"a.csv": "file,label\na/0.png,a\nA/1.png,b"},
        "a.csv",
        {},
        [(0, "a", ""), (1, "b", "")],
    ),
    "GTSRB": (
        ["Train/1/0.png", "Test/0.png", "Meta/0.png"],
        {
            "Train.csv": "Width,Roi.X1,ClassId,Path\n2,0,1,Train/1/0.png",
            "Test.csv": "Width,Roi.X1,ClassId,Path\n2,0,1,Test/0.png",
            "Meta.csv": "Path,ClassId\nMeta/0.png,1",
        },
        "",
        {},
        [(1, "1", "test"), (0, "1", "train")],
    ),
    "APTOS": (
        ["train_images/0.png", "test_images/1.png"],
        {
            "train.csv": "id_code,diagnosis\n0,4",
            "test.csv": "id_code\n1",
            "sample_submission.csv": "id_code,diagnosis\n1,0",
        },
        "",
        {},
        [(0, "4", "")],
    ),
    "breeds of dogs": (
        ["train/0.png", "test/1.png"],
        {"labels.csv": "id,breed\n0,boxer"},
        "",
        {},
        [(0, "boxer", "")],
    ),
    "sep=": (
        ["0.png"],
        {"a.csv": "sep=;\nfile;label\n0.png;a"},
        "a.csv",
        {},
        [(0, "a", "")],
    ),
    "UTF-16": (
        ["0.png"],
        {"a.csv": "file\tlabel\n0.png\té\n".encode("utf-16")},
        "a.csv",
        {},
        [(0, "é", "")],
    ),
}


def made(root, pictures, files):
    for n, path in enumerate(pictures):
        save_picture(root / path, np.full((2, 2), 10 * n))
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def opened(root, source, flags):
    paths = {k: f"{root / v}" if k == "test_csv" else v for k, v in flags.items()}
    return forms.open_source(root / source, Options(**paths))


@pytest.mark.parametrize("case", TAKEN)
def test_each_row_has_its_own_picture(tmp_path, case):
    pictures, files, source, flags, expected = TAKEN[case]
    made(tmp_path, pictures, files)
    items = opened(tmp_path, source, flags).items
    found = [(int(i.pixels[0, 0]) // 10, i.label, i.split) for i in items]
    assert found == expected


def test_a_picture_behind_a_link_is_found(tmp_path):
    made(tmp_path, ["disk/0.png"], {"set/a.csv": "file,label\n0.png,a"})
    (tmp_path / "set" / "images").symlink_to(tmp_path / "disk")
    # A link to a folder that it is in does not go on for ever.
    (tmp_path / "disk" / "again").symlink_to(tmp_path / "disk")
    (item,) = opened(tmp_path / "set", "a.csv", {}).items
    assert item.label == "a"


# Name: pictures, files, SOURCE and flags; and rows that are missing, with nothing else.
MISSING = {
    "one of another folder": (
        [PETS[0], *PETS[2:]],
        {"a.csv": pets("{}/{}.png")},
        "a.csv",
        {},
        ["cat/1.png"],
    ),
    "one of another folder, elsewhere": (
        [PETS[0], *PETS[2:], "1.png"],
        {"a.csv": pets("/x/{}/{}.png")},
        "a.csv",
        {},
        ["/x/cat/1.png"],
    ),
    "a part that is not there yet": (
        ["train/0.png"],
        {"train.csv": "id,label\n0,a", "test.csv": "id,label\n0,b"},
        "train.csv",
        {"test_csv": "test.csv"},
        ["0"],
    ),
    "another file of that name": (
        ["1.png"],
        {"a.csv": "id,label\n0,a\n1,a", "x/0.json": "{}"},
        "a.csv",
        {},
        ["0"],
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_listed(tmp_path, case):
    pictures, files, source, flags, expected = MISSING[case]
    made(tmp_path, pictures, files)
    items = opened(tmp_path, source, flags).items
    found = [str(item) for item in items if isinstance(item, idx.IdxError)]
    assert [line.rpartition("found no ")[2] for line in found] == [
        f"{name}." for name in expected
    ]


REFUSED = {
    "two pictures for a row": (
        ["a/0.png", "b/0.png"],
        {"a.csv": "id,label\n0,x"},
        "a.csv",
        {},
        "line 2: file: expected one picture in .*, found a/0.png and b/0.png. Put the",
    ),
    "two rows for a picture": (
        ["0.png"],
        {"a.csv": "file,label\ncat/0.png,cat\ndog/0.png,dog"},
        "a.csv",
        {},
        "line 3: file: expected another picture than that of line 2, 'cat/0.png', found",
    ),
    "a part that is not there yet": (
        ["train/0.png", "train/1.png"],
        {"a.csv": "id,label,split\n0,a,train\n1,a,train\n0,a,test"},
        "a.csv",
        {},
        "line 4: file: expected another picture than that of line 2, '0' train, found "
        "'0' test",
    ),
    "objects in pictures": (
        ["0.png", "1.png"],
        {"a.csv": "filename,class,xmin\n0.png,a,1\n0.png,b,5\n1.png,a,2"},
        "a.csv",
        {},
        r"labels: expected one for each picture, found 1 with several, such as 0.png "
        r"\(a, b\). Are its rows objects in pictures",
    ),
    "two labels in a list": (
        ["0.png", "1.png"],
        {"a.txt": "0.png 2 1\n1.png 1 3\n"},
        "a.txt",
        {},
        "columns: expected one column named like 'label', found column 2, column 3",
    ),
    "a split of some rows": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,split\n0,a,train\n1,a,extra"},
        "a.csv",
        {},
        "line 3: split: expected train, valid or test, found 'extra'",
    ),
    "two splits": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,split,usage\n0,a,train,train\n1,a,train,test"},
        "a.csv",
        {},
        "expected one that says the split, found split, usage. They disagree",
    ),
    "a file to train on that says test": (
        ["0.png", "1.png"],
        {"a.csv": "file,label,split\n0,a,test", "b.csv": "file,label\n1,a"},
        "a.csv",
        {"test_csv": "b.csv"},
        "line 2: split: expected train, as the file is, found test",
    ),
    "two classes at once": (
        ["0.png", "1.png"],
        {"a.csv": "image,A,B\n0,1,0\n1,1,1"},
        "a.csv",
        {},
        "line 3: expected a one in one of A, B, found A, B. Only classes that exclude",
    ),
    "dumps of pictures, and columns that are not plain": (
        ["x_images_part_1/1.png", "x_images_part_2/2.png"],
        {"a.csv": "image_id,dx,age\n1,mel,45\n2,nv,46"},
        "",
        {},
        "a.csv: columns: expected one column named like 'label', found dx, age. Say",
    ),
    "folders of classes, and widths": (
        PETS,
        {"sizes.csv": pets("{0}/{1}.png", "file,width")},
        "",
        {},
        "sizes.csv: columns: .* found file, width. If one has the labels, add "
        "--label_column=NAME. If folders such as cat, dog are the classes, move this",
    ),
    "a line of names that is a row": (
        ["00.png", "01.png"],
        {"a.csv": "00,a\n01,b"},
        "a.csv",
        {"file_column": "00"},
        "line 1: expected names of columns, .* found the picture '00'. If it is a row",
    ),
    "no header": (
        ["00.png", "01.png"],
        {"a.csv": "00,a\n01,b"},
        "a.csv",
        {},
        "columns: .* found 00, a. .* If the first line is a row, too, add --no_header",
    ),
    "a broken row": (
        ["part_1/1.png", "part_2/2.png"],
        {"a.csv": "file,label\n1.png,a\n2.png"},
        "",
        {},
        "a.csv: line 3: expected 2 values as in line 1, found 1",
    ),
    "CIFAR-10 in Python": (
        [],
        {"data_batch_1": "x", "test_batch": "x"},
        "",
        {},
        "found a pickle of CIFAR-10, data_batch_1. Give --dataset=cifar10",
    ),
    "a submission": (
        ["0.png", "1.png"],
        {"train.csv": "id,label\n0,a", "sample_submission.csv": "id,label\n1,a"},
        "train.csv",
        {"test_csv": "sample_submission.csv"},
        "expected one with labels, found a submission. The labels of a sample submission",
    ),
    "no labels to test on": (
        ["0.png", "1.png"],
        {"train.csv": "id,label\n0,a", "test.csv": "id\n1"},
        "train.csv",
        {"test_csv": "test.csv"},
        "test.csv: columns: expected one column named like 'label', found id. What has",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_plain_is_refused_by_name(tmp_path, case):
    pictures, files, source, flags, message = REFUSED[case]
    made(tmp_path, pictures, files)
    with pytest.raises(idx.IdxError, match=message):
        opened(tmp_path, source, flags)


def test_pictures_that_no_row_names_are_said(tmp_path):
    """Such as the folders of classes beside a table of those that are doubtful."""
    made(tmp_path, PETS, {"doubtful.csv": "file,label\ncat/0.png,cat\ndog/1.png,dog"})
    source = opened(tmp_path, "", {})
    assert source.notes[-1] == (
        f"{tmp_path}: 2 pictures are not in doubtful.csv, and are left out"
    )
    assert source.total == 2


def test_rows_that_name_a_picture_again_are_counted(tmp_path):
    made(tmp_path, ["0.png"], {"a.csv": "file,label\n0.png,a\n0.png,a"})
    note = opened(tmp_path, "a.csv", {}).notes[-1]
    assert note == f"odd: {tmp_path / 'a.csv'}: 1 rows name a picture again"


def test_tables_that_are_not_taken_are_named(tmp_path):
    """Such as those to predict, without labels."""
    tables = {"train.csv": "id,label\n0,a", "test.csv": "id\n1", "more.csv": "x"}
    made(tmp_path, ["0.png"], tables)
    note = opened(tmp_path, "", {}).notes[-1]
    assert note == f"{tmp_path}: train.csv taken, more.csv, test.csv not"


def test_folders_of_classes_in_those_of_the_parts_are_the_classes(tmp_path):
    """However a table beside them, which has no labels, names the pictures."""
    pictures = [f"{part}/{pet}" for part in ("train", "test") for pet in PETS]
    made(tmp_path, pictures, {"sizes.csv": "file,width\ntrain/cat/0.png,640"})
    source = opened(tmp_path, "", {})
    assert {item.label for item in source.items} == {"cat", "dog"}
    assert source.notes[0].endswith("folders are the classes, sizes.csv left out")
