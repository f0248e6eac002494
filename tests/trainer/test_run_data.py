"""Whether a model can be asked what a data set holds, and passes over that."""

import pathlib
import types

import keras
import numpy as np
import pytest

from trainer import run_data, signals
from trainer.errors import TrainerError
from trainer.network import architectures

SHAPE = (20, 20)


@pytest.fixture(scope="module")
def network():
    return architectures.cnn((*SHAPE, 1), 3)


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
    network, shape, classes, message
):
    split = types.SimpleNamespace(
        name="own", image_shape=shape, label_names=("x",) * classes
    )
    with pytest.raises(TrainerError, match=message):
        run_data.fitted(pathlib.Path("m.keras"), network, "012", split)


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
    network, model, data, names, labels
):
    split = types.SimpleNamespace(
        name="own", image_shape=(*SHAPE, 1), label_names=tuple(data)
    )
    fitted = run_data.fitted(pathlib.Path("m.keras"), network, model, split)
    assert ("".join(fitted[0]), fitted[1].tolist()) == (names, labels)


def test_a_model_of_any_size_of_image_is_taken():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(3)(x))
    split = types.SimpleNamespace(
        name="own", image_shape=(9, 9, 1), label_names=tuple("abc")
    )
    run_data.fitted(pathlib.Path("m.keras"), network, "012", split)


def test_a_signal_ends_it_between_batches(monkeypatch):
    batch = np.zeros((2, 20, 20, 1), np.uint8), np.zeros(2, np.int64)
    batches = run_data.watched([batch, batch], 4, "reading")
    assert next(batches) is batch
    monkeypatch.setattr(signals, "received", lambda: True)
    with pytest.raises(signals.Interrupted):
        next(batches)
