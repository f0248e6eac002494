"""Layouts of tables of pixels that people have: in right, or refused in a line."""

import gzip

import numpy as np
import pytest
from source_files import write_table

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import forms
from mnist_idx_tfds.sources.options import Options

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 2, 2), np.uint8)
IMAGES[0, 0, 0] = 255
LABELS = ["3", "1", "3", "0"]
FLAT = IMAGES.reshape(4, 4).tolist()
# The second row of 2 x 2 before the first, by the places of four pixels.
TURNED = [[row[2], row[3], row[0], row[1]] for row in FLAT]


def lines(header, rows, between=","):
    return (
        "\n".join(between.join(map(str, row)) for row in [header, *rows] if row) + "\n"
    )


def labelled(rows):
    return [[label, *row] for label, row in zip(LABELS, rows, strict=True)]


def of_one_cell(between, around="{}"):
    cells = [around.format(between.join(map(str, row))) for row in FLAT]
    return [[label, f'"{cell}"'] for label, cell in zip(LABELS, cells, strict=True)]


P = ["pixel0", "pixel1", "pixel2", "pixel3"]
ONES = [[int(name == label) for name in "013"] for label in LABELS]
# Name: the text or bytes of `set.csv`, and flags.
TAKEN = {
    "in the order of numbers": (
        lines(["label", "px2", "px3", "px0", "px1"], labelled(TURNED)),
        {},
    ),
    "numbers of two places": (
        lines(["label", "r1c0", "r1c1", "r0c0", "r0c1"], labelled(TURNED)),
        {},
    ),
    "x and y": (
        lines(["label", "x0y1", "x1y1", "x0y0", "x1y0"], labelled(TURNED)),
        {},
    ),
    "from one on": (
        lines(["label", "1x1", "1x2", "2x1", "2x2"], labelled(FLAT)),
        {},
    ),
    "a row number": (
        lines(["", "label", *P], [[n, *row] for n, row in enumerate(labelled(FLAT))]),
        {},
    ),
    "a row number of pandas": (
        lines(
            ["Unnamed: 0", "label", *P],
            [[n, *row] for n, row in enumerate(labelled(FLAT))],
        ),
        {},
    ),
    "a row number, and other names": (
        lines(
            ["id", "label", "a", "b", "c", "d"],
            [[n, *row] for n, row in enumerate(labelled(FLAT))],
        ),
        {},
    ),
    "one column is left": (lines(["digit", *P], labelled(FLAT)), {}),
    "label last": (
        lines([*P, "label"], [[*row[1:], row[0]] for row in labelled(FLAT)]),
        {},
    ),
    "label last, no header": (
        lines([], [[*row[1:], row[0]] for row in labelled(FLAT)]),
        {"no_header": True, "label_column": "-1"},
    ),
    "numbers for names": (
        lines([*"01234"], labelled(FLAT)),
        {"label_column": "0"},
    ),
    "one cell": (lines(["emotion", "pixels"], of_one_cell(" ")), {}),
    "one cell with commas": (lines(["label", "image"], of_one_cell(", ")), {}),
    "one cell in brackets": (
        lines(["label", "pixels"], of_one_cell(", ", "[{}]")),
        {},
    ),
    "one cell and semicolons": (
        lines(["label", "pixels"], of_one_cell(","), ";"),
        {},
    ),
    "sep=": ("sep=;\n" + lines(["label", *P], labelled(FLAT), ";"), {}),
    "UTF-16": (lines(["label", *P], labelled(FLAT), "\t").encode("utf-16"), {}),
    "UTF-16, gzip": (
        gzip.compress(
            b"\xfe\xff" + lines(["label", *P], labelled(FLAT)).encode("utf-16-be")
        ),
        {},
    ),
    "blanks between": (
        lines([], labelled(FLAT), "  "),
        {"no_header": True},
    ),
    "bars between": (lines(["label", *P], labelled(FLAT), "|"), {}),
    "a column for each class": (
        lines(
            ["0", "1", "3", *P],
            [[*ones, *row] for ones, row in zip(ONES, FLAT, strict=True)],
        ),
        {},
    ),
    "sixteen bits": (
        lines(
            ["label", *P], labelled((IMAGES.reshape(4, 4).astype(int) * 257).tolist())
        ),
        {},
    ),
    "fractions of bytes": (
        lines(["label", *P], labelled((IMAGES.reshape(4, 4) - 0.25).clip(0).tolist())),
        {},
    ),
    "a one that is rounded": (
        lines(["label", *P], labelled((IMAGES.reshape(4, 4) / 254.99999).tolist())),
        {},
    ),
    "a white that is said": (
        lines(["label", *P], labelled((IMAGES.reshape(4, 4).astype(int) * 4).tolist())),
        {"white": 1020},
    ),
}


def opened(tmp_path, text, flags):
    path = tmp_path / "set.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return forms.open_source(path, Options(**flags))


@pytest.mark.parametrize("case", TAKEN)
def test_each_row_is_its_own_image(tmp_path, case):
    items = list(opened(tmp_path, *TAKEN[case]).items)
    np.testing.assert_array_equal([item.pixels for item in items], IMAGES)
    assert [item.label for item in items] == LABELS


