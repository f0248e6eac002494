"""Tests of sets of four IDX files."""

import hashlib
import re

import idx_files
import numpy as np
import pytest
from idx_files import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    encode,
    write_set,
)

from mnist_idx_tfds import idx, idx_set


def _read_all(folder):
    """Images and labels by split, with every check that building a data set does."""
    splits = {}
    for split, part in idx_set.IdxSet(folder).parts.items():
        images, labels = zip(*part.read(), strict=True)
        splits[split] = np.concatenate(images), np.concatenate(labels)
    return splits


def _error(folder):
    """The message of the error that the set gives, one line."""
    with pytest.raises(idx.IdxError) as caught:
        _read_all(folder)
    message = str(caught.value)
    pattern = rf"{re.escape(str(folder))}.*: expected .+, found .+\.( .+[.?])?"
    assert re.fullmatch(pattern, message)
    return message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"suffix": ""},
        {"test_name": "test"},
        {"separator": ".", "suffix": ""},
        {"shape": (1, 1), "train": 1, "test": 1, "num_classes": 1},
        {"shape": (300, 200), "train": 40},
        {"shape": (30, 20, 3)},
        {"shape": (4, 3, 1)},
        {"label_dtype": "i1"},
        {"label_dtype": ">i2", "num_classes": 400},
        {"label_dtype": ">i4", "num_classes": 2},
    ],
    ids=str,
)
def test_set_is_read_back(tmp_path, options):
    """Names as in the wild, any shape, classes and integer type of the labels."""
    made = write_set(tmp_path / "set", **options)
    opened = idx_set.IdxSet(tmp_path / "set")
    shape = (*options.get("shape", (4, 3)), 1)[:3]
    assert opened.shape == shape
    assert opened.num_classes == options.get("num_classes", 10)
    for split, (images, labels) in _read_all(tmp_path / "set").items():
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        expected = made[split][0]
        np.testing.assert_array_equal(images, expected.reshape(-1, *shape))
        np.testing.assert_array_equal(labels, made[split][1])


def test_chunks_of_images_are_at_most_a_mebibyte(tmp_path):
    """Memory does not depend on the size of a split."""
    write_set(tmp_path, train=40, shape=(300, 200))
    chunks = list(idx_set.IdxSet(tmp_path)["train"].read())
    assert [len(images) for images, _ in chunks] == [17, 17, 6]
    assert [len(labels) for _, labels in chunks] == [17, 17, 6]


def test_classes_are_counted_over_both_splits(tmp_path):
    write_set(tmp_path, num_classes=4)
    (tmp_path / TEST_LABELS).write_bytes(encode(np.array([0, 6, 1, 2, 0, 0])))
    assert idx_set.IdxSet(tmp_path).num_classes == 7


@pytest.mark.parametrize(
    "names",
    [
        (
            "emnist-letters-{}-images-idx3-ubyte.gz",
            "emnist-letters-{}-labels-idx1-ubyte",
        ),
        ("{}-images.idx3-ubyte", "{}-labels-idx1-int.gz"),
    ],
)
def test_names_in_use_are_found(tmp_path, names):
    """Prefixes, other types, and spellings mixed within one set."""
    for name in names:
        for split in ("train", "test"):
            (tmp_path / name.format(split)).touch()
    for split, pair in idx_set.find(tmp_path).items():
        assert tuple(path.name for path in pair) == tuple(
            n.format(split) for n in names
        )


def test_other_files_and_folders_are_passed_over(tmp_path):
    """A set may share its folder; some archives unpack to a folder for each file."""
    write_set(tmp_path)
    found = idx_set.find(tmp_path)
    for name in ("README.md", f"{TRAIN_IMAGES}.part", "train-images-idx3-ubyte.zip"):
        (tmp_path / name).write_text("other")
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    assert idx_set.find(tmp_path) == found


def test_home_in_the_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_set(tmp_path / "set")
    assert idx_set.find("~/set") == idx_set.find(tmp_path / "set")


def _hash_all(folder):
    return idx_set.IdxSet(folder).sha256


def test_digests_are_those_of_the_files(tmp_path):
    """Of the files as they are stored."""
    write_set(tmp_path)
    assert _hash_all(tmp_path) == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in idx_files.FILES
    }


