"""The loss of smoothed labels, against its formula, and what the log says of it."""

import keras
import numpy as np
import pytest
from keras import ops

from trainer.network.smoothing import Smoothed
from trainer.run import callbacks

CLASSES, SMOOTHING = 3, 0.3


class Model(Smoothed, keras.Model):
    pass


@pytest.fixture
def model():
    """From any two numbers to probabilities, by weights that are not even."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(CLASSES, activation="softmax")(inputs)
    model = Model(inputs, outputs)
    model.smoothing = SMOOTHING
    model.compile(
        keras.optimizers.SGD(0.0),  # That changes nothing.
        "sparse_categorical_crossentropy",
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseCategoricalCrossentropy(name=callbacks.CROSSENTROPY),
        ],
    )
    return model


NUMBERS = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
LABELS = np.arange(8) % CLASSES


@pytest.mark.parametrize("weights", [None, np.arange(8, dtype="float32")])
def test_in_training_a_part_of_each_label_is_spread_over_all_classes(model, weights):
    outputs = model(NUMBERS)
    loss = float(model.compute_loss(None, ops.array(LABELS), outputs, weights))
    smooth = np.full((8, CLASSES), SMOOTHING / CLASSES)
    smooth[range(8), LABELS] += 1 - SMOOTHING
    logs = np.log(keras.ops.convert_to_numpy(outputs))
    expected = (
        -(smooth * logs).sum(axis=1) * (1 if weights is None else weights)
    ).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_in_evaluation_labels_are_as_they_are(model):
    found = model.evaluate(NUMBERS, LABELS, verbose=0, return_dict=True)
    logs = np.log(model.predict(NUMBERS, verbose=0))
    expected = -logs[range(8), LABELS].mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_log_has_the_loss_of_labels_as_they_are(model):
    records = []
    log = callbacks.WindowLog(records.append, 8, 8, 1, 1)
    model.fit(NUMBERS, LABELS, batch_size=8, verbose=0, callbacks=[log])
    expected = model.evaluate(NUMBERS, LABELS, verbose=0)[0]
    assert [record["loss"] for record in records] == [pytest.approx(expected, rel=1e-5)]
