"""Layouts of NumPy's files that people have: in right, or refused in a line."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from mnist_idx_tfds import idx, pack
from mnist_idx_tfds.sources import arrays, forms
from mnist_idx_tfds.sources.options import Options

RANDOM = np.random.default_rng(0)
X, U = (RANDOM.integers(0, 256, (n, 4, 4), np.uint8) for n in (6, 3))
X[0, 0, 0] = 255
Y, V = np.array([0, 1, 2, 0, 1, 2]), np.array([2, 1, 0])
ALL = [*zip(X.tolist(), "012012", strict=True)]
TEST = [*zip(U.tolist(), "210", strict=True)]


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(path, members, how=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", how) as file:
        for name, array in members.items():
            file.writestr(name, b"" if array is None else npy(array))


def found(path, **flags):
    """Pixels and labels by split, and notes."""
    source = forms.open_source(path, Options(**flags))
    splits = {}
    for item in source.items:
        splits.setdefault(item.split, []).append((item.pixels.tolist(), item.label))
    return splits, source.notes


SPLIT = {"train": ALL, "test": TEST}
# Arrays of `set.npz`, and what comes out.
NAMES = {
    "capital": ({"X_train": X, "Y_train": Y, "X_test": U, "Y_test": V}, SPLIT),
    "part first": ({"train_x": X, "train_y": Y, "test_x": U, "test_y": V}, SPLIT),
    "one word": ({"trainX": X, "trainY": Y, "testX": U, "testY": V}, SPLIT),
    "words": (
        {"train_data": X, "train_targets": Y, "test_data": U, "test_targets": V},
        SPLIT,
    ),
    "images and labels": ({"images": X, "labels": Y}, {"": ALL}),
    "x, y": ({"x": X, "y": Y, "x_test": U, "y_test": V}, SPLIT),
    "by number": ({"arr_0": X, "arr_1": Y}, {"": ALL}),
    "four by number": ({"arr_0": X, "arr_1": Y, "arr_2": U, "arr_3": V}, SPLIT),
    "four by number, split": ({"arr_0": X, "arr_1": U, "arr_2": Y, "arr_3": V}, SPLIT),
    "validation alone": (
        {"x_train": X, "y_train": Y, "x_val": U, "y_val": V},
        {"train": SPLIT["train"], "valid": SPLIT["test"]},
    ),
    "folders in it": (
        {"./x_train": X, "a/y_train": Y, "x_test": U, "y_test": V},
        SPLIT,
    ),
    "more beside": (
        {"x_train": X, "y_train": Y, "x_test": U, "y_test": V, "mean": np.zeros(3)},
        SPLIT,
    ),
    "one-hot": (
        {"x_train": X, "y_train": np.eye(3)[Y], "x_test": U, "y_test": np.eye(3)[V]},
        SPLIT,
    ),
    "rows": (
        {"x_train": X.reshape(6, 16), "y_train": Y, "x_test": U.reshape(3, 16)}
        | {"y_test": V},
        SPLIT,
    ),
    "colors first": (
        {"x_train": X[:, np.newaxis], "y_train": Y, "x_test": U[:, np.newaxis]}
        | {"y_test": V},
        SPLIT,
    ),
    "floats of bytes": (
        {"x_train": X - np.float32(0.25) * (X > 0), "y_train": Y}
        | {"x_test": np.float32(U), "y_test": V},
        SPLIT,
    ),
    "columns first": (
        {"x_train": np.asfortranarray(X), "y_train": Y, "x_test": U, "y_test": V},
        SPLIT,
    ),
    "sixteen bits": (
        {"x_train": np.uint16(X) * 257, "y_train": Y, "x_test": np.uint16(U) * 257}
        | {"y_test": V},
        SPLIT,
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_arrays_go_by_what_people_call_them(tmp_path, case):
    named, expected = NAMES[case]
    members = {f"{name}.npy": array for name, array in named.items()}
    archive(tmp_path / "set.npz", {"a/": None, **members})
    assert found(tmp_path / "set.npz")[0] == expected


@pytest.mark.parametrize("source", ["", "k49-test-labels.npz"])
def test_four_files_with_an_array_each_are_a_set(tmp_path, source):
    for name, array in (
        *(("train-imgs", X), ("train-labels", Y)),
        *(("test-imgs", U), ("test-labels", V)),
    ):
        archive(tmp_path / f"k49-{name}.npz", {"arr_0.npy": array})
    (tmp_path / "k49_classmap.csv").write_text("index,codepoint\n0,U+3042\n")
    assert found(tmp_path / source)[0] == SPLIT


def test_files_of_single_arrays_are_a_set(tmp_path):
    for name, array in (("x_train", X), ("y_train", Y), ("x_test", U), ("y_test", V)):
        np.save(tmp_path / f"{name}.npy", array)
    assert found(tmp_path)[0] == SPLIT


def test_rows_may_have_a_shape(tmp_path):
    members = {"x.npy": X.reshape(6, 16), "y.npy": Y}
    archive(tmp_path / "set.npz", members)
    images = found(tmp_path / "set.npz", shape=(2, 8))[0][""]
    assert [image for image, _ in images] == X.reshape(6, 2, 8).tolist()


def test_colors_that_come_first_are_kept(tmp_path):
    image = RANDOM.integers(0, 256, (1, 3, 5, 4), np.uint8)
    image[0, 0, 0, 0] = 200
    archive(tmp_path / "set.npz", {"x.npy": image, "y.npy": np.array([1])})
    ((pixels, _),) = found(tmp_path / "set.npz", color=True)[0][""]
    np.testing.assert_array_equal(pixels, image[0].transpose(1, 2, 0))


@pytest.mark.parametrize("white", [1, 4095, 65535])
def test_a_plain_range_is_scaled_and_said(tmp_path, white):
    image = np.array([[[0, white], [white, 0]]], np.uint16)
    archive(tmp_path / "set.npz", {"x.npy": image, "y.npy": np.array([1])})
    (images, notes) = found(tmp_path / "set.npz")
    assert images[""][0][0] == [[0, 255], [255, 0]]
    assert notes[-1].endswith(f"its pixels are of 0 to {white}, scaled to 0 to 255")


def test_a_range_is_that_of_all_parts(tmp_path):
    """Sixteen levels in one part are no dark bytes if another part is bright."""
    members = {"x_train": X // 16, "y_train": Y, "x_test": U, "y_test": V}
    np.savez(tmp_path / "set.npz", **members)
    assert found(tmp_path / "set.npz")[0]["test"] == TEST
    np.savez(tmp_path / "set.npz", **members | {"x_test": U // 16})
    with pytest.raises(idx.IdxError, match="found whole numbers of 0 to 15"):
        found(tmp_path / "set.npz")


def test_what_has_no_labels_is_said(tmp_path):
    members = {"x_train": X, "y_train": Y, "x_val": U, "x_test": U, "y_test": V}
    np.savez(tmp_path / "set.npz", **members, y_extra=V)
    images, notes = found(tmp_path / "set.npz")
    assert images == SPLIT
    path = tmp_path / "set.npz"
    assert notes == (
        f"{path}: x_val, 3 images, has no labels, and is left out",
        f"{path}: y_extra has no images, and is left out",
    )


def test_two_sets_in_a_folder_are_named(tmp_path):
    for name in ("k49", "kmnist"):
        archive(tmp_path / f"{name}-train-imgs.npz", {"arr_0.npy": X})
        archive(tmp_path / f"{name}-train-labels.npz", {"arr_0.npy": Y})
    message = "expected one set, found k49-train-imgs, kmnist-train-imgs. Give one of"
    with pytest.raises(idx.IdxError, match=message):
        found(tmp_path)
    assert found(tmp_path / "kmnist-train-imgs.npz")[0] == {"train": ALL}


def test_two_arrays_of_a_name_are_named(tmp_path):
    members = {"x_train.npy": X, "./x_train.npy": X, "y_train.npy": Y}
    archive(tmp_path / "set.npz", members)
    message = "expected one array named x_train, found x_train.npy and ./x_train.npy"
    with pytest.raises(idx.IdxError, match=message):
        found(tmp_path / "set.npz")


def test_columns_first_takes_no_more_memory(tmp_path, monkeypatch):
    """14.7 MB of images, of which the memory holds some at a time."""
    images = np.zeros((30, 700, 700), np.uint8, order="F")
    images[:, 5, 7] = range(200, 230)
    np.savez_compressed(tmp_path / "set.npz", x=images, y=np.zeros(30, int))
    monkeypatch.setattr(arrays, "_MOST_BYTES", 2 << 20)
    tracemalloc.start()
    try:
        source = forms.open_source(tmp_path / "set.npz", Options())
        levels = [int(item.pixels[5, 7]) for item in source.items]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert levels == [*range(200, 230)]
    assert peak < 10 << 20


def shaped(shape):
    """A file whose header lies."""
    data = npy(np.zeros((3, 4, 4), np.uint8))
    return data.replace(b"(3, 4, 4), ", shape.ljust(11).encode())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (shaped("(9**9,4,4),"), "the header of an array of NumPy"),
        (shaped("(99999,4,4)"), "expected an array of .*, found fewer bytes"),
        (shaped("(-3, 4, 4),"), "expected "),
        (npy(U)[:70], "the header of an array of NumPy"),
        (npy(U).replace(b"|u1", b"|V0"), "x.npy|array of numbers|header"),
    ],
)
def test_a_header_that_lies_is_named(tmp_path, data, message):
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as file:
        file.writestr("x.npy", data)
        file.writestr("y.npy", npy(V))
    with pytest.raises(idx.IdxError, match=message):
        found(tmp_path / "set.npz")


@pytest.mark.parametrize(
    "how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
def test_damage_of_any_compression_is_named(tmp_path, how):
    path = tmp_path / "set.npz"
    archive(path, {"x.npy": X, "y.npy": Y}, how)
    data = bytearray(path.read_bytes())
    data[60:120] = bytes(60)
    path.write_bytes(data)
    with pytest.raises(idx.IdxError, match=r"x: expected .*, found an error"):
        found(path)


def test_a_file_called_emnist_is_doubted(tmp_path):
    np.savez(tmp_path / "emnist.npz", x=X, y=Y)
    source = forms.open_source(tmp_path / "emnist.npz", Options())
    notes = pack.pack(source, tmp_path / "out").notes
    assert any("EMNIST as published is stored transposed" in note for note in notes)
