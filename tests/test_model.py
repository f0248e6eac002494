"""The networks, and reading saved ones."""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from trainer import model
from trainer.errors import TrainerError


def test_has_the_tutorials_5994_parameters_for_mnist():
    assert model.cnn((28, 28, 1), 10).count_params() == 5994


def test_takes_raw_uint8_images_and_gives_probabilities():
    cnn = model.cnn((20, 31, 1), 7)
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 31, 1), np.uint8)
    probabilities = cnn.predict(images, verbose=0)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_scales_pixels_to_0_to_1_inside():
    """The first convolution sees v/255, whatever the images' type says."""
    cnn = model.cnn((16, 16, 1), 2)
    scaled = keras.Model(cnn.input, cnn.layers[1].output)
    image = np.full((1, 16, 16, 1), 255, np.uint8)
    np.testing.assert_allclose(scaled.predict(image, verbose=0), 1.0, rtol=1e-6)


def test_relu_after_pooling_is_relu_before_pooling():
    cnn = model.cnn((28, 28, 1), 10)
    x = inputs = keras.Input((28, 28, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(x)
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 5, activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x))
    tutorial = keras.Model(inputs, x)
    tutorial.set_weights(cnn.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1), np.uint8)
    np.testing.assert_allclose(
        cnn.predict(images, verbose=0), tutorial.predict(images, verbose=0), rtol=1e-4
    )


def test_the_deep_one_has_mnist_nodes_594922_parameters_for_mnist():
    assert model.deep((28, 28, 1), 10).count_params() == 594_922


@pytest.mark.parametrize("build", [model.cnn, model.deep])
def test_layers_begin_with_weights_of_their_own(build):
    """As they would not if they shared an initializer and a shape."""
    keras.utils.set_random_seed(0)
    weights = [w for w in build((28, 28, 1), 10).get_weights() if w.ndim > 1]
    firsts = {float(w.ravel()[0]) for w in weights}
    assert len(firsts) == len(weights)


@pytest.mark.parametrize("build", [model.cnn, model.deep])
@pytest.mark.parametrize("shape", [(15, 28, 1), (28, 15, 1), (1, 1, 1)])
def test_images_too_small_for_it_are_refused_by_size(build, shape):
    message = rf"expected at least 16 x 16 .* found {shape[0]} x {shape[1]}\."
    with pytest.raises(TrainerError, match=message):
        build(shape, 10)


@pytest.mark.parametrize("build", [model.cnn, model.deep])
def test_smallest_images_work(build):
    assert build((16, 16, 1), 10).output_shape == (None, 10)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trained model's stand-in, and its file."""
    cnn = model.cnn((16, 17, 1), 3)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    cnn.save(path)
    return cnn, path


def refused(path):
    """Returns the one line that says why the file is refused."""
    with pytest.raises(TrainerError) as error:
        model.load(path)
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


def test_a_loaded_model_computes_what_the_saved_one_did(saved):
    cnn, path = saved
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 17, 1), np.uint8)
    np.testing.assert_array_equal(
        model.load(path).predict(images, verbose=0), cnn.predict(images, verbose=0)
    )


def test_a_missing_model_is_one_line(tmp_path):
    assert "no such file" in refused(tmp_path / "none.keras")


def test_a_file_of_another_format_is_one_line(saved, tmp_path):
    saved[0].save_weights(tmp_path / "model.weights.h5")
    shutil.copy(tmp_path / "model.weights.h5", tmp_path / "model.keras")
    shutil.copy(saved[1], tmp_path / "model.zip")
    (tmp_path / "folder.keras").mkdir()
    for name in ("model.weights.h5", "model.keras", "model.zip", "folder.keras"):
        assert "format: expected a whole .keras file" in refused(tmp_path / name)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_model_is_one_line(saved, tmp_path, share):
    data = saved[1].read_bytes()
    path = tmp_path / "model.keras"
    path.write_bytes(data[: int(share * len(data))])
    assert "cut short?" in refused(path)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_flipped_bit_is_one_line(saved, tmp_path, member):
    data = bytearray(saved[1].read_bytes())
    with zipfile.ZipFile(saved[1]) as archive:
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
def test_a_zip_file_of_something_else_is_one_line(saved, tmp_path, members):
    path = tmp_path / "model.keras"
    rewrite(saved[1], path, **members)
    assert "model: expected Keras's own layers with their weights" in refused(path)


def test_weights_of_another_shape_are_one_line(saved, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved[1]) as archive:
        config = archive.read("config.json").replace(b'"units": 3', b'"units": 4')
    rewrite(saved[1], path, config=config)
    assert "with their weights" in refused(path)


def test_a_lambda_is_not_run(tmp_path):
    inputs = keras.Input((16, 16, 1))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x + 1)(inputs))
    path = tmp_path / "model.keras"
    keras.Model(inputs, x).save(path)
    assert "lambda" in refused(path)


def test_a_layer_of_the_users_own_is_one_line(saved, tmp_path):
    with zipfile.ZipFile(saved[1]) as archive:
        config = json.loads(archive.read("config.json"))
    layer = config["config"]["layers"][1]
    layer |= {"module": "theirs", "registered_name": "Own", "class_name": "Own"}
    path = tmp_path / "model.keras"
    rewrite(saved[1], path, config=json.dumps(config))
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
    outputs = model.load(tmp_path / "model.keras").predict_on_batch(images)
    np.testing.assert_array_equal(outputs, np.ones((2, 16)))
