"""What is found odd about sets, each a folder of true IDX files."""

import collections
import tracemalloc

import numpy as np
import pytest
from idx_files import FILES, encode, gzip_member

from mnist_idx_tfds import findings, idx_set, overview

SHAPE = (6, 5)


def pictures(count, seed=0, low=0, high=256, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (count, *shape), np.uint8)


@pytest.fixture
def find(tmp_path):
    """Writes a set, and returns what is found."""

    def find(train, test):
        arrays = (*train, *test)
        for name, array in zip(FILES, arrays, strict=True):
            (tmp_path / name).write_bytes(gzip_member(encode(np.asarray(array))))
        return overview.of_set(idx_set.IdxSet(tmp_path))[1]

    return find


def good(train=200, test=150, classes=3):
    """Images and labels of two parts with nothing odd about them."""
    return [
        [pictures(count, seed), np.arange(count) % classes]
        for seed, count in enumerate((train, test))
    ]


def test_a_good_set_gives_no_finding(find):
    assert find(*good()) == []


def test_every_rule_fires_with_numbers_and_places_the_gravest_first(find):
    train, test = pictures(40, 0, 0, 60), pictures(10, 1, 200)
    train[2] = test[1]
    train[7] = 5
    test_labels = [5, 6, 5, 5, 6, 5, 5, 5, 5, 6]
    found = find((train, np.full(40, 3)), (test, test_labels))
    dark, bright = train.mean(), test.mean()
    assert [(f.kind, f.grave, str(f)) for f in found] == [
        (
            "unseen_labels",
            True,
            "10 of 10 test images (100.0%) have labels 5, 6, which no training image "
            "has: no training can pass 0.0000: test 0 (label 5), test 1 (label 6), "
            "test 2 (label 5), ...",
        ),
        (
            "one_class",
            True,
            "all 40 training images have label 3: there is nothing to learn",
        ),
        (
            "brightness",
            True,
            f"mean brightness is {dark:.0f} of 255 in training and {bright:.0f} in test "
            "images: is one part inverted?",
        ),
        (
            "two_labels",
            True,
            "1 of 50 images (2.0%) has another label than an equal image before: "
            "train 2 (label 3) = test 1 (label 6)",
        ),
        (
            "blank_images",
            True,
            "1 of 50 images (2.0%) has all pixels of one value: train 7",
        ),
        (
            "majority",
            False,
            "7 of 10 test images (70.0%) have label 5: always giving that answer has "
            "accuracy 0.7000",
        ),
        (
            "empty_classes",
            False,
            "4 of 7 classes have no images: labels 0, 1, 2, ...",
        ),
        (
            "untested_classes",
            False,
            "1 of 7 classes has training images and no test image: label 3",
        ),
        (
            "few_tested",
            False,
            "1 of 7 classes has fewer than 5 test images, which say little of it: label 6",
        ),
        (
            "small_test",
            False,
            "10 test images tell an accuracy of 0.9 only to within 19 points "
            "(95% interval)",
        ),
    ]


def test_labels_never_trained_on_are_the_ceiling_of_accuracy(find):
    train, test = good(test=500, classes=4)
    train[1] = np.arange(200) % 2
    test[1] = np.where(np.arange(500) < 253, np.arange(500) % 2, 3)
    first, *_ = find(train, test)
    assert (first.kind, first.count) == ("unseen_labels", 247)
    assert "247 of 500 test images (49.4%) have label 3," in first.message
    assert first.message.endswith("no training can pass 0.5060")
    assert first.items == tuple(
        (findings.Place("test", n, "label 3"),) for n in (253, 254, 255)
    )


def test_a_test_part_of_one_class_says_so_and_not_that_it_is_the_majority(find):
    train, test = good()
    test[1][:] = 2
    kinds = [finding.kind for finding in find(train, test)]
    assert kinds == ["one_class", "untested_classes"]


@pytest.mark.parametrize(
    ("share", "grave"), [(0.6, None), (0.62, False), (0.88, False), (0.9, True)]
)
def test_a_majority_is_said_above_60_percent_and_grave_from_90(find, share, grave):
    train, test = good(test=200, classes=2)
    test[1] = (np.arange(200) >= 200 * share).astype(int)
    found = find(train, test)
    assert [(f.kind, f.grave) for f in found] == (
        [] if grave is None else [("majority", grave)]
    )


@pytest.mark.parametrize(("count", "kinds"), [(140, ["small_test"]), (141, [])])
def test_a_test_part_is_small_where_90_percent_is_uncertain_by_five_points(
    find, count, kinds
):
    assert [f.kind for f in find(*good(test=count))] == kinds


@pytest.mark.parametrize(
    ("shift", "says"),
    [(0, None), (20, None), (60, "made alike?"), (110, "one part inverted?")],
)
def test_brightness_differs_grossly_beyond_that_of_the_images(find, shift, says):
    train, test = good()
    levels = np.random.default_rng(2).integers(0, 40, (350, 1, 1), np.uint8)
    train[0] = train[0] // 8 + 40 + levels[:200]
    test[0] = test[0] // 8 + 40 + levels[200:] + np.uint8(shift)
    found = find(train, test)
    assert [f.kind for f in found] == (["brightness"] if says else [])
    assert all(str(f).endswith(says) for f in found)


