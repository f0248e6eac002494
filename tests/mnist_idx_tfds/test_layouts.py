"""Layouts, labels and names that people bring, beside those of MNIST's four files."""

import gzip
import re

import idx_files
import numpy as np
import pytest
from idx_files import TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, encode, write_set

from mnist_idx_tfds import idx, idx_set
from mnist_idx_tfds.idx_set import upright


def assert_is(folder, made):
    """Images and labels are those that were made, with every check."""
    opened = idx_set.IdxSet(folder)
    for split, (images, labels) in made.items():
        found_images, found_labels = opened[split].load()
        np.testing.assert_array_equal(found_images[..., 0], images)
        np.testing.assert_array_equal(found_labels, labels)
    return opened


def _error(folder):
    with pytest.raises(idx.IdxError) as caught:
        idx_set.IdxSet(folder)
    return str(caught.value)


def rename(folder, rename_one):
    for name in idx_files.FILES:
        (folder / name).rename(folder / rename_one(name))


@pytest.mark.parametrize(
    "rename_one",
    [
        lambda name: name.replace("-", "_"),
        lambda name: name.replace("t10k", "test").upper(),
        lambda name: f"my digits 2-{name}",
        lambda name: name.replace(".gz", " (1).gz"),
        lambda name: f"{name} (2)",
        lambda name: name.replace("-idx", " (1)-idx"),
        lambda name: name.replace("train", "training").replace("t10k", "testing"),
        lambda name: (
            re.sub(r"(.*)-images(.*)", r"X_\1\2", name).replace("t10k", "test")
            if "images" in name
            else re.sub(r"(.*)-labels(.*)", r"y_\1\2", name).replace("t10k", "test")
        ),
        lambda name: re.sub(r"(train|t10k)-(images|labels)", r"\2_\1", name),
        lambda name: name.replace("-", "").replace("ubyte", "-ubyte"),
    ],
    ids=[
        *(
            "underscores",
            "capitals",
            "prefix",
            "copy",
            "copy behind .gz",
            "copy within",
        ),
        "training",
        *("X and y", "kind first", "together"),
    ],
)
def test_names_of_any_spelling_are_found(tmp_path, rename_one):
    made = write_set(tmp_path)
    rename(tmp_path, rename_one)
    assert_is(tmp_path, made)


def test_a_file_may_be_in_a_folder_of_its_own_name(tmp_path):
    """With the texts of the set beside these folders."""
    made = write_set(tmp_path / "flat", suffix="", num_classes=2)
    for path in [*(tmp_path / "flat").iterdir()]:
        (tmp_path / "set" / path.name).mkdir(parents=True)
        path.rename(tmp_path / "set" / path.name / path.name)
    (tmp_path / "set" / "labels.txt").write_text("a\nb\n")
    assert assert_is(tmp_path / "set", made).names == ["a", "b"]
    images = tmp_path / "set" / "train-images-idx3-ubyte" / "train-images-idx3-ubyte"
    assert idx_set.pair_of(images).labels.name == "train-labels-idx1-ubyte"


def test_a_file_beside_its_folder_and_what_macos_adds_are_one_set(tmp_path):
    """Where the names in folders are spelled in another way than those of the folders."""
    made = write_set(tmp_path, suffix="", separator=".")
    for path in [*tmp_path.iterdir()]:
        inner = tmp_path / path.name.replace(".idx", "-idx")
        inner.mkdir()
        (inner / path.name).write_bytes(path.read_bytes())
        (tmp_path / f"._{path.name}").write_bytes(b"\0\5\x16\7")
    (tmp_path / "train-images.idx3-ubyte").unlink()
    assert_is(tmp_path, made)


def test_a_file_packed_and_unpacked_is_one_file(tmp_path):
    made = write_set(tmp_path)
    for name in idx_files.FILES:
        data = gzip.decompress((tmp_path / name).read_bytes())
        (tmp_path / name.removesuffix(".gz")).write_bytes(data)
    opened = assert_is(tmp_path, made)
    assert not opened["train"].images.header.compressed


def test_a_file_packed_and_another_unpacked_are_two(tmp_path):
    write_set(tmp_path)
    write_set(tmp_path, suffix="", seed=1)
    assert _error(tmp_path) == (
        f"{tmp_path}: train images: expected one file, named like {TRAIN_IMAGES}, found "
        f"train-images-idx3-ubyte, {TRAIN_IMAGES}. Keep one set in a folder, and each of "
        "its files once."
    )


@pytest.fixture
def two_sets(tmp_path):
    """Letters and digits side by side, as EMNIST has them."""
    made = {}
    for n, name in enumerate(("letters", "digits")):
        made[name] = write_set(tmp_path / name, seed=n)
        for path in [*(tmp_path / name).iterdir()]:
            path.rename(tmp_path / f"emnist-{name}-{path.name}")
        (tmp_path / name).rmdir()
    return tmp_path, made


