"""`python -m mnist_idx_tfds.unpack`, by its pictures and what `pack` makes of these."""

import functools
import os

import idx_files
import numpy as np
import pytest
from PIL import Image
from source_files import save_picture

from mnist_idx_tfds import idx, idx_set

MODULE = "mnist_idx_tfds.unpack"


@pytest.fixture
def unpack(run_module):
    return functools.partial(run_module, MODULE)


@pytest.fixture
def pack(run_module):
    return functools.partial(run_module, "mnist_idx_tfds.pack")


def check_same(folder, other):
    """The four arrays of two sets are the same, bit for bit, and so are the names."""
    one, two = idx_set.find(folder), idx_set.find(other)
    for split in one:
        for a, b in zip(one[split], two[split], strict=True):
            np.testing.assert_array_equal(idx.load(a), idx.load(b))


def test_each_image_is_a_picture_by_split_class_and_position(tmp_path, unpack):
    made = idx_files.write_set(tmp_path / "set", train=11, num_classes=3)
    (tmp_path / "set" / "labels.txt").write_text("b\na/c\nd\n")
    code, out, err = unpack(tmp_path / "set", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Wrote {tmp_path / 'out'}: 11 pictures to train on and 6 to test on, 3 classes. "
        "To pack them again:",
        f"python -m mnist_idx_tfds.pack {tmp_path / 'out'} OUT_DIR",
    ]
    for split, digits in (("train", 2), ("test", 1)):
        images, labels = made[split]
        assert len(list((tmp_path / "out" / split).rglob("*.png"))) == len(images)
        for n, (image, label) in enumerate(zip(images, labels, strict=True)):
            folder = ("b", "a_c-1", "d")[label]
            path = tmp_path / "out" / split / folder / f"{n:0{digits}}.png"
            with Image.open(path) as picture:
                assert picture.mode == "L"
                np.testing.assert_array_equal(picture, image)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, None),
        ({}, "".join(f"{n}\n" for n in "jihgfedcba")),
        ({"num_classes": 2}, "z\na\nnone of these\n"),
        ({"num_classes": 300, "label_dtype": ">i4", "train": 300, "test": 300}, None),
        ({"num_classes": 1, "shape": (1, 1)}, None),
        ({"shape": (4, 3, 3)}, None),
    ],
    ids=[
        "numbers",
        "names that are not sorted",
        "more names",
        "many",
        "smallest",
        "color",
    ],
)
def test_packed_again_it_is_the_same_set(tmp_path, unpack, pack, options, names):
    idx_files.write_set(tmp_path / "set", **options)
    if names:
        (tmp_path / "set" / "labels.txt").write_text(names)
    code, out, _ = unpack(tmp_path / "set", tmp_path / "out")
    assert code == 0
    *flags, source, _ = out.splitlines()[-1].split()[3:]
    assert pack(*flags, source, tmp_path / "again", "--seed=5")[0] == 0
    check_same(tmp_path / "set", tmp_path / "again")
    if names:
        assert (tmp_path / "again" / "labels.txt").read_text() == names


def test_classes_without_images_keep_their_labels(tmp_path, unpack, pack):
    labels = np.array([1, 5, 1, 5])
    images = np.arange(16, dtype=np.uint8).reshape(4, 2, 2)
    idx_files.write_arrays(
        tmp_path / "set", dict.fromkeys(("train", "test"), (images, labels))
    )
    assert unpack(tmp_path / "set", tmp_path / "out")[0] == 0
    assert pack(tmp_path / "out", tmp_path / "again")[0] == 0
    check_same(tmp_path / "set", tmp_path / "again")


def test_what_pack_made_has_the_same_bytes_after_a_round(tmp_path, unpack, pack):
    for name in ("a", "b"):
        for n in range(10):
            save_picture(tmp_path / "in" / name / f"{n}.png", [[n, ord(name)]])
    assert pack(tmp_path / "in", tmp_path / "1")[0] == 0
    assert unpack(tmp_path / "1", tmp_path / "out")[0] == 0
    assert pack(tmp_path / "out", tmp_path / "2")[0] == 0
    for name in (*idx_files.FILES, "labels.txt"):
        assert (tmp_path / "1" / name).read_bytes() == (
            tmp_path / "2" / name
        ).read_bytes()


def test_unpacked_pictures_are_those_that_were_packed(tmp_path, unpack, pack):
    for name in ("a", "b"):
        for part in ("train", "test"):
            for n in range(4):
                path = tmp_path / "in" / part / name / f"{n}.png"
                save_picture(path, [[n, ord(name), ord(part[1])]])
    assert pack(tmp_path / "in", tmp_path / "1")[0] == 0
    assert unpack(tmp_path / "1", tmp_path / "out")[0] == 0

    def pixels(folder):
        return sorted(Image.open(path).tobytes() for path in folder.iterdir())

    for part in ("train", "test"):
        for name in ("a", "b"):
            found = pixels(tmp_path / "out" / part / name)
            assert found == pixels(tmp_path / "in" / part / name)


def test_a_picture_that_was_moved_or_removed_changes_the_set_alone_there(
    tmp_path, unpack, pack
):
    made = idx_files.write_set(tmp_path / "set", num_classes=2)
    assert unpack(tmp_path / "set", tmp_path / "out")[0] == 0
    train = tmp_path / "out" / "train"
    moved, removed = train / "1" / "0.png", train / "0" / "3.png"
    moved.rename(train / "0" / "0.png")
    removed.unlink()
    assert pack(tmp_path / "out", tmp_path / "again")[0] == 0
    images, labels = map(idx.load, idx_set.find(tmp_path / "again")["train"])
    np.testing.assert_array_equal(images, np.delete(made["train"][0], 3, axis=0))
    assert labels.tolist() == [0, 0, 1, 1, 0, 1, 0, 1, 0]


def test_mnist_comes_back_bit_for_bit(tmp_path, unpack, pack, mnist_idx_dir):
    """The first of its images, which is enough of them to tell."""
    arrays = {
        part: (idx.load(pair.images)[:2000], idx.load(pair.labels)[:2000])
        for part, pair in idx_set.find(mnist_idx_dir).items()
    }
    idx_files.write_arrays(tmp_path / "set", arrays)
    assert unpack(tmp_path / "set", tmp_path / "out")[0] == 0
    assert pack(tmp_path / "out", tmp_path / "again")[0] == 0
    check_same(tmp_path / "set", tmp_path / "again")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_stays(tmp_path, unpack, kind):
    idx_files.write_set(tmp_path / "set")
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").touch()
    code, _, err = unpack(tmp_path / "set", out)
    assert code == 1
    found = "a file" if kind == "file" else "mine in it"
    assert err == (
        f"python -m {MODULE}: {out}: folder: expected an empty folder, or none, found "
        f"{found}. Choose another, or remove it.\n"
    )
    assert out.read_text() == "mine" if kind == "file" else os.listdir(out) == ["mine"]


def test_an_empty_folder_is_filled(tmp_path, unpack):
    idx_files.write_set(tmp_path / "set")
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "set", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "unpacked.csv").exists()


def test_a_bad_file_leaves_nothing(tmp_path, unpack):
    idx_files.write_set(tmp_path / "set")
    path = tmp_path / "set" / idx_files.TEST_IMAGES
    path.write_bytes(path.read_bytes()[:-4])
    code, out, err = unpack(tmp_path / "set", tmp_path / "new" / "out")
    assert (code, out) == (1, "")
    assert f"{path}: gzip stream: expected its end marker" in err
    assert os.listdir(tmp_path) == ["set"]
