"""Probabilities that hold after labels that were smoothed."""

import dataclasses
import json
import types

import keras
import numpy as np
import pytest
from idx_files import write_set
from tfds_sets import build

from trainer.data import source
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine.device import Device
from trainer.network.models import MODELS
from trainer.run import sharpening, training

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
    return types.SimpleNamespace(train=Split(builder, "train"), held=None)


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


def test_images_that_were_held_back_tell_it_as_they_are(data):
    right, wrong = data.train.parted(30)[1], data.train
    asked = [types.SimpleNamespace(train=data.train, held=x) for x in (right, wrong)]
    first, second = (sharpening.factor(network(1), x, STRONG) for x in asked)
    assert first == pytest.approx(best(network(1), right), rel=0.03)
    assert second == pytest.approx(best(network(1), wrong), rel=0.03)


def best(model, split):
    images, labels = (np.concatenate(x) for x in zip(*split.batches(), strict=True))
    z = np.log(model.predict(images, verbose=0))
    factors = np.linspace(0.5, 2, 301)
    losses = [
        -np.mean(
            (s * z - np.log(np.exp(s * z).sum(1, keepdims=True)))[range(len(z)), labels]
        )
        for s in factors
    ]
    return factors[np.argmin(losses)]


def test_50_to_500_images_are_held_back_of_a_thousand_or_more(tmp_path):
    kind = dataclasses.replace(STRONG, held=0.025)
    counts = {}
    for n in (999, 1000, 12_000, 24_000):
        split = built(tmp_path / f"{n}", np.arange(n) % 3)
        rest, held = sharpening.held_back(split, kind)
        assert rest.examples + (held.examples if held else 0) == n
        counts[n] = held and held.examples
    assert counts == {999: None, 1000: 50, 12_000: 300, 24_000: 500}


def test_none_is_held_back_where_a_class_would_have_no_others(tmp_path):
    labels = np.arange(1000) % 3
    split = built(tmp_path / "set", labels)
    last = split.parted(50)[1].arrays()[0].numpy()[0, 0, :, 0]
    labels[int(last[0]) + 256 * int(last[1])] = 3
    split = built(tmp_path / "other", labels)
    kind = dataclasses.replace(STRONG, held=0.05)
    assert sharpening.held_back(split, kind) == (split, None)


def test_a_run_says_how_many_it_holds_back_and_goes_on_without_them(
    tmp_path, monkeypatch, capsys
):
    kind = dataclasses.replace(STRONG, held=0.05, new_images=0.0)
    monkeypatch.setitem(MODELS, "strong", kind)
    write_set(tmp_path / "own", train=1000, test=60, shape=(12, 12), num_classes=3)
    how = {"idx_dir": f"{tmp_path / 'own'}", "data_dir": f"{tmp_path / 'data'}"}
    how |= {"model": "strong", "epochs": 1, "workdir": f"{tmp_path / 'run'}"}
    first = training.train(Device("CPU", "CPU"), **how)
    said = "950 training and 60 evaluation images, 50 more to tell how sure it may be, "
    assert said in capsys.readouterr().out
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["train_split"] == "train[0:950]"
    again = training.train(Device("CPU", "CPU"), **how)
    assert "the run is finished" in capsys.readouterr().out
    assert (again.accuracy, again.loss) == (first.accuracy, first.loss)


def test_what_is_held_back_is_not_evaluated_on_either(tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "strong", dataclasses.replace(STRONG, held=0.05))
    write_set(tmp_path / "own", train=1000, test=60, shape=(12, 12), num_classes=3)
    how = {"idx_dir": f"{tmp_path / 'own'}", "data_dir": f"{tmp_path / 'data'}"}
    with pytest.raises(TrainerError, match=r"found 30 of 30 in --train_split=train, "):
        training.train(
            Device("CPU", "CPU"), **how, model="strong", eval_split="train[970:]"
        )


def test_a_file_that_is_damaged_where_labels_are_counted_is_one_line(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(MODELS, "strong", dataclasses.replace(STRONG, held=0.05))
    write_set(tmp_path / "own", train=1000, test=60, shape=(12, 12), num_classes=3)
    how = {"idx_dir": f"{tmp_path / 'own'}", "data_dir": f"{tmp_path / 'data'}"}
    source.prepare(how["data_dir"], None, how["idx_dir"], source.MNIST)
    (path,) = (tmp_path / "data").rglob("*-train.tfrecord-*")
    records = bytearray(path.read_bytes())
    records[len(records) // 2] ^= 255
    path.write_bytes(records)
    with pytest.raises(TrainerError, match=r"records: expected 1,?000, as TFDS wrote"):
        training.train(Device("CPU", "CPU"), **how, model="strong")


def built(folder, labels):
    """Images that have their number in their first two pixels."""
    folder.mkdir()
    images = np.zeros((len(labels), 2, 2), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = (
        np.arange(len(labels)) % 256,
        np.arange(len(labels)) // 256,
    )
    part = images, labels
    return Split(build(folder, {"train": part, "test": part}), "train")


def test_a_sharper_network_gives_the_same_answers_and_its_logits_are_more(data):
    model = network(3)
    images = np.concatenate([x.numpy() for x, _ in data.train.batches()])
    before = np.log(model.predict(images, verbose=0))
    sharpening.sharpen(model, 1.5)
    after = np.log(model.predict(images, verbose=0))
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    differences = (x[:, 1:] - x[:, :1] for x in (after, before))
    np.testing.assert_allclose(next(differences), 1.5 * next(differences), rtol=1e-3)


@pytest.mark.parametrize("split", ["train", "train[10%:60%]", "test[:20]+train[5:200]"])
def test_a_split_in_two_parts_has_each_of_its_examples_once(tmp_path, split):
    builder = built(tmp_path / "set", np.arange(300) % 3).builder
    whole = Split(builder, split)
    parts = whole.parted(whole.examples - 7)
    assert [x.examples for x in parts] == [7, whole.examples - 7]
    both = np.concatenate([x.arrays()[0].numpy() for x in parts])
    np.testing.assert_array_equal(both, whole.arrays()[0].numpy())
