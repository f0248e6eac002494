"""`python -m mnist_idx_tfds.pack`, by the files that it writes."""

import functools
import itertools
import os
import tracemalloc

import idx_files
import numpy as np
import processes
import pytest
import tfds_sets
from PIL import Image
from source_files import table_of, write_table

from mnist_idx_tfds import idx, idx_set

MODULE = "mnist_idx_tfds.pack"
NAMES = {*idx_files.FILES, "labels.txt", "train-files.txt", "t10k-files.txt"}


@pytest.fixture
def run(run_module):
    return functools.partial(run_module, MODULE)


def save(root, path, pixels):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(root / path)


def save_classes(root, counts, shape=(2, 3)):
    """Writes pictures that tell their class and their number."""
    for name, count in counts.items():
        for n in range(count):
            pixels = np.full(shape, n)
            pixels[0, 0] = sorted(counts).index(name)
            save(root, f"{name}/{n}.png", pixels)


def read(folder):
    """Images and labels by split, with every check that building a data set does."""
    splits = {}
    for split, part in idx_set.IdxSet(folder).parts.items():
        images, labels = zip(*part.read(), strict=True)
        splits[split] = np.concatenate(images)[..., 0], np.concatenate(labels)
    return splits


def test_a_folder_of_classes_becomes_a_set(tmp_path, run):
    save_classes(tmp_path / "in", {"b": 10, "a": 5})
    code, out, err = run(tmp_path / "in", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "   label     train      test  class",
        "       0         4         1  a",
        "       1         8         2  b",
        f"Wrote {tmp_path / 'out'}: 12 training and 3 test images, 2 x 3, 2 classes. "
        "To train on them:",
        f"python -m trainer --idx_dir={tmp_path / 'out'}",
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES
    assert (tmp_path / "out" / "labels.txt").read_text() == "a\nb\n"
    splits = read(tmp_path / "out")
    assert splits["train"][0].shape == (12, 2, 3)
    seen = []
    for images, labels in splits.values():
        np.testing.assert_array_equal(images[:, 0, 0], labels)
        seen += zip(labels.tolist(), images[:, 1, 2].tolist(), strict=True)
    assert sorted(seen) == [(0, n) for n in range(5)] + [(1, n) for n in range(10)]


def test_train_and_test_become_the_two_splits(tmp_path, run):
    save_classes(tmp_path / "in" / "train", {"10": 3, "9": 2})
    save_classes(tmp_path / "in" / "test", {"10": 1})
    assert run(tmp_path / "in", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "labels.txt").read_text() == "9\n10\n"
    splits = read(tmp_path / "out")
    assert sorted(splits["train"][1]) == [0, 0, 1, 1, 1]
    assert splits["test"][1].tolist() == [1]


def pictures(folder):
    """Paths of the pictures by split."""
    opened = idx_set.IdxSet(folder)
    return {split: list(opened.pictures(split)) for split in opened.parts}


@pytest.mark.parametrize("given", [False, True], ids=["split here", "split by folder"])
def test_each_image_has_the_path_of_its_picture(tmp_path, run, given):
    for folder in ("in/train", "in/test") if given else ("in",):
        save_classes(tmp_path / folder, {"a": 7, "b": 4})
    assert run(tmp_path / "in", tmp_path / "out")[0] == 0
    found = pictures(tmp_path / "out")
    for split, (images, _) in read(tmp_path / "out").items():
        assert len(images) == len(set(found[split]))
        for image, path in zip(images, found[split], strict=True):
            assert path.startswith(f"{split}/") == given
            saved = Image.open(tmp_path / "in" / path)
            np.testing.assert_array_equal(image, np.asarray(saved))


def test_paths_are_those_of_the_pictures_that_were_not_skipped(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 3})
    (tmp_path / "in" / "a" / "00.png").write_text("no picture")
    assert run(tmp_path / "in", tmp_path / "out", "--skip_bad")[0] == 0
    found = itertools.chain.from_iterable(pictures(tmp_path / "out").values())
    assert sorted(found) == ["a/0.png", "a/1.png", "a/2.png"]


