"""The IDX file format: one array a file, plain or gzip-compressed.

All integers are big-endian: two zero bytes, a type code, the rank (number of
dimensions), one uint32 a dimension, then the values in row-major order. The first
dimension counts the items, one image or one label each.

Source: Yann LeCun, "The MNIST database", section "The IDX file format".
"""

from mnist_idx_tfds.idx.format import (
    DTYPES,
    TYPE_NAMES,
    Header,
    IdxError,
    PathLike,
    error,
    magic_name,
    per_chunk,
    unreadable,
)
from mnist_idx_tfds.idx.reading import (
    changed,
    check,
    load,
    open_memmap,
    opened,
    read,
    read_header,
    read_range,
    read_verified,
)
from mnist_idx_tfds.idx.writing import save, write
