"""Which item of which file an image is, found by its pixels."""

import tracemalloc

import idx_files
import numpy as np
import pytest
from idx_files import TEST_IMAGES, TRAIN_IMAGES, write_arrays, write_set

from trainer.data import origins

FIRST, SECOND = np.zeros((4, 3), np.uint8), np.full((4, 3), 9, np.uint8)


@pytest.fixture
def find():
    """Finds examples as a program does, where nothing is complained of."""

    def find(folder, split, examples):
        lines = []
        found = origins.find(str(folder), split, examples, lines.append)
        assert lines == []
        return found

    return find


def examples_of(images, labels, which):
    """Examples as a data set has them, with a channel."""
    return [(images[n][..., None], int(labels[n])) for n in which]


@pytest.mark.parametrize(
    ("split", "part", "name"),
    [
        ("test", "test", TEST_IMAGES),
        ("test[50%:]", "test", TEST_IMAGES),
        ("train[85%:]", "train", TRAIN_IMAGES),
    ],
)
def test_each_example_has_the_item_that_it_is(find, tmp_path, split, part, name):
    made = write_set(tmp_path, train=2000, test=1500, shape=(28, 28))[part]
    which = [1400, 3, 0, 77]
    found = find(tmp_path, split, examples_of(*made, which))
    assert found == [f"{name} item {n}" for n in which]


@pytest.mark.parametrize("split", ["train+test", "test[:50%] + train", "all"])
def test_a_split_of_both_parts_is_looked_for_in_both_files(find, tmp_path, split):
    made = write_set(tmp_path)
    wanted = [examples_of(*made[part], [2])[0] for part in ("test", "train")]
    found = find(tmp_path, split, wanted)
    assert found == [f"{TEST_IMAGES} item 2", f"{TRAIN_IMAGES} item 2"]


def test_an_image_of_the_other_part_alone_is_not_named(find, tmp_path):
    made = write_set(tmp_path)
    assert find(tmp_path, "test", examples_of(*made["train"], [1])) == [None]


def test_equal_images_are_told_apart_by_their_labels(find, tmp_path):
    images, labels = np.stack([FIRST, SECOND, FIRST]), np.array([0, 0, 1])
    write_arrays(tmp_path, dict.fromkeys(("train", "test"), (images, labels)))
    found = find(tmp_path, "test", [(FIRST, 1), (FIRST, 0), (SECOND, 1)])
    assert found == [f"{TEST_IMAGES} item 2", f"{TEST_IMAGES} item 0", None]


def test_examples_that_are_all_equal_have_the_first_items_in_order(find, tmp_path):
    images, labels = np.stack([SECOND, *[FIRST] * 3]), np.zeros(4, int)
    write_arrays(tmp_path, dict.fromkeys(("train", "test"), (images, labels)))
    found = find(tmp_path, "test", [(FIRST, 0)] * 2)
    assert found == [f"{TEST_IMAGES} item {n}" for n in (1, 2)]


def test_packed_pictures_go_by_their_paths_too(find, tmp_path):
    made = write_set(tmp_path)
    (tmp_path / "t10k-files.txt").write_text("".join(f"a/{n}.png\n" for n in range(6)))
    found = find(tmp_path, "test", examples_of(*made["test"], [5, 1]))
    assert found == [f"{TEST_IMAGES} item {n}: a/{n}.png" for n in (5, 1)]
    found = find(tmp_path, "train", examples_of(*made["train"], [1]))
    assert found == [f"{TRAIN_IMAGES} item 1"]


@pytest.mark.parametrize("folder", ["gone", None])
def test_without_the_folder_nothing_is_said(tmp_path, folder):
    folder = folder and str(tmp_path / folder)
    lines = []
    assert origins.find(folder, "test", [(FIRST, 0)], lines.append) == [None]
    assert lines == []


@pytest.mark.parametrize("fault", ["list too short", "file gone", "file damaged"])
def test_what_cannot_be_read_is_said_in_a_line(tmp_path, fault):
    made = write_set(tmp_path)
    name = {"list too short": "t10k-files.txt"}.get(fault, TEST_IMAGES)
    if fault == "file gone":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(b"a.png\n")
    lines = []
    wanted = examples_of(*made["test"], [0])
    assert origins.find(str(tmp_path), "test", wanted, lines.append) == [None]
    (line,) = lines
    assert line.startswith(f"mistakes go without their places in the files: {tmp_path}")
    assert "expected" in line
    assert "\n" not in line


def test_memory_holds_no_more_than_a_chunk_of_the_images(find, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (400, 256, 256), np.uint8)  # 26 MB.
    data = idx_files.encode(images)
    write_set(tmp_path, shape=(256, 256), suffix="")
    (tmp_path / TEST_IMAGES.removesuffix(".gz")).write_bytes(data)
    name = idx_files.TEST_LABELS.removesuffix(".gz")
    (tmp_path / name).write_bytes(idx_files.encode(np.zeros(400)))
    wanted = [(image, 0) for image in images[300:]]
    tracemalloc.start()
    try:
        found = find(tmp_path, "test", wanted)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found[-1].endswith("item 399")
    assert peak < 8 << 20
