"""Parquet files as Hugging Face has them: in right, or refused in a line."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as pq

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import forms
from mnist_idx_tfds.sources.options import Options

NAMES = ["cat", "dog"]
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
}


def png(level):
    stream = io.BytesIO()
    Image.fromarray(np.full((3, 2), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def images(levels):
    return [{"bytes": png(level), "path": f"{level}.png"} for level in levels]


def write(path, columns, features=FEATURES):
    """Writes a file, in row groups of two rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features is not None:
        text = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": text})
    pq.write_table(table, path, row_group_size=2)


def found(path, **flags):
    source = forms.open_source(path, Options(**flags))
    items = [(int(i.pixels[0, 0]), i.label, i.split) for i in source.items]
    assert source.total == len(items)
    return items, source


def shards(root):
    for name, levels, labels in (
        ("train-00000-of-00002", [1, 2, 3], [0, 1, 0]),
        ("train-00001-of-00002", [4], [1]),
        ("validation-00000-of-00001", [5], [1]),
        ("test-00000-of-00001", [6, 7], [1, 0]),
    ):
        write(root / f"{name}.parquet", {"image": images(levels), "label": labels})


SHARDS = [
    *((6, "dog", "test"), (7, "cat", "test")),
    *((1, "cat", "train"), (2, "dog", "train"), (3, "cat", "train")),
    *((4, "dog", "train"), (5, "dog", "valid")),
]


@pytest.mark.parametrize("folder", ["", "data", "default"])
def test_a_folder_of_shards_is_a_set(tmp_path, folder):
    shards(tmp_path / folder)
    (tmp_path / "README.md").write_text("---\n")
    items, source = found(tmp_path)
    assert items == SHARDS
    assert source.names == NAMES


def test_parts_may_be_folders(tmp_path):
    write(tmp_path / "train" / "0000.parquet", {"image": images([1]), "label": [0]})
    write(tmp_path / "test" / "0000.parquet", {"image": images([2]), "label": [1]})
    assert found(tmp_path)[0] == [(2, "dog", "test"), (1, "cat", "train")]


def test_one_file_has_no_split(tmp_path):
    path = tmp_path / "set.parquet"
    write(path, {"image": images([1, 2]), "label": [0, 1]})
    items, source = found(path)
    assert items == [(1, "cat", ""), (2, "dog", "")]
    assert source.notes == (f"{path}: pictures by 'image', classes by 'label'",)
    write(path, {"image": images([1, 2]), "label": [0, 1], "split": ["train", "test"]})
    assert [split for _, _, split in found(path)[0]] == ["train", "test"]


@pytest.mark.parametrize(
    ("columns", "features", "flags", "labels"),
    [
        ({"image": [png(1), png(2)], "label": ["a", "b"]}, None, {}, ["a", "b"]),
        ({"img": images([1, 2]), "kind": [3, 4]}, None, {}, ["3", "4"]),
        (
            {"image": images([1, 2]), "fine": [0, 1], "coarse": [1, 1]},
            {
                "image": {"_type": "Image"},
                "fine": {"names": NAMES, "_type": "ClassLabel"},
                "coarse": {"names": NAMES, "_type": "ClassLabel"},
            },
            {"label_column": "fine"},
            NAMES,
        ),
        (
            {
                "image": images([1, 2]),
                "label": pa.array(["a", "b"]).dictionary_encode(),
            },
            None,
            {},
            ["a", "b"],
        ),
        (
            {"image": images([1, 2]), "label": [True, False]},
            None,
            {},
            ["True", "False"],
        ),
    ],
    ids=["bytes alone", "one column left", "a chosen column", "a dictionary", "yes"],
)
def test_other_columns(tmp_path, columns, features, flags, labels):
    path = tmp_path / "set.parquet"
    write(path, columns, features)
    assert [label for _, label, _ in found(path, **flags)[0]] == labels


def test_a_picture_may_be_beside_the_file(tmp_path):
    (tmp_path / "7.png").write_bytes(png(7))
    columns = {"image": [{"bytes": None, "path": "7.png"}], "label": [0]}
    write(tmp_path / "set.parquet", columns)
    assert found(tmp_path)[0] == [(7, "cat", "")]


def test_a_part_without_labels_is_said(tmp_path):
    write(tmp_path / "train-0.parquet", {"image": images([1, 2]), "label": [0, 1]})
    write(tmp_path / "test-0.parquet", {"image": images([3]), "label": [-1]})
    items, source = found(tmp_path)
    assert [level for level, _, _ in items] == [1, 2]
    test = tmp_path / "test-0.parquet"
    assert f"{test}: 1 of test have no label, left out" in source.notes


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "set.parquet"
    write(path, {"image": [{"bytes": b"x", "path": "a"}], "label": [0]})
    (error,) = forms.open_source(path, Options()).items
    assert str(error).startswith(f"{path}: row 0: image: expected a readable picture")


@pytest.mark.parametrize(
    ("columns", "features", "message"),
    [
        (
            {"image": images([1]), "label": [2]},
            FEATURES,
            "row 0: label: expected 0 to 1, found 2",
        ),
        (
            {"image": images([1]), "label": [None]},
            FEATURES,
            "row 0: label: expected a class, found nothing",
        ),
        (
            {"image": images([1]), "a": [1], "b": [2]},
            None,
            "columns: expected one column named like 'label', found a, b",
        ),
        (
            {"text": ["x"], "label": [1]},
            None,
            r"columns: expected one of pictures, with their bytes, found text \(string\)",
        ),
        (
            {"image": images([1]), "mask": images([1]), "label": [1]},
            None,
            "columns: expected one of pictures, with their bytes, found image, mask",
        ),
        (
            {"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())},
            None,
            "rows: expected at least one image, found none",
        ),
    ],
)
def test_what_a_file_has_wrong_is_named(tmp_path, columns, features, message):
    write(tmp_path / "set.parquet", columns, features)
    with pytest.raises(idx.IdxError, match=message):
        found(tmp_path / "set.parquet")


def test_other_classes_in_another_file_are_named(tmp_path):
    other = {"label": {"names": ["x", "y"], "_type": "ClassLabel"}}
    write(tmp_path / "train.parquet", {"image": images([1]), "label": [0]})
    columns = {"image": images([1]), "label": [0]}
    write(tmp_path / "test.parquet", columns, FEATURES | other)
    with pytest.raises(
        idx.IdxError, match=r"labels: expected the classes of .*, found"
    ):
        found(tmp_path)


def test_two_sets_in_a_folder_are_named(tmp_path):
    shards(tmp_path / "a")
    shards(tmp_path / "b")
    message = "expected one set, found a, b. Give one of these folders"
    with pytest.raises(idx.IdxError, match=message):
        found(tmp_path)
    assert found(tmp_path / "a")[0] == SHARDS


def test_a_file_that_is_not_there_yet_is_missed(tmp_path):
    shards(tmp_path)
    (tmp_path / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(
        idx.IdxError, match=r"expected 2 files, found 1\. Get the others"
    ):
        found(tmp_path)


@pytest.mark.parametrize(
    "change", [lambda data: data[: len(data) // 2], lambda data: b"<html></html>"]
)
def test_what_is_no_parquet_file_is_named(tmp_path, change):
    path = tmp_path / "set.parquet"
    write(path, {"image": images([1]), "label": [0]})
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(idx.IdxError, match="expected a Parquet file, found an error"):
        found(path)
