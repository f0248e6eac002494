"""LiteRT files in integers, as another program runs them."""

import keras
import numpy as np
import pytest
from ai_edge_litert import interpreter

from trainer.errors import TrainerError
from trainer.network import exported, lite, models
from trainer.network.card import Card

CARD = Card(("ant", "bee", "café"), (20, 31, 1))
# Pale: what all of them have in common is not the range of a byte.
LABELS = np.arange(60) % 3
IMAGES = np.random.default_rng(0).integers(100, 121, (60, 20, 31, 1), np.uint8)
IMAGES += (10 * LABELS).astype(np.uint8)[:, None, None, None]


@pytest.fixture(scope="module", params=["cnn", "deep", "strong"])
def folder(request, tmp_path_factory):
    """What a network is exported to, after some training."""
    keras.utils.set_random_seed(0)
    network = models.MODELS[request.param].build((20, 31, 1), 3, (120, 10))
    network.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    network.fit(IMAGES, LABELS, epochs=10, verbose=0)
    folder = tmp_path_factory.mktemp("export")
    return exported.write(network, CARD, folder, calibration=IMAGES)


def outputs_of(path, images):
    runner = interpreter.Interpreter(str(path)).get_signature_runner()
    (outputs,) = runner(image=images).values()
    return outputs


def test_integers_give_about_the_same_probabilities_for_any_number_of_images(folder):
    """In 256ths, from the same pixels, which need not be scaled to those it saw."""
    expected = outputs_of(folder / exported.LITE, IMAGES)
    assert expected.std() > 0.1
    for count in (1, 60):
        given = outputs_of(folder / exported.INT8, IMAGES[:count])
        assert given.dtype == np.uint8
        np.testing.assert_allclose(given / 256, expected[:count], atol=0.15)


def test_all_is_in_integers_but_the_pixels_before_the_first_step(folder):
    file = interpreter.Interpreter(str(folder / exported.INT8))
    (given,), (returned,) = file.get_input_details(), file.get_output_details()
    assert (given["dtype"], returned["dtype"]) == (np.uint8, np.uint8)
    assert returned["quantization"] == (1 / 256, 0)
    floats = [
        tensor["shape"].tolist()
        for tensor in file.get_tensor_details()
        if tensor["dtype"] == np.float32
    ]
    assert floats == [[1, 20, 31, 1]]


def test_accuracies_are_those_of_the_files(folder):
    paths = [folder / exported.LITE, folder / exported.INT8]
    batches = [(IMAGES[at : at + 25], LABELS[at : at + 25]) for at in (0, 25, 50)]
    assert lite.accuracies(paths, batches, 1) == [
        np.mean(outputs_of(path, IMAGES).argmax(1) == LABELS) for path in paths
    ]


def test_an_operation_without_a_form_in_integers_is_an_error(tmp_path):
    """The converter would leave it as it is."""
    inputs = keras.Input((20, 31, 1), dtype="uint8")
    x = keras.ops.mean(keras.ops.cast(inputs, "float32"), axis=(2, 3))
    network = keras.Model(inputs, keras.ops.softmax(keras.ops.arctan2(x, x + 1)))
    card = Card(tuple(map(str, range(20))), (20, 31, 1))
    exported.write(network, card, tmp_path / "float")
    message = r"model-int8\.tflite: expected a network that can be exported, found"
    with pytest.raises(TrainerError, match=message):
        exported.write(network, card, tmp_path / "int8", calibration=IMAGES)
    assert not list((tmp_path / "int8").iterdir())
