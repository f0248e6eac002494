"""True tiny IDX files and sets, and bytes with one named fault each.

Headers and gzip members are packed here by hand, and decoded by hand again, from the
descriptions of the formats: the reader and its tests cannot share a mistake.
"""

import dataclasses
import math
import pathlib
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
_DTYPES = {code: np.dtype(dtype) for dtype, code in CODES.items()}


def header(code: int, *sizes: int, rank: int | None = None, order: str = ">") -> bytes:
    """Packs a header; `order` "<" packs it the wrong way around."""
    magic = code << 8 | (len(sizes) if rank is None else rank)
    return struct.pack(f"{order}{1 + len(sizes)}I", magic, *sizes)


def encode(array: np.ndarray, dtype: str = "u1") -> bytes:
    """Returns the bytes of a plain IDX file."""
    return header(CODES[dtype], *array.shape) + array.astype(dtype).tobytes()


def gzip_member(
    data: bytes,
    *,
    method: int = 8,
    flags: int = 0,
    fields: bytes = b"",
    crc: int | None = None,
    length: int | None = None,
) -> bytes:
    """Packs a gzip member; `fields` are what `flags` announce before the data."""
    start = struct.pack("<2sBBIBB", b"\x1f\x8b", method, flags, 0, 0, 255)
    body = zlib.compress(data, wbits=-zlib.MAX_WBITS)
    crc = zlib.crc32(data) if crc is None else crc
    end = struct.pack("<II", crc, len(data) if length is None else length)
    return start + fields + body + end


def decode(data: bytes) -> np.ndarray | None:
    """Returns the array in the bytes of an IDX file, None if they are not one."""
    try:
        if data[:2] == b"\x1f\x8b":
            data = b"".join(_gunzip(data))
        zeros, code, rank = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{rank}I", data, 4)
        dtype = _DTYPES[code]
    except (struct.error, zlib.error, KeyError, ValueError):
        return None
    values = data[4 + 4 * rank :]
    if zeros or not 1 <= rank <= 32 or 0 in shape:
        return None
    if len(values) != math.prod(shape) * dtype.itemsize:
        return None
    return np.frombuffer(values, dtype).reshape(shape)


def _gunzip(data: bytes) -> Iterator[bytes]:
    """Yields each member's data, by RFC 1952 as lenient as gzip itself is."""
    while data:
        magic, method, flags = struct.unpack_from("<2sBB", data)
        if magic != b"\x1f\x8b" or method != 8:
            raise ValueError("not a gzip member")
        start = 10
        if flags & 4:  # Extra field.
            start += 2 + struct.unpack_from("<H", data, start)[0]
        for flag in (8, 16):  # File name and comment.
            if flags & flag:
                start = data.index(b"\0", start) + 1
        if flags & 2:  # CRC of the header, which gzip does not verify.
            start += 2
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        values = inflate.decompress(data[start:])
        if struct.unpack_from("<II", inflate.unused_data) != (
            zlib.crc32(values),
            len(values),
        ):
            raise ValueError("CRC or length")
        yield values
        data = inflate.unused_data[8:].lstrip(b"\0")  # Zeros may follow a member.


