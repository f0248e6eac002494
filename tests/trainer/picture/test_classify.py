"""What a network says of images in files."""

import os

import keras
import numpy as np
import pytest
from idx_files import encode, gzip_member
from PIL import Image

from mnist_idx_tfds import idx
from trainer.errors import TrainerError
from trainer.machine import shares
from trainer.network import architectures
from trainer.picture import classify

DIGITS = "mnist_idx_tfds/dummy_data/t10k-images-idx3-ubyte.gz"
NAMES = tuple(f"digit {k}" for k in range(10))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return architectures.cnn((28, 28, 1), 10)


@pytest.fixture(scope="module")
def digits():
    return next(idx.read(DIGITS))[:30]


def label(network, *files, names=NAMES, **options):
    """Returns predictions and complaints."""
    errors = []
    files = [str(file) for file in files]
    made = classify.predict(network, names, files, complain=errors.append, **options)
    return list(made), errors


def expected(network, digits):
    """Returns what evaluation has: the probabilities of all classes."""
    return network.predict(digits[..., None], batch_size=1000, verbose=0)


def test_png_files_of_a_test_split_have_the_probabilities_of_an_evaluation(
    network, digits, tmp_path
):
    paths = [tmp_path / f"{i}.png" for i in range(len(digits))]
    for path, digit in zip(paths, digits, strict=True):
        Image.fromarray(digit).save(path)
    made, errors = label(network, *paths)
    assert not errors
    for row, found, path in zip(expected(network, digits), made, paths, strict=True):
        assert (found.file, found.index, found.inverted) == (str(path), None, False)
        best = np.argsort(-row)[:3]
        assert [c["label"] for c in found.predictions] == list(best)
        assert [c["name"] for c in found.predictions] == [NAMES[k] for k in best]
        probabilities = [c["probability"] for c in found.predictions]
        np.testing.assert_allclose(probabilities, row[best], rtol=1e-5)


def test_what_the_judge_says_is_said_of_each_image(network, digits, tmp_path):
    path = tmp_path / "digits"
    path.write_bytes(encode(digits))
    unlike = digits[:, 14, 14] > 100

    def judge(pixels):
        np.testing.assert_array_equal(pixels[..., 0], digits)
        return expected(network, digits), unlike

    made, _ = label(network, path, judge=judge)
    assert [p.unknown for p in made] == unlike.tolist()
    assert 0 < sum(unlike) < 30
    assert all(p.unknown is None for p in label(network, path)[0])


@pytest.mark.parametrize("pack", [bytes, gzip_member], ids=["plain", "gzip"])
def test_an_idx_file_has_a_prediction_for_each_image(
    network, digits, tmp_path, monkeypatch, pack
):
    """Over several batches, the last one shorter: as many as fit the bytes."""
    monkeypatch.setattr(shares, "_AT_ONCE_BYTES", 9 * 28 * 28 - 1)
    sizes, best_of = [], classify.best
    monkeypatch.setattr(
        classify,
        "best",
        lambda *args: sizes.append(len(args[2])) or best_of(*args),
    )
    path = tmp_path / "digits"
    path.write_bytes(pack(encode(digits)))
    made, errors = label(network, path)
    assert not errors
    assert sizes == [8, 8, 8, 6]
    assert [p.index for p in made] == list(range(30))
    best = expected(network, digits).argmax(axis=1)
    assert [p.predictions[0]["label"] for p in made] == list(best)


def test_with_labels_only_what_they_say_otherwise_of_is_left(
    network, digits, tmp_path, monkeypatch
):
    """Over several batches, of one of which nothing is left."""
    monkeypatch.setattr(classify, "_BATCH", 8)
    path = tmp_path / "digits"
    path.write_bytes(encode(digits))
    labels = expected(network, digits).argmax(axis=1)
    for item in (0, 7, 25):
        labels[item] = (labels[item] + 1) % 10
    made, errors = label(network, path, labels=lambda file: labels)
    assert not errors
    assert [p.index for p in made] == [0, 7, 25]
    for found in made:
        assert found.labelled == NAMES[labels[found.index]]
        assert found.predictions[0]["name"] != found.labelled
    asked = [label(network, path, labels=lambda _: labels, index=n)[0] for n in (6, 7)]
    assert [len(found) for found in asked] == [0, 1]


def test_a_picture_has_no_labels_beside_it(network, digits, tmp_path):
    Image.fromarray(digits[0]).save(tmp_path / "a.png")
    files = (tmp_path / "a.png", tmp_path / "gone.png")
    made, errors = label(network, *files, labels=lambda file: np.zeros(1, int))
    expected = "format: expected IDX, for --only_wrong, found"
    hint = "Only an IDX file has labels beside it."
    assert (made, errors) == (
        [],
        [
            f"{files[0]}: {expected} another. {hint}",
            f"{files[1]}: {expected} no such file. {hint}",
        ],
    )