def test_a_column_says_the_split(tmp_path):
    parts = ["Training", "PublicTest", "PrivateTest", "Training"]
    rows = [[*row, part] for row, part in zip(of_one_cell(" "), parts, strict=True)]
    source = opened(tmp_path, lines(["emotion", "pixels", "Usage"], rows), {})
    assert [i.split for i in source.items] == ["train", "valid", "test", "train"]
    note = "Training and PublicTest are trained on, PrivateTest tested on"
    assert source.notes[-1] == f"{tmp_path / 'set.csv'}: {note}"


def test_a_column_says_the_groups(tmp_path):
    rows = [[*row, writer] for row, writer in zip(labelled(FLAT), "abab", strict=True)]
    text = lines(["label", *P, "writer"], rows)
    items = opened(tmp_path, text, {"group": "writer"}).items
    assert [item.group for item in items] == [*"abab"]


def test_a_header_may_be_longer_than_a_mebibyte(tmp_path):
    names = [f"{'a_long_name_' * 10}{n}" for n in range(100 * 100)]
    text = lines(["label", *names], [[1, *[200] * 10_000]])
    (item,) = opened(tmp_path, text, {}).items
    assert item.pixels.shape == (100, 100)


@pytest.mark.parametrize("form", ["{}.csv", "sign_{0}/sign_{0}.csv"])
def test_a_folder_may_have_a_file_of_each_part(tmp_path, form):
    for part in ("train", "test"):
        path = tmp_path / form.format(part)
        path.parent.mkdir(exist_ok=True)
        write_table(path, ",".join(["label", *P]), labelled(FLAT))
    source = forms.open_source(tmp_path, Options())
    assert [i.split for i in source.items] == ["test"] * 4 + ["train"] * 4


def test_two_files_may_have_their_columns_in_another_order(tmp_path):
    train = write_table(tmp_path / "a.csv", "label,a,b,c,d", labelled(FLAT))
    test = write_table(tmp_path / "b.csv", "c,d,label,a,b", [[3, 4, 9, 1, 2]])
    source = forms.open_source(train, Options(test_csv=test))
    assert [*source.items][-1].pixels.tolist() == [[1, 2], [3, 4]]
    other = write_table(tmp_path / "c.csv", "c,d,label,a,x", [[3, 4, 9, 1, 2]])
    with pytest.raises(idx.IdxError, match=r"columns of .*a\.csv, found x too"):
        forms.open_source(train, Options(test_csv=other))


REFUSED = {
    "a number that is missing": (
        lines(["label", "p0", "p1", "p2", "p4"], labelled(FLAT)),
        {},
        "columns: expected one for each number from 0 or 1 on, of p0, p4, found none "
        "with the number 3",
    ),
    "a number twice": (
        lines(["label", "p0", "p1", "p2", "p02"], labelled(FLAT)),
        {},
        "columns: expected one for each number .* found some more than once",
    ),
    "colors": (
        lines(
            ["label", *(f"{c}{n}" for c in "rgb" for n in range(4))],
            [[1, *[200] * 12]],
        ),
        {},
        "columns: expected pixels, and no others like them, found .* Are these colors",
    ),
    "colors by number": (
        lines(["label", *(f"p{n}" for n in range(3 * 16))], [[1, *[200] * 48]]),
        {},
        "pixels: expected a square number, found 48. Are these colors of 4 x 4",
    ),
    "labels last, which is not said": (
        lines([], [[0, 1, 200, 5, n] for n in range(5)]),
        {"no_header": True},
        "labels: expected labels in the first column, .* found 0 in all lines. If they",
    ),
    "no header": (
        lines([], labelled(FLAT)),
        {},
        "line 1: expected names of columns, .* add --no_header. If its label is not",
    ),
    "a range that is not plain": (
        lines(["label", *P], [[1, 0, 5, 16, 3]]),
        {},
        "pixels: expected pixels of .*, found whole numbers of 0 to 16. Say which number "
        "is white with --white=N",
    ),
    "a white that is too low": (
        lines(["label", *P], [[1, 0, 5, 16, 3]]),
        {"white": 15},
        "pixels: expected pixels of 0 to 15, found whole numbers of 0 to 16",
    ),
    "cells of other lengths": (
        'label,pixels\n1,"1 2 3 200"\n2,"1 2 3"\n',
        {},
        "line 3: pixels: expected 4 numbers as in the first row, found 3",
    ),
    "no labels": (
        lines(P, FLAT),
        {},
        "columns: expected one column named like 'label', found none. What has no labels",
    ),
    "one image of many that is not of bytes": (
        lines(["label", *P], [[1, 0, 200, 0, 0], [1, 0, 0, 300, 0]]),
        {},
        "line 3: pixel2: expected a whole number of 0 to 255, found '300'. .* --white",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_plain_is_refused_by_name(tmp_path, case):
    text, flags, message = REFUSED[case]
    with pytest.raises(idx.IdxError, match=message):
        list(opened(tmp_path, text, flags).items)