def _names(folder, data, num_classes=2):
    write_set(folder, num_classes=num_classes)
    (folder / "labels.txt").write_bytes(data)
    return idx_set.IdxSet(folder).names


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"cat\ndog\n", ["cat", "dog"]),
        (b"cat\ndog", ["cat", "dog"]),
        (b"cat\r\ndog\r\n\r\n", ["cat", "dog"]),
        (b"\xef\xbb\xbfcat\n\xc3\xb6 x\n", ["cat", "ö x"]),
        (b" two words \n\t1\n", ["two words", "1"]),
        (b"one\nmore\nthan\nlabels", ["one", "more", "than", "labels"]),
    ],
    ids=["plain", "no end", "Windows", "UTF-8 with a BOM", "spaces", "more"],
)
def test_names_of_classes_are_read(tmp_path, data, names):
    assert _names(tmp_path, data) == names


def test_classes_need_no_names(tmp_path):
    write_set(tmp_path)
    assert idx_set.IdxSet(tmp_path).names is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: expected a printable name, found none. {}"),
        (b"a\n \nb\n", "line 2: expected a printable name, found none. {}"),
        (b"a\rb\r", r"line 1: expected a printable name, found 'a\rb'. {}"),
        (
            b"a\nb\na\n",
            "line 3: expected another name than that of line 1, found 'a'.",
        ),
        (b"a\n", "names: expected at least 2, found 1. Each class needs a name."),
        (
            b"a\nb\xfc\n",
            "line 2: expected UTF-8, found the byte 0xfc. Save it as UTF-8.",
        ),
    ],
    ids=["empty", "empty line", "control character", "twice", "too few", "Latin-1"],
)
def test_wrong_names_are_named_with_their_line(tmp_path, data, message):
    with pytest.raises(idx.IdxError) as caught:
        _names(tmp_path, data)
    says = message.format("Each line is a class's name.")
    assert str(caught.value) == f"{tmp_path / 'labels.txt'}: {says}"


def test_names_that_cannot_be_read_are_named(tmp_path):
    write_set(tmp_path)
    (tmp_path / "labels.txt").mkdir()
    with pytest.raises(idx.IdxError, match=r"labels\.txt: file: .* is a directory"):
        idx_set.IdxSet(tmp_path)


def test_names_belong_to_the_files_of_a_set(tmp_path):
    write_set(tmp_path)
    (tmp_path / "labels.txt").write_text("\n".join("abcdefghij"))
    opened = idx_set.IdxSet(tmp_path)
    assert [*opened.sha256] == [*idx_files.FILES, "labels.txt"]
    data = (tmp_path / "labels.txt").read_bytes()
    assert opened.sha256["labels.txt"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("use", [_read_all, _hash_all])
def test_link_to_nowhere_is_named(tmp_path, use):
    write_set(tmp_path)
    (tmp_path / TRAIN_LABELS).unlink()
    (tmp_path / TRAIN_LABELS).symlink_to("gone")
    with pytest.raises(idx.IdxError) as caught:
        use(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / TRAIN_LABELS}: file: expected a readable file, "
        "found an error: no such file or directory."
    )


@pytest.mark.parametrize(
    ("make", "found"),
    [(lambda path: None, "nothing"), (lambda path: path.touch(), "a file")],
    ids=["nothing", "a file"],
)
def test_what_is_no_folder_is_named(tmp_path, make, found):
    make(tmp_path / "set")
    assert _error(tmp_path / "set") == (
        f"{tmp_path / 'set'}: folder: expected a folder of four IDX files, "
        f"found {found}. "
        "Is the path right? Once built, a data set loads by name, without it."
    )


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (TRAIN_IMAGES, "train images"),
        (TRAIN_LABELS, "train labels"),
        (TEST_IMAGES, "test images"),
        (TEST_LABELS, "test labels"),
    ],
)
def test_missing_file_is_named(tmp_path, name, field):
    """With a name that it could have."""
    write_set(tmp_path)
    (tmp_path / name).unlink()
    assert _error(tmp_path) == (
        f"{tmp_path}: {field}: expected one file, named like {name}, found none. "
        "Put it there, or give the folder that has all four."
    )


@pytest.mark.parametrize(
    "other",
    [
        "t10k-labels-idx1-ubyte",
        "t10k-labels.idx1-ubyte",
        "test-labels-idx1-ubyte.gz",
    ],
)
def test_ambiguous_file_is_named(tmp_path, other):
    """Two candidates are both shown, and none is chosen."""
    write_set(tmp_path)
    (tmp_path / other).touch()
    found = ", ".join(sorted([TEST_LABELS, other]))
    assert _error(tmp_path) == (
        f"{tmp_path}: test labels: expected one file, named like {TEST_LABELS}, "
        f"found {found}. Keep one set in a folder, and each of its files once."
    )