def write_set(
    folder: pathlib.Path,
    *,
    train: int = 10,
    test: int = 6,
    shape: tuple[int, ...] = (4, 3),
    num_classes: int = 10,
    label_dtype: str = "u1",
    test_name: str = "t10k",
    separator: str = "-",
    suffix: str = ".gz",
    seed: int = 0,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Writes the four files of a random set, returns images and labels by split.

    The highest label is in both splits.
    """
    rng = np.random.default_rng(seed)
    made = {}
    for split, count in (("train", train), ("test", test)):
        images = rng.integers(0, 256, (count, *shape), np.uint8)
        made[split] = images, (num_classes - 1 - np.arange(count)) % num_classes
    write_arrays(folder, made, label_dtype, test_name, separator, suffix)
    return made


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Light bars at three heights on dark noise, and their labels."""
    labels = np.arange(count) % 3
    images = np.random.default_rng(seed).integers(0, 60, (count, 16, 16), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[5 * label + 1 : 5 * label + 4, 2:14] = 220
    return images, labels


def write_arrays(
    folder: pathlib.Path,
    arrays: dict[str, tuple[np.ndarray, np.ndarray]],
    label_dtype: str = "u1",
    test_name: str = "t10k",
    separator: str = "-",
    suffix: str = ".gz",
) -> None:
    """Writes images and labels by split, "train" and "test", as the four files."""
    folder.mkdir(parents=True, exist_ok=True)
    pack = gzip_member if suffix else bytes
    for split, prefix in (("train", "train"), ("test", test_name)):
        images, labels = arrays[split]
        for kind, array, dtype in (
            ("images", images, "u1"),
            ("labels", labels, label_dtype),
        ):
            name = f"{prefix}-{kind}{separator}idx{array.ndim}-ubyte{suffix}"
            (folder / name).write_bytes(pack(encode(array, dtype)))


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and what the reader says about it.

    Attributes:
      name: the fault in a few words.
      make: from a true file's bytes, not compressed, to those of the faulty file.
      says: the message without the path: field, expected, found and likely cause.
      file: the file that the message names, of a set by `write_set`.
    """

    name: str
    make: Callable[[bytes], bytes]
    says: str
    file: str = TRAIN_IMAGES


# What the faults are of. The first pixels, read as one dimension more, are 66051.
IMAGES = np.arange(120, dtype=np.uint8).reshape(10, 4, 3)

_AGAIN = "Is it a partial or damaged download? Get the file again."
_BYTES = "Its third byte must be a type (08, 09, 0b to 0e), its fourth 1 to 32."
_LONG = "found more than that. Is its header wrong, or was something appended?"
_OTHER = "of another format; is it the right file?"
_SHORT = "Is it a partial download, or is its header wrong?"
_TEXT = "This is text, not data: open it and see what it says."
_WEB = "This is a web page, not data: the link or login it came from failed."
_MAX = 2**32 - 1
_PAGE = b"<!DOCTYPE html>\n<html><body>Please log in.</body></html>\n"
_PAYLOAD = "payload: expected 120 bytes (10 x 4 x 3),"


def _magic(name: str, data: bytes, found: str, hint: str) -> Fault:
    """Returns a fault that the first bytes show, whatever should be there."""
    expected = "0x00000803 for images, 0x00000801 for labels, or the like"
    says = f"magic number: expected {expected}, found {found}. {hint}"
    return Fault(name, lambda _: data, says)


def _sizes(name: str, *sizes: int, says: str = f"found 120. {_SHORT}") -> Fault:
    """Returns the fault that a header with these sizes is before the true pixels."""
    # A size more than three is the first of the pixels.
    head = header(8, *sizes[:3], rank=len(sizes))
    expected = f"{math.prod(sizes)} bytes ({' x '.join(map(str, sizes))})"
    says = f"payload: expected {expected}, {says}"
    return Fault(name, lambda true: head + true[16:], says)


def _zero(name: str, *sizes: int) -> Fault:
    found = f"0 in {' x '.join(map(str, sizes))}"
    says = f"dimension {sizes.index(0)}: expected at least 1, found {found}."
    data = header(8, *sizes)
    return Fault(name, lambda _: data, f"{says} The file has no data.")


def _cut(name: str, end: int) -> Fault:
    """Returns the fault that a gzip file ends there."""
    found = f"the end of the file after {len(gzip_member(encode(IMAGES))[:end])} bytes"
    says = f"gzip stream: expected its end marker, found {found}. {_AGAIN}"
    return Fault(name, lambda true: gzip_member(true)[:end], says)


HEADER_FAULTS = [
    _magic("first byte", b"\1\0\x08\3", "0x01000803", f"This is data {_OTHER}"),
    _magic("second byte", b"\0\1\x08\3", "0x00010803", f"This is data {_OTHER}"),
    _magic("type code", header(0x0A, 10, 4, 3), "0x00000a03", _BYTES),
    _magic("rank 0", header(8) + bytes(9), "0x00000800 (ubyte, rank 0)", _BYTES),
    _magic("rank 33", header(8, *[1] * 33), "0x00000821 (ubyte, rank 33)", _BYTES),
    _magic(
        "little-endian header",
        header(8, 10, 4, 3, order="<") + bytes(120),
        "0x03080000",
        "It is written little-endian; IDX is big-endian.",
    ),
    _sizes(
        "little-endian sizes",
        *(10 << 24, 4 << 24, 3 << 24),
        says="found 120. Its dimensions look little-endian; IDX is big-endian.",
    ),
    _sizes("rank too low", 10, 4, says=_LONG),
    _sizes("rank too high", 10, 4, 3, 66051, says=f"found 116. {_SHORT}"),
    Fault(
        "type too wide",
        lambda true: header(14, 10, 4, 3) + true[16:],
        f"payload: expected 960 bytes (10 x 4 x 3), found 120. {_SHORT}",
    ),
    _zero("no items", 0, 4, 3),
    _zero("no rows", 10, 0, 3),
    _zero("no columns", 10, 4, 0),
    _sizes("one item too many", 11, 4, 3),
    _sizes("one row too many", 10, 5, 3),
    _sizes("one column too many", 10, 4, 4),
    _sizes("one item too few", 9, 4, 3, says=_LONG),
    _sizes("one row too few", 10, 3, 3, says=_LONG),
    _sizes("one column too few", 10, 4, 2, says=_LONG),
    _sizes("2^31 items", 2**31, 4, 3),
    _sizes("2^31 rows", 10, 2**31, 3),
    _sizes("2^31 columns", 10, 4, 2**31),
    _sizes("2^32 - 1 items", _MAX, 4, 3),
    _sizes("2^32 - 1 of all", _MAX, _MAX, _MAX),
]

LENGTH_FAULTS = [
    _magic("empty", b"", "an empty file", _AGAIN),
    _magic("cut in the magic number", bytes(3), "0x000000", _AGAIN),
    Fault(
        "cut in the dimensions",
        lambda true: true[:7],
        f"dimensions: expected 12 bytes, found 3. {_AGAIN}",
    ),
    Fault(
        "cut after the header",
        lambda true: true[: 4 + 4 * true[3]],
        f"{_PAYLOAD} found 0. {_SHORT}",
    ),
    Fault(
        "last byte missing", lambda true: true[:-1], f"{_PAYLOAD} found 119. {_SHORT}"
    ),
    Fault("one byte more", lambda true: true + b"\n", f"{_PAYLOAD} {_LONG}"),
    Fault("twice", lambda true: true + true, f"{_PAYLOAD} {_LONG}"),
]

GZIP_FAULTS = [
    _cut("gzip cut in its header", 3),
    _cut("gzip cut in its data", -9),
    _cut("gzip cut in its CRC", -7),
    _cut("gzip cut in its length", -1),
    Fault(
        "gzip method",
        lambda true: gzip_member(true, method=7),
        "gzip header: expected a valid one, found unknown compression method. "
        f"{_AGAIN}",
    ),
    Fault(
        "gzip data",
        lambda true: gzip_member(true)[:10] + b"\xff" * 200,
        f"gzip data: expected a valid stream, found damaged data. {_AGAIN}",
    ),
    Fault(
        "gzip CRC",
        lambda true: gzip_member(true, crc=zlib.crc32(true) ^ 1),
        f"gzip CRC: expected that of the data, found another. {_AGAIN}",
    ),
    Fault(
        "gzip length",
        lambda true: gzip_member(true, length=len(true) + 1),
        f"gzip length: expected that of the data, found another. {_AGAIN}",
    ),
    Fault(
        "garbage after gzip",
        lambda true: gzip_member(true) + b"garbage",
        "gzip stream: expected its end, found other bytes behind it. "
        "Something was appended to the gzip file; get it again.",
    ),
    Fault(
        "damaged second member",
        lambda true: gzip_member(true) + gzip_member(b"", crc=1),
        f"gzip CRC: expected that of the data, found another. {_AGAIN}",
    ),
    Fault(
        "second member with more values",
        lambda true: gzip_member(true) + gzip_member(b"more"),
        f"{_PAYLOAD} {_LONG}",
    ),
    Fault(
        "too few values in whole gzip",
        lambda true: gzip_member(true[:-1]),
        f"{_PAYLOAD} found 119. "
        "The gzip stream is whole, so its header is wrong or data was left out.",
    ),
    _magic("gzip of nothing", gzip_member(b""), "an empty file", _AGAIN),
]

OTHER_FORMATS = [
    _magic("web page", _PAGE, "0x3c21444f", _WEB),
    _magic("web page as gzip", gzip_member(_PAGE), "0x3c21444f", _WEB),
    _magic("web page with a BOM", b"\xef\xbb\xbf\r\n" + _PAGE, "0xefbbbf0d", _WEB),
    _magic("error in XML", b'<?xml version="1.0"?><Error/>', "0x3c3f786d", _WEB),
    _magic("error in JSON", b'{\n "error": "quota"\n}\n', "0x7b0a2022", _TEXT),
    _magic("error in words", b"404: Not Found", "0x3430343a", _TEXT),
    _magic("numbers as text", b"5,0,255\r\n4,0,0\r\n", "0x352c302c", _TEXT),
    _magic(
        "Git LFS pointer",
        b"version https://git-lfs.github.com/spec/v1\n",
        "0x76657273",
        "This is a Git LFS pointer: run git lfs pull.",
    ),
    _magic(
        "zip archive",
        b"PK\3\4" + bytes(30),
        "0x504b0304",
        "This is a zip archive: unpack it and use the files inside.",
    ),
    _magic(
        "NumPy file",
        b"\x93NUMPY\1\0v\0{'descr': '|u1'}",
        "0x934e554d",
        "This is a NumPy file: write it as IDX with mnist_idx_tfds.idx.save.",
    ),
    _magic(
        "compressed twice",
        gzip_member(gzip_member(encode(IMAGES))),
        "0x1f8b0800",
        "It is compressed twice: run gunzip on it once.",
    ),
    _magic("PNG image", b"\x89PNG\r\n", "0x89504e47", f"This is data {_OTHER}"),
    _magic(
        "tar archive as gzip",
        gzip_member(b"mnist/" + bytes(506)),
        "0x6d6e6973",
        f"This is gzip-compressed data {_OTHER}",
    ),
]

FAULTS = HEADER_FAULTS + LENGTH_FAULTS + GZIP_FAULTS + OTHER_FORMATS


def _replaced(
    name: str, file: str, array: np.ndarray, says: str, dtype: str = "u1"
) -> Fault:
    """Returns the fault that a true IDX file of this array is in the file's place."""
    data = gzip_member(encode(array, dtype))
    return Fault(name, lambda _: data, says, file)


_IMAGES_FIELD = "magic number: expected 0x00000803 (ubyte, rank 3), found"
_DIMENSIONS = "dimensions: expected images x height x width x 3, the colors last, found"
_LABELS_FIELD = "magic number: expected 0x00000801 (ubyte, rank 1), found"
_IMAGES = "Images must be unsigned bytes: gray, or of rank 4 with three colors last."
_INTEGERS = "Labels must be integers, one for each image."
_ONE_SET = "Are the two files from one set and one split?"
_TYPE = "Do the labels belong to these images, and is their type right?"

SET_FAULTS = [
    _replaced(
        "images given as labels",
        TRAIN_LABELS,
        np.zeros((10, 4, 3)),
        f"{_LABELS_FIELD} 0x00000803 (ubyte, rank 3). "
        "This is an image file; are images and labels swapped?",
    ),
    _replaced(
        "labels given as images",
        TEST_IMAGES,
        np.zeros(6),
        f"{_IMAGES_FIELD} 0x00000801 (ubyte, rank 1). "
        "This is a label file; are images and labels swapped?",
    ),
    _replaced(
        "color images beside gray ones",
        TEST_IMAGES,
        np.zeros((6, 4, 3, 3)),
        f"image size: expected 4 x 3 as in {TRAIN_IMAGES}, found 4 x 3 in color. "
        "Both splits need images of one size.",
    ),
    _replaced(
        "colors before the pixels",
        TRAIN_IMAGES,
        np.zeros((10, 3, 4, 4)),
        f"{_DIMENSIONS} 10 x 3 x 4 x 4. Write them as transposed by (0, 2, 3, 1).",
    ),
    _replaced(
        "images with transparency",
        TEST_IMAGES,
        np.zeros((6, 4, 3, 4)),
        f"{_DIMENSIONS} 6 x 4 x 3 x 4. {_IMAGES}",
    ),
    _replaced(
        "float images in color",
        TRAIN_IMAGES,
        np.zeros((10, 4, 3, 3)),
        f"{_IMAGES_FIELD} 0x00000d04 (float, rank 4). {_IMAGES}",
        dtype=">f4",
    ),
    _replaced(
        "float images",
        TEST_IMAGES,
        np.zeros((6, 4, 3)),
        f"{_IMAGES_FIELD} 0x00000d03 (float, rank 3). {_IMAGES}",
        dtype=">f4",
    ),
    _replaced(
        "rows of two labels",
        TRAIN_LABELS,
        np.ones((10, 2)),
        f"{_LABELS_FIELD} 0x00000802 (ubyte, rank 2), 10 x 2. Rows of labels must be "
        "one-hot, of one column, or those of QMNIST.",
    ),
    _replaced(
        "double labels",
        TEST_LABELS,
        np.zeros(6),
        f"{_LABELS_FIELD} 0x00000e01 (double, rank 1). {_INTEGERS}",
        dtype=">f8",
    ),
    _replaced(
        "test images of another size",
        TEST_IMAGES,
        np.zeros((6, 3, 4)),
        f"image size: expected 4 x 3 as in {TRAIN_IMAGES}, found 3 x 4. "
        "Both splits need images of one size.",
    ),
    _replaced(
        "test labels given for training",
        TRAIN_LABELS,
        np.zeros(6),
        f"label count: expected 10, one for each image in {TRAIN_IMAGES}, found 6. "
        f"{_ONE_SET}",
    ),
    _replaced(
        "one label too many",
        TEST_LABELS,
        np.zeros(7),
        f"label count: expected 6, one for each image in {TEST_IMAGES}, found 7. "
        f"{_ONE_SET}",
    ),
    _replaced(
        "negative label",
        TRAIN_LABELS,
        np.array([0, 1, 2, 3, 4, -1, 5, 6, 7, 8]),
        f"label: expected 0 to 65535, found -1. {_TYPE}",
        dtype="i1",
    ),
    _replaced(
        "little-endian labels",
        TEST_LABELS,
        np.arange(6) << 24,
        "byte order: expected big-endian labels, found 0 to 83886080. In little-endian "
        "byte order they are 0 to 5; IDX is big-endian. Save them with "
        "mnist_idx_tfds.idx.save.",
        dtype=">i4",
    ),
]
