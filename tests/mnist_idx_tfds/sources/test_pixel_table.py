"""CSV files of pixels as Kaggle has them, and what is wrong with others."""

import numpy as np
import pytest
from source_files import table_of, write_table

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pixel_table, table
from mnist_idx_tfds.sources.options import Options

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 3), np.uint8)
LABELS = [3, 1, 3, 7, 1, 3]
HEADER, ROWS = table_of(IMAGES, LABELS)


def read(path, test=None, **flags):
    source = pixel_table.open_source(table.of_parts(path, test), Options(**flags))
    items = list(source.items)
    assert source.total == len(items)
    return items


def check(items, images=IMAGES, labels=LABELS):
    np.testing.assert_array_equal([item.pixels for item in items], images)
    assert [item.label for item in items] == [str(label) for label in labels]
    assert {item.pixels.dtype for item in items} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("name", ["digits.csv", "digits.csv.gz"])
def test_each_row_is_an_image(tmp_path, name):
    path = write_table(tmp_path / name, HEADER, ROWS)
    items = read(path)
    check(items)
    assert {item.split for item in items} == {""}
    assert items[2].origin == f"{name} line 4"
    assert items[2].path == f"{path}: line 4"


def test_two_files_are_the_two_splits(tmp_path):
    train = write_table(tmp_path / "train.csv", HEADER, ROWS[:4])
    test = write_table(tmp_path / "test.csv.gz", HEADER, ROWS[4:])
    items = read(train, test)
    check(items)
    assert [item.split for item in items] == ["train"] * 4 + ["test"] * 2


@pytest.mark.parametrize(
    ("header", "rows", "flags"),
    [
        (HEADER.upper(), ROWS, {}),
        (HEADER.replace("label", "Class ID"), ROWS, {}),
        ("label,1x1,1x2,1x3,2x1,2x2,2x3,3x1,3x2,3x3", ROWS, {}),
        (
            f"{HEADER.partition(',')[2]},label",
            [[*row[1:], row[0]] for row in ROWS],
            {},
        ),
        (f"id,{HEADER}", [[n, *row] for n, row in enumerate(ROWS)], {}),
        (",".join(f'"{name}"' for name in HEADER.split(",")), ROWS, {}),
        (HEADER, [[f'"{row[0]}"', *row[1:]] for row in ROWS], {}),
        (f"\ufeff{HEADER}", ROWS, {}),
        (HEADER.replace(",", ", "), [[f" {v} " for v in row] for row in ROWS], {}),
        (HEADER, [row for r in ROWS for row in (r, [])], {}),
        ("", ROWS, {"no_header": True}),
        ("0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9", ROWS, {"label_column": "0"}),
        ("what,a,b,c,d,e,f,g,h,i", ROWS, {"label_column": "what"}),
    ],
    ids=[
        *("capitals", "class", "rows and columns", "label last", "number beside"),
        *("quoted names", "quoted labels", "byte order mark", "spaces", "blank lines"),
        *("no header", "header of numbers", "other names"),
    ],
)
def test_other_forms_of_the_same_images(tmp_path, header, rows, flags):
    check(read(write_table(tmp_path / "set.csv", header, rows), **flags))


@pytest.mark.parametrize("between", [";", "\t"])
def test_other_delimiters(tmp_path, between):
    path = tmp_path / "set.csv"
    check(read(write_table(path, HEADER.replace(",", between), ROWS, between)))


def test_lines_may_end_as_on_windows(tmp_path):
    path = write_table(tmp_path / "set.csv", HEADER, ROWS)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    check(read(path))


