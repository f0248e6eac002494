"""Fixtures that several test files share."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def mnist_idx_dir() -> pathlib.Path:
    """The folder with the four published MNIST files."""
    folder = os.environ.get("MNIST_IDX_DIR")
    if not folder:
        pytest.skip("MNIST_IDX_DIR is not set to a folder of the four MNIST files")
    return pathlib.Path(folder).expanduser()