@pytest.mark.parametrize("name", idx_files.FILES)
@pytest.mark.parametrize("fault", idx_files.FAULTS, ids=lambda fault: fault.name)
def test_set_with_one_faulty_file_is_refused(tmp_path, fault, name):
    """Any fault of any of the four is an error that names the file."""
    write_set(tmp_path)
    path = tmp_path / name
    true = idx_files.encode(idx_files.decode(path.read_bytes()))
    path.write_bytes(fault.make(true))
    assert name in _error(tmp_path)


@pytest.mark.parametrize("fault", idx_files.SET_FAULTS, ids=lambda fault: fault.name)
def test_fault_of_the_set_is_named(tmp_path, fault):
    """Four files, each of which is true IDX, that are no set together."""
    write_set(tmp_path)
    path = tmp_path / fault.file
    path.write_bytes(fault.make(path.read_bytes()))
    idx.check(path)
    assert _error(tmp_path) == f"{path}: {fault.says}"


@pytest.mark.parametrize(
    ("shape", "num_classes", "file", "message"),
    [
        ((28, 28, 1), 10, TRAIN_IMAGES, "image size: expected 28 x 28, found 4 x 3."),
        ((3, 4, 1), 10, TRAIN_IMAGES, "image size: expected 3 x 4, found 4 x 3."),
        (
            (4, 3, 1),
            9,
            TRAIN_LABELS,
            "label: expected 0 to 8, found 9. "
            "Do the labels belong to these images, and is their type right?",
        ),
    ],
)
def test_what_does_not_fit_the_features_is_refused(
    tmp_path, shape, num_classes, file, message
):
    """Size and classes may be given, as for the published MNIST."""
    write_set(tmp_path)
    opened = idx_set.IdxSet(tmp_path)
    with pytest.raises(idx.IdxError) as caught:
        opened.check_fits(shape, num_classes)
    assert str(caught.value) == f"{tmp_path / file}: {message}"


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        (TRAIN_IMAGES, lambda data: data[:-1]),
        (TRAIN_LABELS, lambda data: data[:-1]),
    ],
    ids=["image cut", "label cut"],
)
def test_last_example_is_verified_before_the_first_is_given(tmp_path, name, edit):
    """A fault after many chunks leaves none of them to be taken for data."""
    write_set(tmp_path, train=40, shape=(300, 200), suffix="")
    path = tmp_path / name.removesuffix(".gz")
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(idx.IdxError, match=path.name):
        next(idx_set.IdxSet(tmp_path)["train"].read())


def test_mnist_is_a_set_of_28_x_28_pixels_in_ten_classes(mnist_idx_dir):
    """Each class is as frequent as in the published files."""
    splits = _read_all(mnist_idx_dir)
    assert splits["train"][0].shape == (60_000, 28, 28, 1)
    assert splits["test"][0].shape == (10_000, 28, 28, 1)
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    np.testing.assert_array_equal(np.bincount(splits["test"][1]), counts)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    np.testing.assert_array_equal(np.bincount(splits["train"][1]), counts)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (TEST_IMAGES, TEST_LABELS),
        ("t10k-images.idx3-ubyte", "t10k-labels-idx1-int.gz"),
        ("a-train-images-idx3-ubyte", "a-train-labels-idx1-ubyte"),
    ],
)
def test_labels_are_the_file_whose_name_begins_like_that_of_the_images(
    tmp_path, images, labels
):
    for name in (images, labels, "b-train-labels-idx1-ubyte", "test-labels-idx1-ubyte"):
        (tmp_path / name).touch()
    expected = (tmp_path / images, tmp_path / labels)
    assert idx_set.pair_of(tmp_path / images) == expected


@pytest.mark.parametrize(
    ("name", "others", "message"),
    [
        (
            "digits",
            [],
            "name: expected one like t10k-images-idx3-ubyte.gz, found digits",
        ),
        (TEST_LABELS, [TEST_IMAGES], f"found {TEST_LABELS}"),
        (TEST_IMAGES, [TRAIN_LABELS], "labels-idx1-ubyte.gz, found none"),
        (
            TEST_IMAGES,
            [TEST_LABELS, TEST_LABELS.removesuffix(".gz")],
            f"found t10k-labels-idx1-ubyte, {TEST_LABELS}",
        ),
    ],
)
def test_images_without_their_one_file_of_labels_are_an_error(
    tmp_path, name, others, message
):
    for file in (name, *others):
        (tmp_path / file).write_text(file)
    with pytest.raises(idx.IdxError, match=re.escape(message)):
        idx_set.pair_of(tmp_path / name)


def test_labels_of_a_pair_are_as_wide_as_in_the_file(tmp_path):
    made = write_set(tmp_path, label_dtype=">i4", train=3000)
    found = idx_set.IdxSet(tmp_path)["train"].labels
    np.testing.assert_array_equal(found, made["train"][1])
    assert found.dtype == np.int32