def test_images_that_are_not_square(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 8
    path = write_table(tmp_path / "set.csv", *table_of(images, ["a", "b"]))
    check(read(path, shape=(3, 4)), images, ["a", "b"])


def test_a_point_in_a_label_makes_no_floats(tmp_path):
    dark = IMAGES // 4
    dark[0, 0, 0] = 200
    path = write_table(tmp_path / "set.csv", *table_of(dark, ["St. John"] * 6))
    check(read(path), dark, ["St. John"] * 6)


@pytest.mark.parametrize("factor", [255, 1], ids=["to 1", "to 255"])
def test_floats_of_a_plain_range(tmp_path, factor):
    path = write_table(tmp_path / "set.csv", *table_of(IMAGES / factor, LABELS))
    check(read(path))


def test_more_rows_than_a_piece(tmp_path):
    """Pieces are of 1 MiB of integers."""
    images = np.zeros((3000, 10, 10), np.uint8)
    images[:, 0, 0] = np.arange(3000) % 251
    path = write_table(tmp_path / "set.csv", *table_of(images, [0] * 3000))
    items = read(path)
    np.testing.assert_array_equal([item.pixels for item in items], images)
    assert items[-1].origin == "set.csv line 3001"
    assert len({item.key for item in items}) == 3000


LONG = ", ".join(HEADER.split(",")[:6])
EACH = "Each column but the label is a pixel."
SHORT = "Is the file cut short, or is there another delimiter in it?"


def changed(row, column, value):
    rows = [list(row) for row in ROWS]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            HEADER,
            [*ROWS[:2], ROWS[2][:-1]],
            f"line 4: expected 10 values as in line 1, found 9. {SHORT}",
        ),
        (
            HEADER,
            changed(3, 5, 256),
            f"line 5: pixel4: expected a whole number of 0 to 255, found '256'. {EACH} "
            "Say which number is white with --white=N.",
        ),
        (
            HEADER,
            changed(0, 9, -1),
            f"line 2: pixel8: expected a whole number of 0 to 255, found '-1'. {EACH}",
        ),
        (
            HEADER,
            changed(0, 2, "dark"),
            f"line 2: pixel1: expected a whole number, found 'dark'. {EACH}",
        ),
        (
            HEADER,
            changed(0, 2, ""),
            f"line 2: pixel1: expected a whole number, found nothing. {EACH}",
        ),
        (
            HEADER,
            changed(0, 2, "1e2"),
            f"line 2: pixel1: expected a whole number, found '1e2'. {EACH}",
        ),
        (
            HEADER,
            [*changed(1, 2, "nan")[:2], [1, *[0.5] * 9]],
            "line 3: pixel1: expected a number, found 'nan'.",
        ),
        (HEADER, changed(1, 0, " "), "line 3: label: expected a class, found nothing."),
        (
            HEADER.partition(",")[2],
            [row[1:] for row in ROWS],
            "columns: expected one column named like 'label', found none. "
            "What has no labels can be neither trained nor tested on.",
        ),
        (
            f"class,{HEADER}",
            [[0, *row] for row in ROWS],
            "columns: expected one column named like 'label', found class, label. "
            "Say which it is with --label_column=NAME.",
        ),
        (
            "",
            ROWS,
            "line 1: expected names of columns, such as label,pixel0, found "
            f"{', '.join(map(str, ROWS[0][:6]))}, ... (10 in all). "
            "If it is an image, too, add --no_header. If its label is not the first value "
            "but the last, or numbers are names, add --label_column=-1 or 0.",
        ),
        (
            HEADER.rpartition(",")[0],
            [row[:-1] for row in ROWS],
            "pixels: expected a square number, found 8. "
            "If images are not square: --shape=HEIGHTxWIDTH.",
        ),
        (
            HEADER,
            [],
            "rows: expected at least one image, found none. The file has no data.",
        ),
        (
            "",
            [],
            "line 1: expected a line with the names of columns, found nothing. "
            "The file has no data.",
        ),
    ],
    ids=[
        *("short row", "above", "below", "a word", "empty", "an exponent"),
        *("nan", "no label", "no label column"),
        *("two label columns", "no header", "not square", "no rows", "empty file"),
    ],
)
def test_what_a_file_has_wrong_is_named(tmp_path, header, rows, message):
    path = write_table(tmp_path / "set.csv", header, rows)
    with pytest.raises(idx.IdxError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_number_that_no_integer_holds_is_named(tmp_path):
    """NumPy 2.0 takes it for the highest that one holds."""
    path = write_table(tmp_path / "set.csv", HEADER, changed(0, 2, "9" * 30))
    message = r"line 2: pixel1: expected a whole number( of 0 to 255)?, found '9{30}'"
    with pytest.raises(idx.IdxError, match=message):
        read(path)


def test_a_column_of_a_file_without_names_has_a_number(tmp_path):
    path = write_table(tmp_path / "set.csv", "", changed(0, 2, "x"))
    with pytest.raises(idx.IdxError, match=r"line 1: column 3: expected .* found 'x'"):
        read(path, no_header=True)


def test_another_shape_than_the_pixels_have_is_named(tmp_path):
    path = write_table(tmp_path / "set.csv", HEADER, ROWS)
    with pytest.raises(idx.IdxError, match=r"pixels: expected 2 x 4, found 9\. Mend"):
        read(path, shape=(2, 4))


def test_two_files_of_different_sizes_are_named(tmp_path):
    train = write_table(tmp_path / "train.csv", HEADER, ROWS)
    small = table_of(IMAGES[:, :2, :2], LABELS)
    test = write_table(tmp_path / "test.csv", *small)
    with pytest.raises(idx.IdxError) as caught:
        read(train, test)
    assert str(caught.value) == (
        f"{test}: columns: expected 9 of pixels as in {train}, found 4."
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"label,pixel0\n\xff,1\n", "line 2: expected UTF-8, found the byte 0xff"),
        (b'label,pixel0\n"a,1\n', "line 2: expected a row of CSV, found an error"),
        (b"\x1f\x8b damaged file", "gzip header: expected a valid one"),
    ],
    ids=["no UTF-8", "an open quote", "a damaged gzip file"],
)
def test_what_is_no_text_is_named(tmp_path, data, message):
    path = tmp_path / "set.csv"
    path.write_bytes(data)
    with pytest.raises(idx.IdxError, match=message):
        read(path)
