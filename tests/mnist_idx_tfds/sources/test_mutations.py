"""Files of all forms with bytes changed: read, or refused in one line."""

import io
import random
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from mutations import mutated
from pyarrow import parquet
from source_files import save_picture

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import forms
from mnist_idx_tfds.sources.options import Options

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 2, 2), np.uint8)
ROWS = IMAGES.reshape(3, 4).tolist()
PICTURES = "file,label,split\n0.png,a,train\n1.png,b,train\n2.png,é,test\n"


def npz(how):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as file:
        for name, array in (
            *(("x_train", IMAGES), ("y_train", np.array([0, 1, 2]))),
            *(("x_test", np.asfortranarray(IMAGES)), ("y_test", np.array([*"abc"]))),
        ):
            data = io.BytesIO()
            np.save(data, array)
            file.writestr(f"{name}.npy", data.getvalue())
    return stream.getvalue()


def table():
    """A Parquet file of two pictures that are none, and one beside it."""
    images = [{"bytes": b"x", "path": "x"}] * 2 + [{"bytes": None, "path": "0.png"}]
    columns = {"image": images, "label": [0, 1, 0], "split": ["train", "test", "val"]}
    names = b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a","b"]}}}}'
    stream = io.BytesIO()
    made = pa.table(columns).replace_schema_metadata({"huggingface": names})
    parquet.write_table(made, stream)
    return stream.getvalue()


TRUE = {
    "pixels.csv": "label,p0,p1,p2,p3\n"
    + "".join(f"{n},{','.join(map(str, row))}\n" for n, row in enumerate(ROWS)),
    "cell.csv": "emotion,pixels,Usage\n"
    + "".join(f'{n},"{" ".join(map(str, row))}",Test\n' for n, row in enumerate(ROWS)),
    "pictures.csv": PICTURES,
    "utf-16.csv": PICTURES.encode("utf-16"),
    "one-hot.csv": "image,A,B\n0,1.0,0.0\n1,0.0,1.0\n2,1,0\n",
    "list.txt": "0.png a\n1.png b\n2.png a\n",
    "stored.npz": npz(zipfile.ZIP_STORED),
    "deflated.npz": npz(zipfile.ZIP_DEFLATED),
    "lzma.npz": npz(zipfile.ZIP_LZMA),
    "bzip2.npz": npz(zipfile.ZIP_BZIP2),
    "set.parquet": table(),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_changed_file_is_read_or_refused_in_a_line(tmp_path, name):
    true = TRUE[name] if isinstance(TRUE[name], bytes) else TRUE[name].encode()
    for n, image in enumerate(IMAGES):
        save_picture(tmp_path / f"{n}.png", image)
    path = tmp_path / name
    chance = random.Random(name)
    read, refused = 0, []
    for number in range(250):
        path.write_bytes(mutated(true, chance) if number else true)
        try:
            for item in forms.open_source(path, Options()).items:
                assert isinstance(item, idx.IdxError) or item.pixels.dtype == np.uint8
            read += 1
        except idx.IdxError as e:
            refused.append(str(e))
    assert read
    assert refused
    assert [line for line in refused if not line.isprintable()] == []
