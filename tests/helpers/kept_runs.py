"""What a run has left in its work directory."""

import json
import pathlib
from typing import Any

import numpy as np


def records(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the records of its metrics."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def bits(workdir: pathlib.Path) -> list[bytes]:
    """Returns all bits of its checkpoint."""
    with np.load(workdir / "checkpoint.npz") as file:
        return [file[name].tobytes() for name in file.files]