def test_paths_come_back_whatever_the_file_system_allows_in_them(tmp_path, run):
    """Bytes that are no UTF-8, spaces at the ends, and a carriage return."""
    names = sorted(["\udcff.png", " a ", "b\r", "c\u2028d", "é"])
    (tmp_path / "in" / "a").mkdir(parents=True)
    for number, name in enumerate(names):
        save(tmp_path, "picture.png", [[number]])
        os.rename(tmp_path / "picture.png", tmp_path / "in" / "a" / name)
    assert run(tmp_path / "in", tmp_path / "out")[0] == 0
    found = itertools.chain.from_iterable(pictures(tmp_path / "out").values())
    assert sorted(found) == [f"a/{name}" for name in names]


def test_a_name_with_a_line_feed_is_refused(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 2})
    os.rename(tmp_path / "in" / "a" / "1.png", tmp_path / "in" / "a" / "1\n.png")
    code, _, err = run(tmp_path / "in", tmp_path / "out")
    assert code == 1
    assert err == (
        f"python -m {MODULE}: {tmp_path / 'in' / 'a'}: picture: expected a name without "
        "a line feed, found '1\\n.png'. Rename it.\n"
    )
    assert not (tmp_path / "out").exists()


def test_66000_images_that_are_not_square_fit(tmp_path, run):
    """More than 16 bits count; height comes before width."""
    images = np.full((66_000, 2, 3), 200, np.uint8)
    images[:, 0, 0] = np.arange(66_000) % 2
    images[:, 1, 2] = np.arange(66_000) // 2 % 4
    np.savez(tmp_path / "in.npz", x=images, y=images[:, 0, 0])
    code, out, _ = run(tmp_path / "in.npz", tmp_path / "out")
    assert code == 0
    # Of four equal ones.
    assert "49,500 training and 16,500 test images, 2 x 3, 2 classes" in out
    splits = read(tmp_path / "out")
    images = np.concatenate([images for images, _ in splits.values()])
    labels = np.concatenate([labels for _, labels in splits.values()])
    assert splits["train"][0].shape == (49_500, 2, 3)
    np.testing.assert_array_equal(images[:, 0, 0], labels)
    assert np.bincount(images[:, 1, 2]).tolist() == [16_500] * 4


def test_more_classes_than_a_byte_counts_get_wider_labels(tmp_path, run):
    for n in range(2):
        save(tmp_path, f"in/0/{n}.png", [[n]])
    for label in range(1, 300):
        (tmp_path / "in" / f"{label}").mkdir()
        for n in range(2):
            name = f"{n}.png"
            os.link(tmp_path / "in/0" / name, tmp_path / "in" / f"{label}" / name)
    assert run(tmp_path / "in", tmp_path / "out")[0] == 0
    for _, labels in read(tmp_path / "out").values():
        assert sorted(labels) == list(range(300))


def test_pictures_of_many_sizes_are_brought_to_one(tmp_path, run):
    save(tmp_path, "in/a/1.png", np.full((40, 20), 9))
    save(tmp_path, "in/a/2.png", np.full((3, 5), 8))
    save(tmp_path, "in/a/3.png", np.full((28, 28), 9))
    assert run(tmp_path / "in", tmp_path / "square", "--size=28")[0] == 0
    assert run(tmp_path / "in", tmp_path / "other", "--size=9x17")[0] == 0
    for name, shape in (("square", (2, 28, 28)), ("other", (2, 9, 17))):
        np.testing.assert_array_equal(
            read(tmp_path / name)["train"][0], np.full(shape, 9)
        )


def test_pictures_of_two_sizes_are_named(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 1})
    save_classes(tmp_path / "in", {"b": 1}, shape=(3, 2))
    code, out, err = run(tmp_path / "in", tmp_path / "out")
    assert (code, out) == (1, "")
    assert err == (
        f"python -m {MODULE}: {tmp_path / 'in' / 'b' / '0.png'}: image size: expected "
        f"2 x 3 as in {tmp_path / 'in' / 'a' / '0.png'}, found 3 x 2. "
        "Give --size=28 for signs and drawings, or --size=96 --color for photographs, "
        "to bring all to one size.\n"
    )
    assert not (tmp_path / "out").exists()


