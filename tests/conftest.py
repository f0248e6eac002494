"""Fixtures that several test files share."""

import os
import pathlib
import runpy
import sys

import pytest

# Before TensorFlow is imported, and for all processes that tests start: its results are
# the same everywhere, and workers do not share a GPU. The tests of one have it back.
VISIBLE_GPUS = os.environ.get("CUDA_VISIBLE_DEVICES")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


@pytest.fixture
def run_module(capsys, monkeypatch):
    """Runs `python -m` in this process; returns exit code, output and errors."""

    def run(module, *args):
        monkeypatch.setattr(sys, "argv", [module, *map(str, args)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        return caught.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def mnist_idx_dir() -> pathlib.Path:
    """The folder with the four published MNIST files."""
    folder = os.environ.get("MNIST_IDX_DIR")
    if not folder:
        pytest.skip("MNIST_IDX_DIR is not set to a folder of the four MNIST files")
    return pathlib.Path(folder).expanduser()


@pytest.fixture(scope="session")
def nothing_heavy(tmp_path_factory) -> pathlib.Path:
    """A path on which what takes long to import ends the program."""
    folder = tmp_path_factory.mktemp("path")
    for name in ("tensorflow", "tensorflow_datasets", "keras", "numpy", "PIL"):
        (folder / f"{name}.py").write_text("raise SystemExit('this takes seconds')")
    return folder