def test_one_image_of_an_idx_file_can_be_asked_for(network, tmp_path, digits):
    (made,), _ = label(network, DIGITS, index=23)
    all_of_them, _ = label(network, DIGITS)
    assert made.index == 23
    assert made.predictions[0]["label"] == all_of_them[23].predictions[0]["label"]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_rank_4_are_labelled_as_the_same_in_gray(
    network, digits, tmp_path, channels
):
    found = []
    for images in digits, np.stack([digits] * channels, axis=-1):
        path = tmp_path / f"digits-idx{images.ndim}-ubyte"
        path.write_bytes(encode(images))
        made, _ = label(network, path)
        found.append([p.predictions for p in made])
    assert len(found[0]) == 30
    assert found[0] == found[1]


def test_idx_images_of_another_size_are_fitted(network, digits, tmp_path):
    large = np.kron(255 - digits, np.ones((3, 3), np.uint8))
    path = tmp_path / "large-idx3-ubyte"
    path.write_bytes(encode(large))
    made, _ = label(network, path)
    assert len(made) == 30
    assert all(p.inverted for p in made)


def test_what_cannot_be_labelled_is_passed_over_with_a_line_each(
    network, digits, tmp_path
):
    good, bad, gone = (tmp_path / f"{name}.png" for name in ("good", "bad", "gone"))
    Image.fromarray(digits[0]).save(good)
    bad.write_text("text")
    pages = np.zeros((3, 40, 40))
    pages[1, 9:19] = 200
    mixed, labels = tmp_path / "mixed-idx3-ubyte", tmp_path / "labels-idx1-ubyte"
    mixed.write_bytes(encode(pages))
    labels.write_bytes(encode(np.arange(5)))
    cut = tmp_path / "cut-idx3-ubyte.gz"
    cut.write_bytes(gzip_member(encode(digits))[:-9])
    made, errors = label(network, bad, mixed, labels, gone, tmp_path, cut, good)
    assert [(p.file, p.index) for p in made] == [(str(mixed), 1), (str(good), None)]
    for error, says in zip(
        errors,
        [
            f"{bad}: image: expected a readable picture, found data of",
            f"{mixed}: image 0: ink: expected",
            f"{mixed}: image 2: ink: expected",
            f"{labels}: magic number: expected 0x00000803 (ubyte, rank 3), found",
            f"{gone}: image: expected a readable picture, found an error: No such",
            f"{tmp_path}: image: expected a readable picture, found an error: Is a",
            f"{cut}: gzip stream: expected its end marker, found",
        ],
        strict=True,
    ):
        assert error.startswith(says)


def test_an_index_is_one_of_an_idx_file(network, digits, tmp_path):
    Image.fromarray(digits[0]).save(tmp_path / "x.png")
    made, errors = label(network, DIGITS, tmp_path / "x.png", index=800)
    assert not made
    assert errors[0] == f"{DIGITS}: --index: expected 0 to 799, found 800."
    assert "format: expected IDX, for --index, found another" in errors[1]


def test_two_classes_have_two_predictions(digits):
    made, _ = label(architectures.cnn((28, 28, 1), 2), DIGITS, names="ab", index=0)
    assert [len(p.predictions) for p in made] == [2]


@pytest.mark.parametrize("shape", [(None, None, 1), (28, 28, 2)])
def test_a_network_without_one_size_or_of_other_channels_is_refused(shape):
    inputs = keras.Input(shape)
    pooled = keras.layers.GlobalMaxPooling2D()(inputs)
    network = keras.Model(inputs, pooled)
    with pytest.raises(TrainerError, match="--model: input: expected images of one"):
        label(network, DIGITS)


def test_where_nobody_knows_how_to_fit_that_ends_it_at_the_first_that_needs_it(
    network, digits, tmp_path
):
    """Which is an error of the command, not of this file."""
    fit_for_it, other = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(digits[0]).save(fit_for_it)
    Image.fromarray(digits[0]).resize((60, 60)).save(other)
    made, errors = label(network, fit_for_it, how=None)
    assert (len(made), errors) == (1, [])
    large = tmp_path / "large-idx3-ubyte"
    large.write_bytes(encode(np.kron(digits, np.ones((2, 2), np.uint8))))
    for file in other, large:
        with pytest.raises(TrainerError, match="--fit: expected ink or whole for a"):
            label(network, file, how=None)


def test_only_files_are_labelled_and_a_name_alone_makes_no_idx_file(
    network, digits, tmp_path
):
    """A pipe would never be opened; the middle of a name may say anything."""
    os.mkfifo(tmp_path / "pipe.png")
    Image.fromarray(digits[0]).save(tmp_path / "frame-idx001.png")
    made, errors = label(network, tmp_path / "pipe.png", tmp_path / "frame-idx001.png")
    assert [(p.file, p.index) for p in made] == [(f"{tmp_path}/frame-idx001.png", None)]
    assert errors == [
        f"{tmp_path}/pipe.png: image: expected a readable picture, found an error: "
        "a pipe or a device, no file."
    ]


def test_a_photo_to_be_taken_whole_is_read_at_twice_the_networks_size(tmp_path):
    """Which is enough, and quick; where ink is cropped, all that there is is read."""
    Image.new("L", (800, 800), 99).save(tmp_path / "x.jpg")
    shape = (28, 28, 1)
    assert 56 <= classify.load(tmp_path / "x.jpg", shape, "whole").width <= 112
    assert classify.load(tmp_path / "x.jpg", shape, "ink").width == 800
