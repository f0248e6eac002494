"""A network in a file, what is said of it there or beside it, and its classes."""

import dataclasses
import json
import os
import pathlib
import shutil
import zipfile

import keras
import numpy as np
import pytest

from mnist_idx_tfds import idx
from trainer.errors import TrainerError
from trainer.network import architectures, saved
from trainer.network.card import Card


def test_what_was_written_is_read(tmp_path):
    names = ("ant", "Bombus terrestris", "café")
    saved.write_labels(tmp_path, names)
    assert saved.read_labels(tmp_path, 3) == names
    text = (tmp_path / "labels.txt").read_bytes()
    assert text == "ant\nBombus terrestris\ncafé\n".encode()


def test_names_end_at_line_feeds_alone(tmp_path):
    names = ("a\u2028b", "c\x0bd\x1ce", "f\x85g\rh")
    saved.write_labels(tmp_path, names)
    assert saved.read_labels(tmp_path, 3) == names


def test_without_a_file_classes_are_numbers(tmp_path):
    assert saved.read_labels(tmp_path, 3) == ("0", "1", "2")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"ant\nbee\n", "names: expected 3, one for each class of the model, found 2"),
        (b"ant\nbee\n\xff\n", "line 3: expected UTF-8, found the byte 0xff"),
        (None, "file: expected a readable file, found an error: is a directory"),
    ],
)
def test_another_networks_or_a_damaged_file_is_an_error(tmp_path, data, says):
    path = tmp_path / "labels.txt"
    path.mkdir() if data is None else path.write_bytes(data)
    with pytest.raises((TrainerError, idx.IdxError)) as error:
        saved.read_labels(tmp_path, 3)
    assert str(error.value).startswith(f"{path}: {says}")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A trained model's stand-in, and its file."""
    cnn = architectures.cnn((16, 17, 1), 3)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    cnn.save(path)
    return cnn, path


def refused(path):
    """Returns the one line that says why the file is refused."""
    with pytest.raises(TrainerError) as error:
        saved.load(path)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: ")
    return line


def rewrite(path, changed, **members):
    """Writes a copy of a .keras file with other members in it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = members.get(name.partition(".")[0], old.read(name))
            if data is not None:
                new.writestr(name, data)


def test_a_loaded_model_computes_what_the_saved_one_did(kept):
    cnn, path = kept
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 17, 1), np.uint8)
    np.testing.assert_array_equal(
        saved.load(path).network.predict(images, verbose=0),
        cnn.predict(images, verbose=0),
    )


def test_a_missing_model_is_one_line(tmp_path):
    assert "no such file" in refused(tmp_path / "none.keras")


def test_a_file_of_another_format_is_one_line(kept, tmp_path):
    kept[0].save_weights(tmp_path / "model.weights.h5")
    shutil.copy(tmp_path / "model.weights.h5", tmp_path / "model.keras")
    shutil.copy(kept[1], tmp_path / "model.zip")
    (tmp_path / "folder.keras").mkdir()
    for name in ("model.weights.h5", "model.keras", "model.zip", "folder.keras"):
        assert "format: expected a whole .keras file" in refused(tmp_path / name)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_model_is_one_line(kept, tmp_path, share):
    data = kept[1].read_bytes()
    path = tmp_path / "model.keras"
    path.write_bytes(data[: int(share * len(data))])
    assert "cut short?" in refused(path)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_flipped_bit_is_one_line(kept, tmp_path, member):
    data = bytearray(kept[1].read_bytes())
    with zipfile.ZipFile(kept[1]) as archive:
        info = archive.getinfo(member)
    data[info.header_offset + 30 + len(member) + info.file_size // 2] ^= 1
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    assert "Bad CRC-32" in refused(path)


@pytest.mark.parametrize(
    "members",
    [
        {"config": b"{}"},
        {"config": b"[]"},
        {"config": b'{"module": "os", "class_name": "system", "config": {}}'},
        {"config": b"not JSON"},
        {"config": None},
        {"model": b"not HDF5"},
        {"model": None},
    ],
    ids=str,
)
def test_a_zip_file_of_something_else_is_one_line(kept, tmp_path, members):
    path = tmp_path / "model.keras"
    rewrite(kept[1], path, **members)
    assert "model: expected Keras's own layers with their weights" in refused(path)


def test_weights_of_another_shape_are_one_line(kept, tmp_path, recwarn):
    """And no warning of Keras's beside it, that layers keep random weights."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(kept[1]) as archive:
        config = archive.read("config.json").replace(b'"units": 3', b'"units": 4')
    rewrite(kept[1], path, config=config)
    assert "with their weights" in refused(path)
    assert not [w for w in recwarn if w.category is UserWarning]


