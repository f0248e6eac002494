"""True tiny sources of `pack`, written by hand where a format is plain text."""

import gzip
import pathlib

import numpy as np
from PIL import Image


def save_picture(path: pathlib.Path, pixels: np.ndarray) -> None:
    """Writes a PNG, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, "PNG")


def write_table(
    path: pathlib.Path, header: str, rows: list[list[object]], between: str = ","
) -> pathlib.Path:
    """Writes a CSV file, gzip if its name says so; returns its path."""
    lines = [between.join(map(str, row)) for row in rows]
    text = "".join(f"{line}\n" for line in ([header] if header else []) + lines)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def table_of(
    images: np.ndarray, labels: list[object]
) -> tuple[str, list[list[object]]]:
    """Returns header and rows of `label,pixel0,...` as Kaggle has them."""
    flat = images.reshape(len(images), -1)
    header = ",".join(["label", *(f"pixel{n}" for n in range(flat.shape[1]))])
    rows = [[label, *row] for label, row in zip(labels, flat.tolist(), strict=True)]
    return header, rows