def test_one_of_several_sets_in_a_folder_is_named_by_its_prefix(two_sets):
    folder, made = two_sets
    for name in made:
        assert_is(folder / f"emnist-{name}", made[name])
    assert _error(folder) == (
        f"{folder}: names: expected four that begin alike, those of one set, found "
        "emnist-digits (4 files), emnist-letters (4 files). Name one of them: "
        f"{folder}/emnist-digits or {folder}/emnist-letters."
    )
    assert "found nothing" in _error(folder / "emnist-other")


def test_files_of_two_sets_are_no_set_together(two_sets):
    """Though their counts agree."""
    folder, _ = two_sets
    for name in ("letters-train-labels", "letters-t10k-labels"):
        (folder / f"emnist-{name}-idx1-ubyte.gz").unlink()
    for name in ("digits-train-images", "digits-t10k-images"):
        (folder / f"emnist-{name}-idx3-ubyte.gz").unlink()
    assert "found emnist-digits (2 files), emnist-letters (2 files)" in _error(folder)


def test_what_nearly_fits_is_named(tmp_path):
    write_set(tmp_path / "set")
    (tmp_path / "set" / TRAIN_LABELS).rename(tmp_path / "set" / "train-lbls.bin")
    assert "found none, but train-lbls.bin. Is it one of these?" in _error(
        tmp_path / "set"
    )
    assert f"Is it in {tmp_path / 'set'}?" in _error(tmp_path)


def test_labels_in_a_column_are_labels(tmp_path):
    made = write_set(tmp_path)
    labels = made["train"][1]
    (tmp_path / TRAIN_LABELS).write_bytes(encode(labels[:, np.newaxis]))
    assert assert_is(tmp_path, made).notes == []


@pytest.mark.parametrize("dtype", ["u1", ">f4"])
def test_one_hot_rows_are_labels(tmp_path, dtype):
    made = write_set(tmp_path)
    rows = np.eye(10)[made["train"][1]]
    (tmp_path / TRAIN_LABELS).write_bytes(encode(rows, dtype))
    (note,) = assert_is(tmp_path, made).notes
    assert note == f"{TRAIN_LABELS}: labels are places of the 1 in one-hot rows"


def test_the_first_of_the_columns_of_qmnist_is_the_label(tmp_path):
    made = write_set(tmp_path)
    labels = made["train"][1]
    rows = np.stack([labels, *[np.arange(10)] * 3, labels + 48, *[labels * 0] * 3], 1)
    (tmp_path / TRAIN_LABELS).write_bytes(encode(rows, ">i4"))
    (note,) = assert_is(tmp_path, made).notes
    assert note.endswith("the first of QMNIST's columns")


@pytest.mark.parametrize(
    ("dtype", "labels"),
    [
        (">i2", np.arange(10) % 4),
        (">i4", np.arange(10) % 4),
        (">i2", np.arange(10) * 30),
        (">i4", 127 + np.arange(10) % 2 * 1),
    ],
)
def test_labels_that_are_little_endian_are_said_to_be(tmp_path, dtype, labels):
    write_set(tmp_path, train=600)
    labels = np.resize(labels if labels.max() < 9 else np.arange(300), 600)
    data = encode(labels.astype(dtype).byteswap().astype(np.int64), dtype)
    (tmp_path / TRAIN_LABELS).write_bytes(data)
    message = _error(tmp_path)
    assert message.startswith(f"{tmp_path / TRAIN_LABELS}: byte order: expected big")


@pytest.mark.parametrize(
    ("characters", "dtype"), [("0123", "u1"), ("AZaz", "u1"), ("あいうん", ">i2")]
)
def test_codes_of_characters_name_the_classes(tmp_path, characters, dtype):
    made = write_set(tmp_path, num_classes=4)
    codes = np.array([*map(ord, characters)])
    for name, split in ((TRAIN_LABELS, "train"), (TEST_LABELS, "test")):
        (tmp_path / name).write_bytes(encode(codes[made[split][1]], dtype))
    opened = assert_is(tmp_path, made)
    assert opened.names == [*characters]
    assert (
        f"codes of characters, {characters[0]} to {characters[-1]}" in opened.notes[0]
    )


def test_labels_that_leave_out_the_first_are_no_codes(tmp_path):
    write_set(tmp_path, num_classes=400, label_dtype=">i2")
    opened = idx_set.IdxSet(tmp_path)
    assert (opened.num_classes, opened.names) == (400, None)


def test_images_of_0_and_1_are_black_and_white(tmp_path):
    rng = np.random.default_rng(0)
    made = {
        split: (rng.integers(0, 2, (n, 4, 3), np.uint8), np.arange(n) % 2)
        for split, n in (("train", 6), ("test", 4))
    }
    idx_files.write_arrays(tmp_path, made)
    white = {split: (images * 255, labels) for split, (images, labels) in made.items()}
    (note,) = assert_is(tmp_path, white).notes
    assert note == f"{TRAIN_IMAGES}: its pixels are of 0 to 1, scaled to 0 to 255"