def test_a_lambda_is_not_run(tmp_path):
    inputs = keras.Input((16, 16, 1))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x + 1)(inputs))
    path = tmp_path / "model.keras"
    keras.Model(inputs, x).save(path)
    assert "lambda" in refused(path)


def test_a_layer_of_the_users_own_is_one_line(kept, tmp_path):
    with zipfile.ZipFile(kept[1]) as archive:
        config = json.loads(archive.read("config.json"))
    layer = config["config"]["layers"][1]
    layer |= {"module": "theirs", "registered_name": "Own", "class_name": "Own"}
    path = tmp_path / "model.keras"
    rewrite(kept[1], path, config=json.dumps(config))
    assert "Own" in refused(path)


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ((3,), [keras.layers.Dense(2)]),
        ((16, 16, 1), [keras.layers.Conv2D(2, 3)]),
    ],
)
def test_a_model_of_other_data_is_one_line_with_its_shapes(tmp_path, shape, layers):
    path = tmp_path / "model.keras"
    network = keras.Sequential([keras.Input(shape), *layers])
    network.save(path)
    assert f"found (None, {str(shape)[1:]}".rstrip(",)") in refused(path)
    assert str(network.output_shape) in refused(path)


def test_a_model_of_two_inputs_is_one_line(tmp_path):
    inputs = [keras.Input((4, 4, 1)), keras.Input((4, 4, 1))]
    x = keras.layers.Flatten()(keras.layers.Add()(inputs))
    keras.Model(inputs, x).save(tmp_path / "model.keras")
    assert "(None, 4, 4, 1), (None, 4, 4, 1) to (None, 16)" in refused(
        tmp_path / "model.keras"
    )


def test_a_model_of_one_output_in_a_list_gives_it_alone(tmp_path):
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(inputs)
    keras.Model([inputs], [x]).save(tmp_path / "model.keras")
    images = np.ones((2, 4, 4, 1), np.uint8)
    network, _ = saved.load(tmp_path / "model.keras")
    outputs = network.predict_on_batch(images)
    np.testing.assert_array_equal(outputs, np.ones((2, 16)))


CARD = Card(
    label_names=("ant", "bee \u200dX", "café"),
    image_shape=(16, 17, 1),
    fit="whole",
    settings={"dataset": "own/1.0.0", "train_examples": 9},
    digests={"train-labels": "ab"},
)


@pytest.fixture
def carded(kept, tmp_path):
    """A network with its card, among files of another network."""
    path = tmp_path / "carded" / "model.keras"
    path.parent.mkdir()
    (path.parent / "labels.txt").write_text("of\nother\nclasses\n")
    (path.parent / "settings.json").write_text('{"dataset": "other"}')
    saved.save(path, kept[0], CARD)
    return path


def test_the_card_is_read_whatever_lies_beside_the_file(carded):
    assert saved.load(carded).card == CARD


def test_a_file_with_a_card_is_one_for_keras_alone(kept, carded):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 17, 1), np.uint8)
    network = keras.saving.load_model(carded)
    expected = kept[0].predict(images, verbose=0)
    np.testing.assert_array_equal(network.predict(images, verbose=0), expected)


