"""Archives of NumPy as Keras and MedMNIST have them, and what is wrong with others."""

import io
import zipfile

import numpy as np
import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import npz

RANDOM = np.random.default_rng(0)
TRAIN, TEST = (RANDOM.integers(0, 256, (n, 4, 3), np.uint8) for n in (5, 3))
Y_TRAIN, Y_TEST = np.array([0, 1, 2, 0, 1], np.uint8), np.array([2, 1, 0], np.uint8)
KERAS = {"x_train": TRAIN, "y_train": Y_TRAIN, "x_test": TEST, "y_test": Y_TEST}
MEDMNIST = {
    "train_images": TRAIN[:3],
    "train_labels": Y_TRAIN[:3, np.newaxis],
    "val_images": TRAIN[3:],
    "val_labels": Y_TRAIN[3:, np.newaxis],
    "test_images": TEST,
    "test_labels": Y_TEST[:, np.newaxis],
}


@pytest.fixture
def saved(tmp_path):
    """Writes an archive of some arrays, with others in place of these."""

    def save(arrays=KERAS, /, write=np.savez_compressed, **others):
        arrays = {k: v for k, v in (arrays | others).items() if v is not None}
        write(tmp_path / "set.npz", **arrays)
        return tmp_path / "set.npz"

    return save


def read(path):
    """Images and labels by split."""
    source = npz.open_source(path)
    items = list(source.items)
    assert source.total == len(items)
    found = {
        part: [item for item in items if item.split in parts]
        for part, parts in (("train", ("train", "valid")), ("test", ("test",)))
    }
    return {
        part: (np.array([i.pixels for i in chosen]), [i.label for i in chosen])
        for part, chosen in found.items()
    }


def check(found, train=TRAIN, test=TEST):
    np.testing.assert_array_equal(found["train"][0], train)
    np.testing.assert_array_equal(found["test"][0], test)
    assert found["train"][1] == ["0", "1", "2", "0", "1"]
    assert found["test"][1] == ["2", "1", "0"]
    assert found["train"][0].dtype == np.uint8


@pytest.mark.parametrize("arrays", [KERAS, MEDMNIST], ids=["Keras", "MedMNIST"])
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_images_and_labels_are_read_in_their_order(saved, arrays, write):
    check(read(saved(arrays, write=write)))


def test_what_is_to_validate_is_of_a_part_of_its_own(saved):
    items = npz.open_source(saved(MEDMNIST)).items
    assert [item.split for item in items][:6] == ["train"] * 3 + ["valid"] * 2 + [
        "test"
    ]


def test_each_item_says_where_it_is(saved):
    path = saved(MEDMNIST)
    last = list(npz.open_source(path).items)[4]
    assert last.origin == "set.npz val_images[1]"
    assert last.path == f"{path}: val_images[1]"


def test_more_than_a_piece_is_read(saved):
    """Pieces are of 1 MiB."""
    large = np.zeros((3, 1000, 700), np.uint8)
    large[:, 0, 0] = [7, 8, 200]
    arrays = {
        "x_train": large,
        "x_test": large[:1],
        "y_train": [0, 1, 2],
        "y_test": [0],
    }
    images, _ = read(saved(arrays))["train"]
    np.testing.assert_array_equal(images, large)


@pytest.mark.parametrize(
    "change",
    [
        lambda images: np.asfortranarray(images),
        lambda images: images[..., np.newaxis],
        lambda images: np.repeat(images[..., np.newaxis], 3, axis=-1),
        lambda images: images.astype(">i4"),
        lambda images: images.astype(np.float64),
        lambda images: (images / 255).astype(np.float32),
    ],
    ids=["columns first", "a channel", "colors", "wide", "floats", "floats to 1"],
)
def test_other_forms_of_the_same_images(saved, change):
    check(read(saved(x_train=change(TRAIN), x_test=change(TEST))))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([7, -1, 7]), ["7", "-1", "7"]),
        (np.array([2.0, 1.0, 0.0]), ["2", "1", "0"]),
        (np.array([True, False, True]), ["1", "0", "1"]),
        (np.array(["cat", " dog", "cat"]), ["cat", "dog", "cat"]),
        (np.array([b"cat", "größe".encode(), b"x"]), ["cat", "größe", "x"]),
    ],
    ids=["integers", "floats", "booleans", "text", "bytes"],
)
def test_labels_are_numbers_or_words(saved, labels, expected):
    assert read(saved(y_test=labels))["test"][1] == expected


