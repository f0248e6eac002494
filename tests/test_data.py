"""Finding or building the data set of a run."""

import shutil

import pytest
from idx_files import write_set

from trainer import data
from trainer.errors import TrainerError

CHECKED = ["train", "test"]


def count(builder):
    return {split: builder.info.splits[split].num_examples for split in CHECKED}


def test_a_folder_is_built_on_first_use_and_then_reused(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    first = data.prepare(tmp_path / "data", None, tmp_path / "set")
    files = sorted((tmp_path / "data").rglob("*.tfrecord*"))
    times = [path.stat().st_mtime_ns for path in files]
    second = data.prepare(tmp_path / "data", None, tmp_path / "set")
    assert first.data_dir == second.data_dir
    assert [path.stat().st_mtime_ns for path in files] == times
    assert count(second) == {"train": 9, "test": 4}


def test_a_folder_whose_files_changed_is_built_anew(tmp_path):
    write_set(tmp_path / "set", train=9, test=4)
    first = data.prepare(tmp_path / "data", None, tmp_path / "set")
    write_set(tmp_path / "set", train=8, test=4)
    second = data.prepare(tmp_path / "data", None, tmp_path / "set")
    assert count(second) == {"train": 8, "test": 4}
    assert first.is_prepared()


def test_a_folder_whose_names_changed_is_built_anew(tmp_path):
    write_set(tmp_path / "set", train=9, test=4, num_classes=2)
    first = data.prepare(tmp_path / "data", None, tmp_path / "set")
    (tmp_path / "set" / "labels.txt").write_text("cat\ndog\n")
    second = data.prepare(tmp_path / "data", None, tmp_path / "set")
    assert first.info.features["label"].names == ["0", "1"]
    assert second.info.features["label"].names == ["cat", "dog"]


def test_another_folder_of_the_same_name_is_another_data_set(tmp_path):
    write_set(tmp_path / "a" / "set", train=9, test=4)
    write_set(tmp_path / "b" / "set", train=9, test=4, seed=1)
    first = data.prepare(tmp_path / "data", None, tmp_path / "a" / "set")
    second = data.prepare(tmp_path / "data", None, tmp_path / "b" / "set")
    assert first.data_dir != second.data_dir


def test_a_moved_folder_is_the_same_data_set(tmp_path):
    write_set(tmp_path / "a" / "set", train=9, test=4)
    first = data.prepare(tmp_path / "data", None, tmp_path / "a" / "set")
    shutil.move(tmp_path / "a", tmp_path / "b")
    second = data.prepare(tmp_path / "data", None, tmp_path / "b" / "set")
    assert first.data_dir == second.data_dir


def test_any_folder_name_will_do(tmp_path):
    write_set(tmp_path / "my digits (ü)", train=9, test=4)
    builder = data.prepare(tmp_path / "data", None, tmp_path / "my digits (ü)")
    assert count(builder) == {"train": 9, "test": 4}


def test_a_manual_folder_without_the_files_is_an_error_that_names_them(tmp_path):
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    message = (
        "did not find t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-"
    )
    with pytest.raises(TrainerError, match=message):
        data.prepare(tmp_path / "data", tmp_path, None)
