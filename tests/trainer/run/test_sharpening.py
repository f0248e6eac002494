"""Probabilities that hold after labels that were smoothed."""

import types

import keras
import numpy as np
import pytest
from tfds_sets import build

from trainer.data.split import Split
from trainer.network.models import MODELS
from trainer.run import sharpening

SHAPE = (16, 16, 1)
STRONG = MODELS["strong"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images that are the brighter, the higher their label; one in eight is wrong."""
    random = np.random.default_rng(0)
    labels = np.arange(240) % 3
    images = random.integers(0, 60, (240, 16, 16)) + 90 * labels[:, None, None]
    given = np.where(np.arange(240) % 8 == 0, (labels + 1) % 3, labels)
    part = images.astype(np.uint8), given
    arrays = {"train": part, "test": part}
    builder = build(tmp_path_factory.mktemp("bright"), arrays)
    return types.SimpleNamespace(train=Split(builder, "train"))


def network(sure):
    """Answers by brightness, as sure as is said."""
    inputs = keras.Input(SHAPE, dtype="uint8")
    x = keras.layers.Rescaling(1 / 90)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    last = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(inputs, last(x))
    centers = np.array([0.33, 1.33, 2.33])
    last.set_weights([2 * sure * centers[None], -sure * centers**2])
    return model


def test_a_network_that_is_twice_as_sure_is_sharpened_half_as_much(data):
    first, second = (sharpening.factor(network(s), data, STRONG) for s in (1, 2))
    assert 0.4 < second < first < 2
    assert first / second == pytest.approx(2, rel=0.06)


def test_one_that_is_never_wrong_is_sharpened_by_two(data):
    assert sharpening.factor(network(0.1), data, STRONG) == 2


def test_a_sharper_network_gives_the_same_answers_and_its_logits_are_more(data):
    model = network(3)
    images = np.concatenate([x.numpy() for x, _ in data.train.batches()])
    before = np.log(model.predict(images, verbose=0))
    sharpening.sharpen(model, 1.5)
    after = np.log(model.predict(images, verbose=0))
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    differences = (x[:, 1:] - x[:, :1] for x in (after, before))
    np.testing.assert_allclose(next(differences), 1.5 * next(differences), rtol=1e-3)