def test_all_unreadable_pictures_are_listed_and_nothing_is_written(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 3, "b": 3})
    bad = [tmp_path / "in" / "a" / "x.png", tmp_path / "in" / "b" / "y"]
    for path in bad:
        path.write_text("no picture")
    code, out, err = run(tmp_path / "in", tmp_path / "out")
    assert (code, out) == (1, "")
    expected = "image: expected a readable picture, found data of no known format."
    assert err.splitlines() == [
        *(f"{path}: {expected}" for path in bad),
        f"python -m {MODULE}: {tmp_path / 'in'}: pictures: expected ones that can be "
        "read, found 2 of 8 that cannot, listed above. "
        "Mend or remove them, or leave them out with --skip_bad.",
    ]
    assert not (tmp_path / "out").exists()


def test_unreadable_pictures_are_left_out_if_asked_for(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 3})
    bad = tmp_path / "in" / "a" / "x.png"
    bad.write_text("no picture")
    code, _, err = run(tmp_path / "in", tmp_path / "out", "--skip_bad")
    assert code == 0
    assert err.startswith(f"{bad}: ")
    assert [len(labels) for _, labels in read(tmp_path / "out").values()] == [2, 1]


@pytest.mark.parametrize("bad", ["all", "a class"])
def test_too_few_readable_pictures_are_an_error(tmp_path, run, bad):
    save_classes(tmp_path / "in", {"a": 3} if bad == "a class" else {})
    for n in range(2):
        (tmp_path / "in" / "b").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "b" / f"{n}").touch()
    code, _, err = run(tmp_path / "in", tmp_path / "out", "--skip_bad")
    assert code == 1
    assert "found" in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_command_writes_the_same_bytes(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 20, "b": 20})
    save_classes(tmp_path / "moved", {"b": 20, "a": 20})
    assert run(tmp_path / "in", tmp_path / "1")[0] == 0
    assert run(tmp_path / "moved", tmp_path / "2")[0] == 0
    assert run(tmp_path / "in", tmp_path / "3", "--seed=1")[0] == 0
    assert written(tmp_path / "1") == written(tmp_path / "2")
    assert written(tmp_path / "1") != written(tmp_path / "3")


def test_a_set_that_is_there_is_replaced_only_if_asked_for(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 4})
    idx_files.write_set(tmp_path / "out")
    before = written(tmp_path / "out")
    code, _, err = run(tmp_path / "in", tmp_path / "out")
    assert code == 1
    assert (
        f"{tmp_path / 'out'}: folder: expected no set in it, found t10k-images" in err
    )
    assert err.endswith("Choose another folder, or replace them with --overwrite.\n")
    assert written(tmp_path / "out") == before
    assert run(tmp_path / "in", tmp_path / "out", "--overwrite")[0] == 0
    assert read(tmp_path / "out")["train"][0].shape == (3, 2, 3)


def test_a_second_set_is_not_written_beside_another(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 4})
    idx_files.write_set(tmp_path / "out", suffix="")
    before = written(tmp_path / "out")
    code, _, err = run(tmp_path / "in", tmp_path / "out", "--overwrite")
    assert code == 1
    assert "train-images-idx3-ubyte, " in err
    assert err.endswith("Choose another folder: one set in each.\n")
    assert written(tmp_path / "out") == before


def test_other_files_of_the_folder_stay(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 4})
    (tmp_path / "in" / "README").touch()
    assert run(tmp_path / "in", tmp_path / "in")[0] == 0
    assert {path.name for path in (tmp_path / "in").iterdir()} == {
        "a",
        "README",
    } | NAMES


@pytest.mark.parametrize("there", [False, True], ids=["new", "over another"])
def test_a_failure_to_write_leaves_what_was_there(tmp_path, run, monkeypatch, there):
    save_classes(tmp_path / "in", {"a": 4})
    if there:
        idx_files.write_set(tmp_path / "out")
    before = written(tmp_path / "out") if there else None
    write = idx.write

    def full(path, *args):
        write(path, *args)
        if "t10k" in path.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(idx, "write", full)
    code, _, err = run(tmp_path / "in", tmp_path / "out", "--overwrite")
    assert code == 1
    assert err == f"python -m {MODULE}: no space left on device\n"
    assert (tmp_path / "out").exists() == there
    assert not there or written(tmp_path / "out") == before


