"""Tests of the digit renderer."""

import functools
import gzip
import pathlib
import zlib

import idx_files
import numpy as np
import processes
import pytest

from mnist_idx_tfds import idx, render_digits

MODULE = "mnist_idx_tfds.render_digits"
_DUMMY_DATA = pathlib.Path(render_digits.__file__).parent / "dummy_data"
_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@pytest.fixture(scope="module")
def default_set(tmp_path_factory):
    """The folder that the script wrote with its default sizes and seed."""
    folder = tmp_path_factory.mktemp("digits") / "made"
    result = processes.run(MODULE, f"--out_dir={folder}")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def run(run_module):
    return functools.partial(run_module, MODULE)


def _all(chunks):
    return np.concatenate(list(chunks))


@pytest.mark.parametrize("name", _FILES)
def test_dummy_data_is_reproduced(default_set, name):
    """The script with its defaults gives the committed data, bit for bit."""
    made, committed = ((d / name).read_bytes() for d in (default_set, _DUMMY_DATA))
    assert gzip.decompress(made) == gzip.decompress(committed)
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng compresses otherwise.
        assert made == committed


@pytest.mark.parametrize("name", _FILES)
def test_gzip_header_has_no_time_or_name(default_set, name):
    """The gzip header holds neither a time stamp nor a file name."""
    header = (default_set / name).read_bytes()[:10]
    assert header[3:8] == bytes(5)  # The flags and the four bytes of the time.


def test_dummy_data_is_small():
    """The committed data stay under 850 kB."""
    assert sum((_DUMMY_DATA / name).stat().st_size for name in _FILES) < 850_000


@pytest.mark.parametrize("make", [render_digits.images, render_digits.labels])
def test_larger_set_begins_with_smaller(make):
    """A larger set begins with the same examples as a smaller one."""
    large = _all(make(2100, 3, render_digits.TRAIN))
    assert len(large) == 2100
    for count in (1, 999, 1000, 1001):
        small = _all(make(count, 3, render_digits.TRAIN))
        np.testing.assert_array_equal(small, large[:count])


def test_chunks_splits_and_seeds_differ():
    """Chunks, splits and seeds do not repeat each other's digits."""
    first, second = render_digits.images(2000, 0, render_digits.TRAIN)
    (test,) = render_digits.images(1000, 0, render_digits.TEST)
    (other,) = render_digits.images(1000, 1, render_digits.TRAIN)
    digits = np.concatenate([first, second, test, other]).reshape(4000, -1)
    assert len(np.unique(digits, axis=0)) == 4000


def test_images_are_white_on_exact_black():
    """Digits are uint8 28 x 28, mostly 0, with strokes of up to 255."""
    digits = _all(render_digits.images(1000, 0, render_digits.TRAIN))
    assert digits.shape == (1000, 28, 28)
    assert digits.dtype == np.uint8
    assert digits.max() == 255
    assert digits.max(axis=(1, 2)).min() > 120
    assert 0.1 < np.mean(digits > 0) < 0.25


@pytest.mark.parametrize("split", [render_digits.TRAIN, render_digits.TEST])
def test_all_classes_are_present(split):
    """The ten classes are about equally frequent and in no order."""
    labels = _all(render_digits.labels(800, 0, split))
    assert labels.dtype == np.uint8
    counts = np.bincount(labels, minlength=10)
    assert len(counts) == 10
    assert counts.min() > 50
    assert np.mean(np.diff(labels.astype(int)) < 0) > 0.3


def test_labels_belong_to_images():
    """Digits resemble their own class's mean of other digits more than another's."""
    train, test = render_digits.TRAIN, render_digits.TEST
    digits = _all(render_digits.images(2000, 0, train)).reshape(2000, -1) / 255
    labels = _all(render_digits.labels(2000, 0, train))
    means = np.stack([digits[labels == label].mean(axis=0) for label in range(10)])
    digits = _all(render_digits.images(500, 0, test)).reshape(500, -1) / 255
    distance = np.square(digits[:, None] - means).sum(axis=2)
    right = distance.argmin(axis=1) == _all(render_digits.labels(500, 0, test))
    assert right.mean() > 0.5


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, 0, 0), "number of examples must be 1 to"),
        ((2.5, 0, 0), "number of examples must be 1 to"),
        ((1, -1, 0), "seed must be 0 to"),
        ((1, 2**32, 0), "seed must be 0 to"),
        ((1, 0, 2), "split must be 0 to 1, not 2"),
        ((1, 0, "train"), "split must be 0 to 1, not 'train'"),
    ],
)
def test_bad_arguments_are_refused_at_once(args, message):
    """A bad argument is one clear error, before anything is drawn."""
    for make in (render_digits.images, render_digits.labels):
        with pytest.raises(ValueError, match=message):
            make(*args)


def test_bad_size_writes_nothing(tmp_path):
    """A set with one bad size leaves no folder behind."""
    with pytest.raises(ValueError, match="number of examples"):
        render_digits.write_set(tmp_path / "new", 10, 0, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        ("--seed=-1", "--seed: expected 0 to 4294967295, found '-1'"),
        ("--test_examples=0", "--test_examples: expected 1 to 4294967295, found '0'"),
        ("--test_examples=x", "--test_examples: expected 1 to 4294967295, found 'x'"),
    ],
)
def test_a_wrong_command_is_exit_code_2_and_writes_nothing(tmp_path, run, arg, message):
    code, _, err = run(f"--out_dir={tmp_path / 'new'}", arg)
    assert code == 2
    assert err.splitlines()[-1].endswith(f"error: argument {message}")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, run):
    (tmp_path / "file").touch()
    code, _, err = run(f"--out_dir={tmp_path / 'file'}")
    assert code == 1
    assert err.splitlines() == [
        f"python -m mnist_idx_tfds.render_digits: {tmp_path / 'file'}: folder: expected "
        "a folder to write to, found a file."
    ]


def test_another_set_is_only_replaced_when_asked_to(tmp_path, run):
    """As a whole: no part, and no names of classes, stay of the other."""
    idx_files.write_set(tmp_path)
    (tmp_path / "labels.txt").write_text("a\n" * 10)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    args = [f"--out_dir={tmp_path}", "--train_examples=20", "--test_examples=5"]
    code, _, err = run(*args)
    assert code == 1
    assert err.endswith("or replace them with --overwrite.\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    code, _, err = run(*args, "--overwrite")
    assert (code, err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {*_FILES}
    assert idx.load(tmp_path / _FILES[0]).shape == (20, 28, 28)


def test_a_set_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(render_digits, "labels", fail)
    with pytest.raises(OSError, match="No space left"):
        render_digits.write_set(tmp_path / "new", 10, 5, 0)
    assert not list(tmp_path.iterdir())
