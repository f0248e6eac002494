"""`tfds build` as its users run it: in a process, from several folders."""

import json
import os
import pathlib
import subprocess
import sys

import processes
import pytest
import tensorflow_datasets as tfds
from idx_files import write_set

ROOT = pathlib.Path(__file__).parents[2]
TFDS = pathlib.Path(sys.executable).with_name("tfds")


def rebuild(*args, data_dir):
    """Does as `build` in the root, sooner."""
    main = "tensorflow_datasets.scripts.cli.main"
    return processes.forked(main, "build", *args, f"--data_dir={data_dir}")


def build(*args, cwd, data_dir):
    return subprocess.run(
        [TFDS, "build", *args, f"--data_dir={data_dir}"],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def built(data_dir):
    """Returns the number of examples by data set and split."""
    folders = [path.parent for path in data_dir.rglob("dataset_info.json")]
    return {
        info.full_name: {
            name: split.num_examples for name, split in info.splits.items()
        }
        for info in (tfds.builder_from_directory(folder).info for folder in folders)
    }


FEW = "--max_examples_per_split=9"


@pytest.mark.parametrize(
    ("args", "folder", "examples"),
    [
        pytest.param(["mnist_idx_tfds"], ".", (60_000, 10_000), id="from the root"),
        pytest.param([FEW], "mnist_idx_tfds", (9, 9), id="bare, inside the folder"),
        pytest.param(
            ["mnist_idx_tfds", "--imports=mnist_idx_tfds", FEW],
            None,
            (9, 9),
            id="from anywhere",
        ),
    ],
)
def test_builds_mnist_and_nothing_else(mnist_idx_dir, tmp_path, args, folder, examples):
    cwd = ROOT / folder if folder else tmp_path
    result = build(
        *args, f"--manual_dir={mnist_idx_dir}", cwd=cwd, data_dir=tmp_path / "data"
    )
    assert result.returncode == 0, result.stderr
    expected = dict(zip(("train", "test"), examples, strict=True))
    assert built(tmp_path / "data") == {"mnist_idx_tfds/mnist/1.0.0": expected}


def config(name, idx_dir):
    return "--config=" + json.dumps({"name": name, "idx_dir": str(idx_dir)})


def test_builds_a_folder_given_as_json(tmp_path):
    write_set(tmp_path / "set", train=9, test=4, num_classes=3)
    args = ("mnist_idx_tfds", config("letters", tmp_path / "set"))
    result = build(*args, cwd=ROOT, data_dir=tmp_path / "data")
    assert result.returncode == 0, result.stderr
    expected = {"train": 9, "test": 4}
    assert built(tmp_path / "data") == {"mnist_idx_tfds/letters/1.0.0": expected}
    write_set(tmp_path / "set", train=8, test=4, num_classes=3)
    refused = rebuild(*args, data_dir=tmp_path / "data")
    assert refused.returncode != 0
    assert "SHA-256" in refused.stderr.splitlines()[-1]
    again = rebuild(*args, "--overwrite", data_dir=tmp_path / "data")
    assert again.returncode == 0, again.stderr
    expected = {"train": 8, "test": 4}
    assert built(tmp_path / "data") == {"mnist_idx_tfds/letters/1.0.0": expected}


def test_a_bad_file_is_the_last_line_and_leaves_nothing_behind(tmp_path):
    write_set(tmp_path / "set")
    path = tmp_path / "set" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"garbage")
    args = ("mnist_idx_tfds", config("bad", tmp_path / "set"))
    result = rebuild(*args, data_dir=tmp_path / "data")
    assert result.returncode != 0
    expected = f"{path}: gzip stream: expected its end, found other bytes behind it."
    assert expected in result.stderr.splitlines()[-1]
    assert built(tmp_path / "data") == {}
    assert not list((tmp_path / "data").rglob("*tfrecord*"))