def test_the_file_is_written_as_a_whole_or_not_at_all(kept, carded, monkeypatch):
    before = carded.read_bytes()

    def full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="no space left"):
        saved.save(carded, kept[0], CARD)
    assert carded.read_bytes() == before
    assert len(list(carded.parent.iterdir())) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("{", "expected JSON in UTF-8, found what is none"),
        ("[" * 100_000, "expected JSON in UTF-8, found what is none"),
        ("\udcff", "expected JSON in UTF-8, found what is none"),
        ("[]", "expected an object of format 1, found another"),
        ({"format": None}, "expected an object of format 1, found another"),
        ({"format": True}, "expected an object of format 1, found another"),
        ({"format": 2}, "expected format 1 at most, found 2, which a newer version"),
        ({"label_names": "abc"}, "label_names: expected different names that can be"),
        ({"label_names": ["a", "b", "a"]}, "label_names: expected different names"),
        ({"label_names": ["a", "b", "\x1b[2J"]}, "label_names: expected different"),
        ({"label_names": ["a", "b", 1]}, "label_names: expected different names"),
        ({"label_names": ["a", ["b"], {}]}, "label_names: expected different names"),
        ({"label_names": ["a", "b"]}, "17x1 in 3 classes, found another model's"),
        ({"image_shape": [17, 16, 1]}, "model's, images of 17x16x1 in 3 classes"),
        ({"image_shape": [16, 17, 1.0]}, "image_shape: expected height, width and"),
        ({"image_shape": [16, 17]}, "image_shape: expected height, width and"),
        ({"fit": "crop"}, "fit: expected ink or whole, or null, found another"),
        ({"fit": {}}, "fit: expected ink or whole, or null, found another"),
        ({"settings": []}, "settings: expected an object, found another"),
        ({"digests": {"a": 1}}, "digests: expected"),
        ({"weights": "0" * 64}, "expected the card of these weights, found that of"),
        ({"weights": None}, "expected the card of these weights, found that of"),
        ("x" * (1 << 24) + "x", "expected at most 16,777,216 bytes, found more"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_card_that_is_damaged_or_another_networks_is_one_line(
    carded, tmp_path, change, says
):
    data = change.encode(errors="surrogateescape") if isinstance(change, str) else None
    if data is None:
        with zipfile.ZipFile(carded) as archive:
            data = json.dumps(json.loads(archive.read("card.json")) | change)
    path = tmp_path / "model.keras"
    rewrite(carded, path, card=data)
    line = refused(path)
    assert line.startswith(f"{path}: card.json: ")
    assert says in line


def test_a_flipped_bit_in_the_card_is_one_line(carded):
    data = bytearray(carded.read_bytes())
    with zipfile.ZipFile(carded) as archive:
        info = archive.getinfo("card.json")
    data[info.header_offset + 30 + len("card.json") + info.file_size // 2] ^= 1
    carded.write_bytes(data)
    assert "card.json: expected a whole member of the zip, found Bad CRC-32" in refused(
        carded
    )


def test_what_a_later_card_of_this_format_says_more_is_passed_over(carded, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(carded) as archive:
        fields = json.loads(archive.read("card.json"))
    rewrite(carded, path, card=json.dumps(fields | {"license": "MIT"}))
    assert saved.load(path).card == CARD


def test_a_run_of_version_1_1_0_is_read_as_it_was():
    """One of light bars at three heights, which that version trained and wrote."""
    folder = pathlib.Path(__file__).parents[2] / "run_of_1.1.0"
    network, found = saved.load(folder / "model.keras")
    assert found.label_names == ("top", "middle", "bottom")
    assert (found.image_shape, found.fit) == ((16, 16, 1), "whole")
    assert found.settings["dataset"] == "mnist_idx_tfds/bars-137900183aac/1.0.0"
    images = np.full((3, 16, 16, 1), 30, np.uint8)
    for label, image in enumerate(images):
        image[5 * label + 1 : 5 * label + 4, 2:14] = 220
    assert network.predict(images, verbose=0).argmax(1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("dataset", "fit"),
    [
        ("mnist_idx_tfds/mnist/1.0.0", "ink"),
        ("mnist_idx_tfds/packed-0123456789ab/1.0.0", "whole"),
        ("kmnist/3.0.1", None),
        (None, None),
    ],
)
def test_a_file_without_a_card_is_taken_with_what_lies_beside_it(
    kept, tmp_path, dataset, fit
):
    path = tmp_path / "model.keras"
    shutil.copy(kept[1], path)
    saved.write_labels(tmp_path, CARD.label_names)
    run = {"dataset": dataset, "image_shape": [16, 17, 1]} if dataset else {}
    if run:
        (tmp_path / "settings.json").write_text(json.dumps(run))
    expected = Card(CARD.label_names, (16, 17, 1), fit, settings=run)
    assert saved.load(path).card == expected


def test_settings_of_another_model_or_damaged_ones_are_one_line(kept, tmp_path):
    path = tmp_path / "model.keras"
    shutil.copy(kept[1], path)
    for text, says in (
        ('{"image_shape": [28, 28, 1]}', "model's, images of 28x28x1 in 3 classes"),
        ("{", "expected JSON of the run that the model is from"),
    ):
        (tmp_path / "settings.json").write_text(text)
        with pytest.raises(TrainerError) as error:
            saved.load(path)
        assert str(error.value).startswith(f"{tmp_path / 'settings.json'}: expected")
        assert says in str(error.value)


def test_a_card_may_name_a_folder_that_is_not_utf8(kept, tmp_path):
    run = {"dataset": "own/1.0.0", "idx_dir": os.fsdecode(b"/data/caf\xe9")}
    card = dataclasses.replace(CARD, settings=run, digests={"a": "1"})
    saved.save(tmp_path / "model.keras", kept[0], card)
    assert saved.origin(tmp_path / "model.keras") == (run, {"a": "1"})


def test_a_network_is_saved_only_as_keras_and_with_its_own_card(kept, tmp_path):
    with pytest.raises(TrainerError, match="name: expected one that ends in"):
        saved.save(tmp_path / "model.h5", kept[0], CARD)
    other = architectures.cnn((16, 17, 1), 4)
    with pytest.raises(TrainerError, match="expected what is said of this model"):
        saved.save(tmp_path / "model.keras", other, CARD)
    assert not list(tmp_path.iterdir())
