"""Pictures of all formats with bytes changed: read, or refused in one line."""

import random

import numpy as np
import pytest
from mutations import mutated
from PIL import Image

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import reading

_PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 4), np.uint8)
_GRAY = Image.fromarray(_PIXELS[..., 0])
_FORMATS = {
    "png": (_GRAY, {}),
    "rgba.png": (Image.fromarray(_PIXELS), {}),
    "apng.png": (_GRAY, {"save_all": True, "append_images": [_GRAY.rotate(180)]}),
    "16.png": (Image.fromarray(_PIXELS.view(np.uint32)[..., 0].astype(np.uint16)), {}),
    "jpg": (_GRAY, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    "gif": (_GRAY, {"save_all": True, "append_images": [_GRAY.rotate(180)]}),
    "tif": (_GRAY, {"save_all": True, "append_images": [_GRAY.rotate(180)]}),
    "lzw.tif": (_GRAY, {"compression": "tiff_lzw"}),
    "bmp": (_GRAY, {}),
    "webp": (_GRAY, {"lossless": True}),
    "ppm": (_GRAY, {}),
    "ico": (_GRAY, {"sizes": [(8, 9)]}),
}


@pytest.mark.parametrize("name", _FORMATS)
def test_a_changed_picture_is_read_or_refused_in_a_line(tmp_path, name):
    image, how = _FORMATS[name]
    image.save(tmp_path / f"true.{name}", **how)
    true = (tmp_path / f"true.{name}").read_bytes()
    chance = random.Random(name)
    files = [(f"{n}", mutated(true, chance) if n else true) for n in range(250)]
    found = list(reading.read_all(files, (4, 4)))
    assert isinstance(found[0], reading.Read)
    for read in found:
        if isinstance(read, idx.IdxError):
            assert str(read).isprintable()
        else:
            assert {page.shape for page in read.pages} == {(4, 4)}