FOUND = "found x_train, x_test, y_test. "
NAMES = "arrays: expected x_train, y_train, x_test and y_test, or the like, "
SAVE = "Save them under these names, with numpy.savez_compressed."
SHAPES = "images, (n, height, width), with 1 or 3 channels, or rows"
OBJECTS = np.array([None] * 3, object)
PICKLE = "Such an array is a pickle, which may run any program: save numbers."


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"y_train": None}, f"{NAMES}{FOUND}{SAVE}"),
        (
            {"x_test": TEST[:2]},
            "y_test: expected 2 labels, one for each of x_test, found 3. "
            "Do images come last? Use numpy.moveaxis(images, -1, 0).",
        ),
        (
            {"y_test": OBJECTS},
            f"y_test: expected an array of numbers, found one of objects. {PICKLE}",
        ),
        (
            {"x_test": np.empty((3, 4, 3), object)},
            f"x_test: expected an array of numbers, found one of objects. {PICKLE}",
        ),
        (
            {"x_test": np.full((3, 4, 3), "7")},
            "x_test: expected an array of numbers, found one of str32.",
        ),
        ({"x_test": TEST[0, 0]}, f"x_test: expected {SHAPES}, found (3,)."),
        (
            {"x_test": TEST.reshape(3, 12)},
            "x_test: expected rows of as many pixels as squares have, found (3, 12). "
            "Say with --shape=HEIGHTxWIDTH which images these are, or save them as (n, "
            "height, width).",
        ),
        (
            {"x_test": np.zeros((3, 4, 3, 2))},
            f"x_test: expected {SHAPES}, found (3, 4, 3, 2).",
        ),
        ({"x_train": TRAIN[:0]}, f"x_train: expected {SHAPES}, found (0, 4, 3)."),
        (
            {"x_test": np.zeros((3, 5, 3), np.uint8)},
            "x_test: expected images as those of x_train, (4, 3), found (5, 3).",
        ),
        (
            {"x_test": TEST / 255},
            "x_test: expected uint8 as in x_train, found float64.",
        ),
        (
            {"y_test": np.tri(3)},
            "y_test: expected one label an image, (n,) or (n, 1), or a one in each row "
            "of zeros, found (3, 3) with others in row 1. "
            "Only classes that exclude each other can be packed.",
        ),
        (
            {"y_test": np.array(3)},
            "y_test: expected one label an image, (n,) or (n, 1), or one-hot ones, found "
            "().",
        ),
        (
            {"y_test": np.array([1, 1.5, 0])},
            "y_test[1]: expected a whole number, found 1.5.",
        ),
        (
            {"y_test": np.array([1, np.inf, 0])},
            "y_test[1]: expected a whole number, found inf.",
        ),
        (
            {"y_test": np.array([1e30, 2e30, 0])},
            "y_test[0]: expected a whole number, found 1e+30.",
        ),
        (
            {"y_test": np.array([97, 98, 0x110000], np.uint32).view("U1")},
            "y_test: expected text, found what is none. Save numbers.",
        ),
        (
            {"y_test": np.array(["a", "b", ""])},
            "y_test[2]: expected a label, found an empty one.",
        ),
    ],
)
def test_what_an_archive_has_wrong_is_named(saved, others, message):
    path = saved(**others)
    with pytest.raises(idx.IdxError) as caught:
        npz.open_source(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            TEST + np.where(np.arange(36) == 23, 256, 0).reshape(3, 4, 3),
            r"x_train, x_test: expected pixels of .*, found whole numbers of 0 to \d+\.",
        ),
        (
            TEST - np.full((3, 4, 3), 300),
            r"x_train, x_test: expected pixels of .*, found whole numbers of -300 to",
        ),
    ],
)
def test_a_pixel_out_of_range_is_named(saved, images, message):
    path = saved(x_train=TRAIN.astype(np.int64), x_test=images)
    with pytest.raises(idx.IdxError, match=message):
        list(npz.open_source(path).items)


def test_floats_of_one_part_say_nothing_without_the_other(saved):
    path = saved(x_train=TRAIN / 255, x_test=TEST / 1.0)
    with pytest.raises(
        idx.IdxError, match=r"x_train, x_test: .* found numbers of 0 to 239"
    ):
        list(npz.open_source(path).items)


def test_a_pickle_is_never_opened(tmp_path, saved):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = saved(y_test=np.array([Trap(), Trap(), Trap()], object))
    with pytest.raises(idx.IdxError, match="one of objects"):
        npz.open_source(path)
    assert not (tmp_path / "sprung").exists()


def damaged(path, change):
    path.write_bytes(change(bytearray(path.read_bytes())))
    return path


def flip(data, at):
    data[at] ^= 0xFF
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[: len(data) // 2], "file: expected a NumPy archive"),
        (lambda data: b"<html></html>", "file: expected a NumPy archive"),
        (
            lambda data: flip(data, data.index(TRAIN.tobytes())),
            "x_train: expected a whole array, found an error: bad crc-32",
        ),
    ],
    ids=["cut short", "a web page", "a flipped bit"],
)
def test_damage_is_found(saved, change, message):
    path = damaged(saved(write=np.savez), change)
    with pytest.raises(idx.IdxError, match=message):
        list(npz.open_source(path).items)


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-5], "x_test: expected an array of (3, 4, 3), found fewer"),
        (
            lambda data: data + b"x",
            "x_test: expected an array of (3, 4, 3), found more",
        ),
        (lambda data: b"x" + data[1:], "x_test: expected the header of an array of"),
        (lambda data: data.replace(b"}", b" "), "x_test: expected the header of an"),
        (lambda data: data[:20], "x_test: expected the header of an array of NumPy"),
    ],
    ids=["short", "long", "no array", "an open bracket", "half a header"],
)
def test_an_array_that_is_not_as_its_header_says_is_named(tmp_path, change, message):
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in KERAS.items():
            data = npy(array)
            archive.writestr(f"{name}.npy", change(data) if name == "x_test" else data)
    with pytest.raises(idx.IdxError) as caught:
        list(npz.open_source(path).items)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(idx.IdxError, match="expected a readable file, found an error"):
        npz.open_source(tmp_path / "set.npz")