def test_copies_are_found_across_parts_and_chunks_of_files(find):
    shape = (64, 64)  # 256 to a chunk.
    train, test = good(train=600, test=300)
    train[0], test[0] = pictures(600, 0, shape=shape), pictures(300, 1, shape=shape)
    test[0][299] = train[0][596]  # Labels 2 and 2.
    train[0][598] = train[0][4]  # Labels 1 and 1.
    train[0][599] = train[0][7]  # Labels 2 and 1.
    shared, torn = find(train, test)
    assert (str(shared.items[0][0]), str(shared.items[0][1])) == (
        "train 596",
        "test 299",
    )
    assert (shared.kind, shared.count, shared.grave) == ("shared_images", 1, False)
    assert str(torn).endswith("before: train 7 (label 1) = train 599 (label 2)")
    assert (torn.kind, torn.count, torn.grave) == ("two_labels", 1, False)


def test_images_that_differ_in_one_bit_are_no_copies(find):
    train, test = good()
    test[0][:] = train[0][:150]
    test[0][np.arange(150), np.arange(150) % 6, np.arange(150) % 5] ^= 1
    assert find(train, test) == []


def test_blank_images_are_found_once_and_not_as_copies(find):
    train, test = good()
    train[0][[3, 9]], test[0][1] = 255, 255
    (blank,) = find(train, test)
    assert str(blank) == (
        "3 of 350 images (0.9%) have all pixels of one value: train 3, train 9, test 1"
    )


def test_an_image_of_one_color_is_blank_and_one_of_stripes_is_not(find):
    train, test = (
        (np.stack([images] * 3, axis=-1), labels) for images, labels in good()
    )
    train[0][7] = 200, 90, 10
    train[0][8] = 0, 0, 1
    train[0][8, 0, 0] = 0, 1, 0
    blank, gray = find(train, test)
    assert str(blank).endswith("all pixels of one value: train 7")
    assert gray.count == 349  # Without the one of one color.


def test_no_images_are_kept():
    """Ten bytes an image, whatever its size, beside the chunk that goes by."""
    tally = findings.Tally("train")
    chunks = (
        (pictures(1000, seed, shape=(32, 32, 1)), np.arange(1000)) for seed in range(40)
    )
    tracemalloc.start()
    try:
        collections.deque(tally.watch(chunks), maxlen=0)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.images == 40_000
    assert kept < 20 * tally.images
    assert peak < 16 * 2**20  # Of 40 MiB in all.


def test_mnist_itself_is_good(mnist_idx_dir):
    assert overview.of_set(idx_set.IdxSet(mnist_idx_dir))[1] == []


def test_names_of_classes_and_files_stand_for_numbers(tmp_path):
    train, test = good(classes=2)
    train[1] = np.where(np.arange(200) == 3, 0, 1)
    test[1] = np.arange(150) % 3
    test[0][4] = train[0][3]
    for name, array in zip(FILES, (*train, *test), strict=True):
        (tmp_path / name).write_bytes(gzip_member(encode(np.asarray(array))))
    (tmp_path / "labels.txt").write_text("cat\ndog\nowl\n")
    for name, count in (("train", 200), ("t10k", 150)):
        lines = "".join(f"{name}/{n}.png\n" for n in range(count))
        (tmp_path / f"{name}-files.txt").write_text(lines)
    found = overview.of_set(idx_set.IdxSet(tmp_path))[1]
    texts = {f.kind: str(f) for f in found}
    assert "test images (33.3%) have label owl, which" in texts["unseen_labels"]
    assert "test 2 (t10k/2.png, label owl)" in texts["unseen_labels"]
    assert texts["two_labels"].endswith(
        "train 3 (train/3.png, label cat) = test 4 (t10k/4.png, label dog)"
    )


def test_an_image_with_another_label_in_test_flatters_nobody(find):
    train, test = good()
    test[0][0] = train[0][1]  # Labels 0 and 1.
    assert [f.kind for f in find(train, test)] == ["two_labels"]


def test_equal_images_of_one_part_are_said(find):
    train, test = good()
    train[0][3:12:3] = train[0][0]
    (equal,) = find(train, test)
    assert str(equal) == (
        "3 of 200 training images (1.5%) are equal to one before, and count twice: "
        "train 0 = train 3, train 0 = train 6, train 0 = train 9"
    )


def test_pixels_of_another_range_are_grave(find):
    train, test = good()
    train[0], test[0] = train[0] // 16, test[0] // 16
    (dark,) = find(train, test)
    assert (dark.kind, dark.grave) == ("dark", True)
    assert "no pixel is brighter than 15 of 255" in str(dark)


@pytest.mark.parametrize(
    ("moved", "kinds"), [(0, []), (10, []), (60, ["other_shares"])]
)
def test_other_shares_of_classes_in_test_are_said(find, moved, kinds):
    train, test = good(train=600, test=300)
    test[1][np.flatnonzero(test[1] == 0)[:moved]] = 1 + np.arange(moved) % 2
    found = find(train, test)
    assert [f.kind for f in found] == kinds
    assert all("most of all label 0: 13.3% of test and 33.3%" in str(f) for f in found)


@pytest.mark.parametrize(("few", "kinds"), [(4, ["few_tested"]), (5, [])])
def test_classes_of_few_test_images_are_said(find, few, kinds):
    train, test = good(test=300, classes=2)
    train[1][:10] = 2
    test[1][:few] = 2
    assert [f.kind for f in find(train, test)] == kinds


@pytest.mark.parametrize(("levels", "kinds"), [(0, 1), (4, 1), (40, 0)])
def test_gray_images_in_color_are_said(find, levels, kinds):
    train, test = good()
    for part in (train, test):
        part[0] = np.stack([part[0] // 2] * 3, axis=-1)
        part[0][..., 1] += np.uint8(levels)
    assert [f.kind for f in find(train, test)] == ["gray_in_color"] * kinds
