"""The arithmetic in which a network is trained."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from tfds_sets import build, feed_of

from trainer.machine.device import Device
from trainer.network import models, parallel, precision
from trainer.run import loop
from trainer.run.hyperparameters import Hyperparameters

FAST = Device("CPU", "CPU", bfloat16=True)
STRONG = Hyperparameters("strong", 2, 16, 0.003, 0, 0, precision="bfloat16")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The builder of a set of three classes of brightness."""
    random = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 96), ("test", 48)):
        labels = np.arange(n) % 3
        images = random.integers(0, 80, (n, 12, 12)) + 80 * labels[:, None, None]
        arrays[split] = images.astype(np.uint8), labels
    return build(tmp_path_factory.mktemp("data"), arrays)


def test_only_where_the_network_and_the_cpu_are_for_it():
    strong, photo = models.MODELS["strong"], models.MODELS["photo"]
    slow = FAST._replace(bfloat16=False)
    assert precision.of(strong, FAST) == "bfloat16"
    assert precision.of(strong, slow) == precision.of(photo, FAST) == "float32"


def test_features_are_computed_in_it_in_training_and_nowhere_else():
    network = models.MODELS["strong"].build((12, 12, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (48, 12, 12, 1), np.uint8)
    answers, weights = {}, network.get_weights()
    for is_on in (False, True):
        network.set_weights(weights)  # Training moves statistics.
        trained = parallel.divided(network, 1, 48)
        trained.bfloat16 = is_on
        keras.utils.set_random_seed(0)
        answers[is_on] = [
            keras.ops.convert_to_numpy(trained(images, training=training))
            for training in (False, True)
        ]
    np.testing.assert_array_equal(answers[True][0], answers[False][0])
    assert answers[True][1].dtype == np.float32
    assert not np.array_equal(answers[True][1], answers[False][1])
    assert {layer.dtype_policy.name for layer in network.layers[1:]} == {"float32"}


def test_a_run_says_so_and_learns_and_its_weights_are_float32(own, tmp_path, capsys):
    data = feed_of(own, batch_size=16, seed=0)
    settings = dataclasses.replace(STRONG, epochs=8)
    result = loop.run(settings, data, FAST, workdir=f"{tmp_path}")
    assert "  trained in bfloat16  " in capsys.readouterr().out.splitlines()[0]
    assert result.accuracy > 0.9
    assert {w.dtype for w in result.model.get_weights()} == {np.dtype("float32")}
    kept = json.loads((tmp_path / "settings.json").read_text())
    assert kept["precision"] == "bfloat16"
    saved = keras.saving.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in saved.layers[1:]} == {"float32"}