@pytest.mark.parametrize("moves", range(7))
def test_a_failure_to_move_leaves_nothing_that_passes_for_a_set(
    tmp_path, run, monkeypatch, moves
):
    """Such as half of the old and half of the new."""
    save_classes(tmp_path / "in", {"a": 4})
    idx_files.write_set(tmp_path / "out")
    replace, left = os.replace, [None] * moves

    def fail(source, target):
        if target.parent == tmp_path / "out":
            if not left:
                raise OSError("gone")
            left.pop()
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert run(tmp_path / "in", tmp_path / "out", "--overwrite")[0] == 1
    with pytest.raises(idx.IdxError, match="expected one file"):
        idx_set.find(tmp_path / "out")


def test_memory_does_not_grow_with_the_pictures(tmp_path, run, monkeypatch):
    """For each core it has some, of which a machine may have many."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    save(tmp_path, "in/a/0.png", np.zeros((1000, 1000)))
    for n in range(1, 60):
        os.link(tmp_path / "in" / "a" / "0.png", tmp_path / "in" / "a" / f"{n}.png")
    save(tmp_path, "in/a/60.png", np.ones((1000, 1000)))
    tracemalloc.start()
    try:
        assert run(tmp_path / "in", tmp_path / "out")[0] == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


def same(folder, other):
    """Whether two folders have the same images and labels in the same order."""
    one, two = read(folder), read(other)
    return all(
        np.array_equal(a, b)
        for split in one
        for a, b in zip(one[split], two[split], strict=True)
    )


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 3), np.uint8)
LABELS = np.array([7, 30] * 10)


def test_an_archive_becomes_a_set_in_its_order(tmp_path, run):
    np.savez(
        tmp_path / "set.npz",
        train_images=IMAGES[:9],
        train_labels=LABELS[:9, np.newaxis],
        val_images=IMAGES[9:12],
        val_labels=LABELS[9:12, np.newaxis],
        test_images=IMAGES[12:],
        test_labels=LABELS[12:, np.newaxis],
    )
    code, out, err = run(tmp_path / "set.npz", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        "   label     train      test  class",
        "       0         6         4  7",
        "       1         6         4  30",
        f"{tmp_path / 'set.npz'}: the 3 of valid are trained on, too",
    ]
    images, labels = read(tmp_path / "out")["train"]
    np.testing.assert_array_equal(images, IMAGES[:12])
    assert labels.tolist() == [0, 1] * 6
    assert (tmp_path / "out" / "labels.txt").read_text() == "7\n30\n"
    assert pictures(tmp_path / "out")["test"][0] == "set.npz test_images[0]"


def test_one_csv_file_is_split_as_folders_are(tmp_path, run):
    path = write_table(tmp_path / "set.csv.gz", *table_of(IMAGES, LABELS))
    for name, *flags in ("1",), ("2", "--seed=1"), ("3", "--test_share=0.5"):
        assert run(path, tmp_path / name, *flags)[0] == 0
    splits = read(tmp_path / "1")
    assert np.bincount(splits["test"][1]).tolist() == [2, 2]
    assert not same(tmp_path / "1", tmp_path / "2")
    assert len(read(tmp_path / "3")["test"][1]) == 10
    found = np.concatenate([images for images, _ in splits.values()])
    assert sorted(found.tolist()) == sorted(IMAGES.tolist())
    for split, (images, labels) in splits.items():
        lines = [int(text.split()[-1]) for text in pictures(tmp_path / "1")[split]]
        rows = np.array(lines) - 2
        np.testing.assert_array_equal(images, IMAGES[rows])
        np.testing.assert_array_equal(labels, LABELS[rows] == 30)


def test_two_csv_files_are_the_splits_in_their_order(tmp_path, run):
    train = write_table(tmp_path / "1.csv", *table_of(IMAGES[:8], LABELS[:8]))
    test = write_table(tmp_path / "2.csv", *table_of(IMAGES[8:], LABELS[8:]))
    assert run(train, f"--test_csv={test}", tmp_path / "out")[0] == 0
    splits = read(tmp_path / "out")
    np.testing.assert_array_equal(splits["train"][0], IMAGES[:8])
    np.testing.assert_array_equal(splits["test"][0], IMAGES[8:])


def test_pictures_in_a_csv_file_are_the_same_set_as_in_folders(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 7, "b": 4})
    rows = [
        [f"{name}/{n}.png", name] for name, n in (("b", 4), ("a", 7)) for n in range(n)
    ]
    write_table(tmp_path / "set.csv", "file,label", rows)
    flags = f"--images_dir={tmp_path / 'in'}"
    assert run(tmp_path / "in", tmp_path / "1")[0] == 0
    code, out, _ = run(tmp_path / "set.csv", tmp_path / "2", flags)
    assert code == 0
    assert out.startswith(f"{tmp_path / 'set.csv'}: pictures by 'file', classes by")
    assert written(tmp_path / "1") == written(tmp_path / "2")


def test_a_data_set_of_tfds_becomes_a_set(tmp_path, run):
    parts = ("train", IMAGES[:8], LABELS[:8]), ("test", IMAGES[8:], LABELS[8:])
    arrays = {part: (images, labels // 10) for part, images, labels in parts}
    tfds_sets.build(tmp_path, arrays)
    data = f"--data_dir={tmp_path / 'data'}"
    flag = "--dataset=mnist_idx_tfds/own"
    code, out, _ = run(flag, data, tmp_path / "out")
    assert code == 0
    assert f"{flag}: its splits are used: train as train, test as test\n" in out
    assert (tmp_path / "out" / "labels.txt").read_text() == "0\n3\n"
    for split, (images, labels) in read(tmp_path / "out").items():
        expected = zip(arrays[split][0].tolist(), arrays[split][1] == 3, strict=True)
        assert sorted(zip(images.tolist(), labels, strict=True)) == sorted(expected)


COLORS = np.random.default_rng(1).integers(0, 256, (*IMAGES.shape, 3), np.uint8)


@pytest.mark.parametrize("form", ["pictures", "csv", "npz", "dataset"])
def test_colors_are_kept_if_asked_for(tmp_path, run, form):
    """In files of rank 4, where without the flag there would be ones of rank 3."""
    splits = {"train": slice(8), "test": slice(8, None)}
    for part, rows in splits.items():
        for n, image in enumerate(COLORS[rows]):
            save(tmp_path, f"pictures/{part}/a/{n}.png", image)
    files = [(part, f"{part}/a/{n}.png") for part, n in (("train", 3), ("test", 2))]
    write_table(tmp_path / "csv.csv", "file,label", [[path, "a"] for _, path in files])
    arrays = {part: (COLORS[rows], LABELS[rows] * 0) for part, rows in splits.items()}
    np.savez(
        tmp_path / "npz.npz",
        **{f"x_{part}": images for part, (images, _) in arrays.items()},
        **{f"y_{part}": labels for part, (_, labels) in arrays.items()},
    )
    source = {
        "pictures": [tmp_path / "pictures"],
        "csv": [tmp_path / "csv.csv", f"--images_dir={tmp_path / 'pictures'}"],
        "npz": [tmp_path / "npz.npz"],
        "dataset": ["--dataset=mnist_idx_tfds/own", f"--data_dir={tmp_path / 'data'}"],
    }[form]
    if form == "dataset":
        tfds_sets.build(tmp_path, arrays)
    expected = {tuple(image.ravel()) for image in COLORS}
    for flags, rank in (["--color"], 4), ([], 3):
        code, out, err = run(*source, tmp_path / "out", "--overwrite", *flags)
        assert code == 0, err
        assert ("in color" in out) == (rank == 4)
        for pair in idx_set.find(tmp_path / "out").values():
            images = idx.load(pair.images)
            assert images.ndim == rank
            if rank == 4:
                assert {tuple(image.ravel()) for image in images} <= expected


def test_pixels_of_a_csv_file_have_no_colors(tmp_path, run):
    path = write_table(tmp_path / "set.csv", *table_of(IMAGES, LABELS))
    code, _, err = run("--color", path, tmp_path / "out")
    assert code == 1
    assert "--color: source: expected one that has colors, found a CSV file of" in err


@pytest.mark.parametrize("form", ["pictures", "csv", "npz"])
def test_tensorflow_is_imported_for_data_sets_alone(tmp_path, form):
    save_classes(tmp_path / "pictures", {"a": 2, "b": 2})
    write_table(tmp_path / "csv.csv", *table_of(IMAGES, LABELS))
    arrays = {f"x_{part}": IMAGES for part in ("train", "test")}
    np.savez(tmp_path / "npz.npz", **arrays, y_train=LABELS, y_test=LABELS)
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('this takes seconds')")
    (source,) = tmp_path.glob(f"{form}*")
    ended = processes.run(MODULE, source, tmp_path / "out", path=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([7, *[0] * 8], "line 21: expected 10 values as in line 1, found 9"),
        ([7, *[0] * 8, 256], "line 21: pixel8: expected a whole number of 0 to 255"),
    ],
)
@pytest.mark.parametrize("there", [False, True], ids=["new", "over another"])
def test_a_fault_in_the_last_row_leaves_what_was_there(
    tmp_path, run, row, message, there
):
    header, rows = table_of(IMAGES, LABELS)
    path = write_table(tmp_path / "set.csv", header, [*rows[:-1], row])
    if there:
        idx_files.write_set(tmp_path / "out")
    before = written(tmp_path / "out") if there else None
    code, out, err = run(path, tmp_path / "out", "--overwrite")
    assert (code, out) == (1, "")
    assert err.startswith(f"python -m {MODULE}: {path}: {message}")
    assert err.count("\n") == 1
    assert (tmp_path / "out").exists() == there
    assert not there or written(tmp_path / "out") == before


def test_arrays_are_brought_to_a_size_as_pictures_are(tmp_path, run):
    arrays = {f"x_{part}": IMAGES for part in ("train", "test")}
    np.savez(tmp_path / "set.npz", **arrays, y_train=LABELS, y_test=LABELS)
    for n, image in enumerate(IMAGES):
        for part in ("train", "test"):
            save(tmp_path, f"in/{part}/a/{n}.png", image)
    assert run(tmp_path / "set.npz", tmp_path / "1", "--size=5x7")[0] == 0
    assert run(tmp_path / "in", tmp_path / "2", "--size=5x7")[0] == 0
    one, two = (read(tmp_path / name)["test"][0] for name in "12")
    assert one.shape == (20, 5, 7)
    assert sorted(one.tolist()) == sorted(two.tolist())


def test_labels_of_the_other_width_are_replaced(tmp_path, run):
    save_classes(tmp_path / "few", {"a": 2})
    labels = np.arange(600) % 300
    many = np.full((600, 2, 2), 200, np.uint8)
    many[300:] = 201
    path = write_table(tmp_path / "many.csv", *table_of(many, labels))
    for source in (path, tmp_path / "few", path):
        assert run(source, tmp_path / "out", "--overwrite")[0] == 0
        idx_set.find(tmp_path / "out")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["in"], "expected SOURCE or --dataset, and OUT_DIR, found neither"),
        (
            ["--dataset=mnist"],
            "expected SOURCE or --dataset, and OUT_DIR, found both",
        ),
        (["--size=0"], "argument --size: expected 28 or HEIGHTxWIDTH, found '0'"),
        (["--size=9x"], "argument --size: expected 28 or HEIGHTxWIDTH, found '9x'"),
        (
            ["--test_share=1"],
            "argument --test_share: expected between 0 and 1, found '1'",
        ),
        (
            ["--test_share=x"],
            "argument --test_share: expected between 0 and 1, found 'x'",
        ),
        (["--seed=x"], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_a_wrong_command_is_exit_code_2(tmp_path, run, args, message):
    if args != ["in"]:
        args = [*args, tmp_path / "in", tmp_path / "out"]
    code, _, err = run(*args)
    assert code == 2
    assert err.splitlines()[-1] == f"python -m {MODULE}: error: {message}"


def deep(value):
    """A picture of 16 bits, as bright as that."""
    return Image.fromarray(np.full((2, 3), value, np.uint16))


def bar(paper, ink, alpha):
    """A picture of ink on nothing, in a row that is as long as that."""
    pixels = np.full((2, 3, 4), (paper, paper, paper, 0), np.uint8)
    pixels[0, :ink] = (255, 255, 255, alpha)
    return Image.fromarray(pixels)


# Name: two pictures of each of two classes, flags, and what is said or refused.
PICTURES = {
    "16 bits of 0 to 230": ([deep(n) for n in (0, 9, 200, 230)], [], "are of 0 to 255"),
    "16 bits of 12": ([deep(n) for n in (0, 9, 99, 4095)], [], "0 to 4095, scaled"),
    "16 bits of all": ([deep(n) for n in (0, 9, 99, 60_000)], [], "0 to 65535, scaled"),
    "1 of 16 bits": ([deep(n) for n in (0, 1, 0, 1)], [], "0 to 1, scaled to 0 to 255"),
    "10 of 16 bits": ([deep(n) for n in (0, 9, 99, 1000)], [], None),
    "10 of 16 bits, said": (
        [deep(n) for n in (0, 9, 99, 1000)],
        ["--white=1023"],
        "0 to 1023, scaled",
    ),
    "brighter than white": (
        [deep(n) for n in (0, 9, 99, 1000)],
        ["--white=999"],
        None,
    ),
    "floats": (
        [Image.fromarray(np.full((2, 3), n, np.float32)) for n in (0, 0.1, 0.2, 0.9)],
        [],
        "0 to 1, scaled",
    ),
    "white on nothing": (
        [bar(255, n, 255) for n in (1, 2, 3)] + [bar(255, 3, 128)],
        [],
        "4 pictures with white ink on nothing were put on black",
    ),
    "colors": (
        [Image.new("RGB", (3, 2), (n, 0, 200)) for n in range(4)],
        [],
        "colors became gray; --color keeps them",
    ),
    "colors, and much larger": (
        [Image.new("RGB", (12, 8), (n, 0, 200)) for n in range(4)],
        ["--size=7"],
        "colors became gray; --color keeps them; half of the pictures have 12 pixels a "
        "side or more: of photographs --size=12 keeps what a network sees",
    ),
    "colors, a little larger": (
        [Image.new("RGB", (12, 8), (n, 0, 200)) for n in range(4)],
        ["--size=8"],
        "colors became gray; --color keeps them\n",
    ),
    "large": (
        [Image.new("L", (20, 10), n) for n in range(4)],
        ["--large", "--size=2x3"],
        "",
    ),
    "too large": ([Image.new("L", (20, 10), n) for n in range(4)], ["--size=2"], None),
}


@pytest.mark.parametrize("case", PICTURES)
def test_what_pictures_hold_is_kept_or_said(tmp_path, run, monkeypatch, case):
    pictures, flags, said = PICTURES[case]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for n, picture in enumerate(pictures):
        path = tmp_path / "in" / "ab"[n // 2] / f"{n}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    code, out, err = run(tmp_path / "in", tmp_path / "out", *flags)
    assert (code, err.count("\n")) == (
        (0, 0) if said is not None else (1, 1 + 4 * ("too" in case))
    )
    if case == "too large":
        assert err.count("If you trust it: --large, with a small --size.") == 4
    if said is not None:
        assert said in out
        assert "colors" in case or "color" not in out
        images = [images for images, _ in read(tmp_path / "out").values()]
        assert np.concatenate(images).max() >= 2


def test_pages_are_images_and_animations_are_counted(tmp_path, run):
    for name in "ab":
        (tmp_path / "in" / name).mkdir(parents=True)
        for end, low in ((".tif", 0), (".gif", 9)):
            grays = [40 * n + ord(name) % 2 + low for n in range(5)]
            first, *others = [Image.new("L", (3, 2), gray) for gray in grays]
            path = tmp_path / "in" / name / f"x{end}"
            first.save(path, save_all=True, append_images=others)
    code, out, _ = run(tmp_path / "in", tmp_path / "out", "--group=(.+) page")
    assert code == 0
    assert "2 files have 10 pages, an image each" in out
    assert "of 2 animations the first frame was taken" in out
    assert "2 groups, each all trained on or all tested on; 2 images are in none" in out
    found = pictures(tmp_path / "out")
    assert sorted(found["train"] + found["test"]) == sorted(
        f"{name}/x.{end}"
        for name in "ab"
        for end in ["gif", *(f"tif page {n}" for n in range(1, 6))]
    )


def test_pages_are_kept_together_by_the_pattern_that_is_said(tmp_path, run):
    for k, name in enumerate(("a/one", "a/two", "b/one", "b/two")):
        path = tmp_path / "in" / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        first, *others = [Image.new("L", (3, 2), 25 * n + k) for n in range(10)]
        first.save(path, save_all=True, append_images=others)
    _, out, _ = run(tmp_path / "in", tmp_path / "out")
    pattern = "(.+) page"
    assert f"--group='{pattern}' or the like keeps them together" in out
    _, out, _ = run(tmp_path / "in", tmp_path / "new", f"--group={pattern}")
    assert "4 groups, each all trained on or all tested on" in out


def test_names_that_look_like_groups_are_said_and_groups_go_to_one_side(tmp_path, run):
    for name in "ab":
        for n in range(40):
            save(tmp_path, f"in/{name}/{n // 4:05}_{n % 4:05}.png", [[n, ord(name)]])
    code, out, _ = run(tmp_path / "in", tmp_path / "out")
    assert code == 0
    assert "names such as 00000_00000.png look like several of one thing" in out
    code, out, _ = run(tmp_path / "in", tmp_path / "new", "--group=(.+)_")
    assert code == 0
    assert "20 groups, each all trained on or all tested on\n" in out
    groups = [
        {p.rpartition("_")[0] for p in part}
        for part in pictures(tmp_path / "new").values()
    ]
    assert not groups[0] & groups[1]
    assert {*map(len, groups)} == {16, 4}
    for pattern, message in (
        ("(", "--group: pattern: "),
        ("page", "'page', which is not"),
    ):
        code, _, err = run(tmp_path / "in", tmp_path / "x", f"--group={pattern}")
        assert (code, err.count("\n")) == (1, 1)
        assert message in err


def test_numbers_of_pictures_alone_look_like_no_groups(tmp_path, run):
    for name in "ab":
        for n in range(40):
            save(tmp_path, f"in/{name}/{name}1_{n}.png", [[n, ord(name)]])
    assert "of one thing" not in run(tmp_path / "in", tmp_path / "out")[1]


@pytest.mark.parametrize("test", [0, 2])
def test_what_is_to_validate_may_be_left_out(tmp_path, run, test):
    for part, count in (("train", 6), ("val", 3), ("test", test)):
        save_classes(tmp_path / "in" / part, {"a": count, "b": count})
    code, out, _ = run(tmp_path / "in", tmp_path / "out", "--validation=drop")
    assert code == 0
    assert f"{tmp_path / 'in'}: the 6 to validate are left out\n" in out
    assert {len(labels) for _, labels in read(tmp_path / "out").values()} == {
        12 - 2 * (not test),
        4 if test else 2,
    }


def test_names_cannot_move_the_cursor(tmp_path, run):
    save_classes(tmp_path / "in", {"a": 3})
    (tmp_path / "in" / "a" / "x\x1b[2J.md").touch()
    (tmp_path / "in" / "a" / "y\x1b[2J.png").touch()
    _, out, err = run(tmp_path / "in", tmp_path / "out", "--skip_bad")
    assert "\x1b" not in out + err
    assert r"x\x1b[2J.md" in out
    assert r"y\x1b[2J.png" in err


def test_only_files_are_pictures(tmp_path, run):
    """To open a pipe would take forever."""
    save_classes(tmp_path / "in", {"a": 3})
    os.mkfifo(tmp_path / "in" / "a" / "x.png")
    code, out, err = run(tmp_path / "in", tmp_path / "out", "--skip_bad")
    assert code == 0
    assert "x.png: image: expected a readable picture, found an error: a pipe" in err
    assert "1 pictures that cannot be read left out" in out
