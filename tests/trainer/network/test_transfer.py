"""A network that begins with another's weights."""

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import models, transfer

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 1), np.uint8)
ABC = ("a", "b", "c")


def network(model="strong", shape=(20, 20, 1), classes=3, pixels=(128.0, 64.0)):
    return models.MODELS[model].build(shape, classes, pixels)


def weights(model):
    return [variable.numpy() for layer in model.layers for variable in layer.weights]


@pytest.mark.parametrize("model", ["cnn", "deep", "strong"])
def test_with_the_same_classes_it_is_the_other_network(model):
    start, own = network(model), network(model)
    assert not transfer.begin(own, ABC, start, ABC, "m.keras")
    np.testing.assert_array_equal(
        own(IMAGES, training=False), start(IMAGES, training=False)
    )


@pytest.mark.parametrize("names", [("a", "c", "b"), ("a", "b"), (*ABC, "d")])
def test_with_other_classes_all_but_the_last_layer_is_the_others(names):
    start, own = network(), network(classes=len(names))
    head = [variable.numpy() for variable in own.layers[-1].weights]
    assert transfer.begin(own, names, start, ABC, "m.keras")
    found = weights(own)
    for value, expected in zip(found[:-2], weights(start)[:-2], strict=True):
        np.testing.assert_array_equal(value, expected)
    for value, expected in zip(found[-2:], head, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_the_normalization_of_pixels_is_its_own():
    start, own = network(), network(pixels=(10.0, 5.0))
    transfer.begin(own, ABC, start, ABC, "m.keras")
    assert own.layers[1].scale == 1 / 5


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ({"model": "cnn"}, "cnn for images of 20x20x1"),
        ({"shape": (28, 28, 1)}, "strong for images of 28x28x1"),
    ],
)
def test_another_architecture_is_refused_by_its_name_and_size(start, found):
    with pytest.raises(TrainerError) as caught:
        transfer.begin(network(), ABC, network(**start), ABC, "m.keras")
    assert str(caught.value).startswith(
        "--from_model=m.keras: expected a network strong for images of 20x20x1, found "
        f"{found}. "
    )


def test_another_number_of_layers_is_refused():
    start = network()
    fewer = keras.Model(start.inputs[0], start.layers[-2].output, name=start.name)
    with pytest.raises(TrainerError, match=r"expected \d+ layers .* found \d+\."):
        transfer.begin(network(), ABC, fewer, ABC, "m.keras")