def test_one_part_of_0_and_1_beside_a_bright_one_is_as_it_is(tmp_path):
    made = {
        "train": (np.ones((6, 4, 3), np.uint8), np.arange(6) % 2),
        "test": (np.full((4, 4, 3), 200, np.uint8), np.arange(4) % 2),
    }
    idx_files.write_arrays(tmp_path, made)
    assert assert_is(tmp_path, made).notes == []


@pytest.mark.parametrize(
    "names",
    [
        ["नमस्\u200dते", "क्\u200cष", "👩\u200d🔬", "a\u00a0b"],
        ["e\u0301", "E\u0301", "o", "x"],
    ],
    ids=["joiners and no-break spaces", "decomposed"],
)
def test_names_of_any_script_are_names(tmp_path, names):
    write_set(tmp_path, num_classes=4)
    (tmp_path / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    found = idx_set.IdxSet(tmp_path).names
    assert [*map(len, found)] == [len(n.replace("\u0301", "")) for n in names]


@pytest.mark.parametrize(
    "name", ["a\x1b[2J", "a\u2028b", "a\x85b", "a\x00b", "\u202eabc"]
)
def test_names_that_a_terminal_obeys_are_none(tmp_path, name):
    write_set(tmp_path, num_classes=2)
    (tmp_path / "labels.txt").write_text(f"ok\n{name}\n", encoding="utf-8")
    assert "labels.txt: line 2: expected a printable name" in _error(tmp_path)


def test_names_that_are_equal_after_nfc_are_one_name(tmp_path):
    write_set(tmp_path, num_classes=2)
    (tmp_path / "labels.txt").write_text("\u00e9\ne\u0301\n", encoding="utf-8")
    assert "line 2: expected another name than that of line 1" in _error(tmp_path)


def test_a_label_an_image_in_labels_txt_is_said_to_be_that(tmp_path):
    write_set(tmp_path, num_classes=4)
    (tmp_path / "labels.txt").write_text("".join(f"{n % 4}\n" for n in range(10)))
    assert _error(tmp_path) == (
        f"{tmp_path / 'labels.txt'}: names: expected 4, one a class, found 10 lines, as "
        "many as there are images. It seems to have a label for each image; call it by "
        "another name."
    )


def test_names_of_cifar_are_names(tmp_path):
    write_set(tmp_path, num_classes=2)
    (tmp_path / "batches.meta.txt").write_text("cat\ndog\n\n")
    opened = idx_set.IdxSet(tmp_path)
    assert opened.names == ["cat", "dog"]
    assert "batches.meta.txt" in opened.sha256


@pytest.fixture
def lying(tmp_path, monkeypatch):
    """A set with the counts of one of EMNIST's, whose class 1 is a bar, transposed."""
    counts = (60, 40)
    monkeypatch.setattr(upright, "_TALL", {counts: (1,)})
    made = {}
    for split, count in zip(("train", "test"), counts, strict=True):
        images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count) % 3
        images[labels == 1] = 0
        images[labels == 1, 4:24, 12:15] = 255
        made[split] = images, labels
    sideways = {split: (x.swapaxes(1, 2), y) for split, (x, y) in made.items()}
    idx_files.write_arrays(tmp_path, sideways)
    return made, sideways


def test_emnist_is_read_upright_and_said_to_be(tmp_path, lying):
    made, sideways = lying
    (note,) = assert_is(tmp_path, made).notes
    assert "stored transposed" in note
    for transpose, expected in (("yes", made), ("no", sideways)):
        opened = idx_set.IdxSet(tmp_path, transpose)
        np.testing.assert_array_equal(
            opened["train"].load()[0][..., 0], expected["train"][0]
        )
        assert len(opened.notes) == (transpose == "yes")
    images, notes = idx_set.images_of(tmp_path / idx_files.TEST_IMAGES)
    assert "stored transposed" in notes[0]
    np.testing.assert_array_equal(next(images.read())[..., 0], made["test"][0])


def test_a_copy_of_emnist_that_is_upright_stays_so(tmp_path, lying):
    made, _ = lying
    idx_files.write_arrays(tmp_path, made)
    assert assert_is(tmp_path, made).notes == []


def test_transposing_exchanges_height_and_width(tmp_path):
    made = write_set(tmp_path, shape=(5, 4, 3))
    opened = idx_set.IdxSet(tmp_path, "yes")
    assert opened.shape == (4, 5, 3)
    images = np.concatenate(list(opened["train"].images.read()))
    np.testing.assert_array_equal(images, made["train"][0].swapaxes(1, 2))
