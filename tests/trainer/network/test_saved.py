"""The names of the classes beside a network."""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from mnist_idx_tfds import idx
from trainer.errors import TrainerError
from trainer.network import architectures, saved


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
        saved.load(path).predict(images, verbose=0), cnn.predict(images, verbose=0)
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


def test_weights_of_another_shape_are_one_line(kept, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(kept[1]) as archive:
        config = archive.read("config.json").replace(b'"units": 3', b'"units": 4')
    rewrite(kept[1], path, config=config)
    assert "with their weights" in refused(path)


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
    outputs = saved.load(tmp_path / "model.keras").predict_on_batch(images)
    np.testing.assert_array_equal(outputs, np.ones((2, 16)))


@pytest.fixture(scope="module")
def asked():
    return architectures.cnn((20, 20, 1), 3)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        (
            (28, 28, 1),
            3,
            "images: expected 28x28x1, as in own, found a model of 20x20x1",
        ),
        (
            (20, 20, 3),
            3,
            "images: expected 20x20x3, as in own, found a model of 20x20x1",
        ),
        ((20, 20, 1), 4, "classes: expected 4, as in own, found a model of 3"),
    ],
)
def test_a_model_of_other_data_is_refused_with_both_shapes(
    asked, shape, classes, message
):
    data = "own", shape, ("x",) * classes
    with pytest.raises(TrainerError, match=message):
        saved.fitted("m.keras", asked, "012", *data)


@pytest.mark.parametrize(
    ("model", "data", "names", "labels"),
    [
        ("abc", "abc", "abc", [0, 1, 2]),
        ("abc", "ca", "abc", [2, 0]),
        ("201", "10", "201", [2, 1]),
        ("abc", "01", "abc", [0, 1]),
        ("012", "ab", "ab2", [0, 1]),
        ("012", "01", "012", [0, 1]),
    ],
)
def test_classes_go_by_name_where_both_sides_have_names(
    asked, model, data, names, labels
):
    own = "own", (20, 20, 1), tuple(data)
    fitted = saved.fitted("m.keras", asked, model, *own)
    assert ("".join(fitted[0]), fitted[1].tolist()) == (names, labels)


def test_a_model_of_any_size_of_image_is_taken():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(3)(x))
    saved.fitted("m.keras", network, "012", "own", (9, 9, 1), tuple("abc"))
