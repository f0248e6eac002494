"""What a run makes of its settings before the first step, and what it reads."""

import collections
import dataclasses
import json
import shutil
import types
import zipfile

import kept_runs
import keras
import numpy as np
import pytest
import tensorflow as tf
from tfds_sets import build, feed_of

from trainer.data import records
from trainer.errors import TrainerError
from trainer.machine.device import Device
from trainer.network import architectures, models
from trainer.run import class_weights, loop
from trainer.run.compiling import compiled
from trainer.run.hyperparameters import Hyperparameters


def test_the_model_is_saved_the_same_where_keras_would_compile_with_xla(
    tmp_path, monkeypatch
):
    """As it would on a machine with a GPU, for whoever loads the model elsewhere."""
    monkeypatch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda self: True)
    settings = Hyperparameters("cnn", 1, 48, 0.01, 20, 0)
    data = types.SimpleNamespace(steps=3)
    network = architectures.cnn((16, 16, 1), 2)
    compiled(network, settings, data, Device("CPU", "CPU"))
    network.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        config = json.loads(file.read("config.json"))
    assert config["compile_config"]["jit_compile"] is False


def test_nothing_is_compiled_with_xla():
    settings = Hyperparameters("cnn", 1, 48, 0.01, 20, 0)
    data = types.SimpleNamespace(steps=3)
    network = architectures.cnn((16, 16, 1), 2)
    for cores in (1, 2):
        model = compiled(network, settings, data, Device("CPU", "CPU", cores))
        assert (model.jit_compile, network.jit_compile) == (False, False)


TRAIN, TEST = 60, 30


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The builder of a set of three classes."""
    random = np.random.default_rng(0)
    arrays = {
        split: (random.integers(0, 256, (n, 16, 16), np.uint8), np.arange(n) % 3)
        for split, n in (("train", TRAIN), ("test", TEST))
    }
    return build(tmp_path_factory.mktemp("own"), arrays)


@pytest.fixture
def reads(monkeypatch):
    """Counts the records that are read from the files of each split."""
    counts = collections.Counter()
    read = records.read

    def counted(builder, split, *args):
        def count(record):
            counts[split] += 1
            return record

        def counting(record):
            return tf.ensure_shape(tf.numpy_function(count, [record], tf.string), [])

        return read(builder, split, *args).map(counting)

    monkeypatch.setattr(records, "read", counted)
    return counts


# An epoch of 3, 3 and 4 steps: what a record covers divides it, or does not.
steps = pytest.mark.parametrize(
    ("batch_size", "log_every"), [(20, 3), (20, 1), (15, 3)]
)


@steps
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_what_is_in_memory_is_read_once(
    own, reads, batch_size, log_every, class_weight
):
    data = feed_of(own, feed="memory", batch_size=batch_size, seed=0)
    settings = Hyperparameters("cnn", 3, batch_size, 0.01, log_every, 0, class_weight)
    loop.run(settings, data, Device("CPU", "CPU"))
    assert reads == {"train": TRAIN, "test": TEST}


@steps
def test_what_is_streamed_is_read_once_an_epoch(own, reads, batch_size, log_every):
    """And once before the run, to see how bright images are."""
    data = feed_of(own, feed="stream", batch_size=batch_size, seed=0)
    assert reads == {"train": TRAIN}
    settings = Hyperparameters("cnn", 3, batch_size, 0.01, log_every, 0)
    model = compiled(
        architectures.cnn((16, 16, 1), 3), settings, data, Device("CPU", "CPU")
    )
    loop.fit(model, settings, data, class_weights.NONE)
    assert reads == {"train": 4 * TRAIN, "test": 3 * TEST}


STRONG = Hyperparameters("strong", 2, 16, 0.003, 0, 0)


def run(builder, folder, target=None, settings=STRONG, augment=True, **kwargs):
    """Runs with a work directory, and returns the bits of its checkpoint."""
    options = {"batch_size": 16, "seed": 0, "augment": augment, "passes": 2} | kwargs
    data = feed_of(builder, **options)
    device = Device("CPU", "CPU", cores=2)
    loop.run(settings, data, device, workdir=f"{folder}", target_accuracy=target)
    return kept_runs.bits(folder)


@pytest.mark.parametrize("feed", ["memory", "stream"])
def test_an_augmented_run_that_was_stopped_goes_on_to_the_same_bits(
    own, tmp_path, capsys, feed
):
    """Batch normalization, dropout, steps in parts and passes included."""
    run(own, tmp_path / "stopped", target=1e-9, feed=feed)  # After its first epoch.
    capsys.readouterr()
    stopped = run(own, tmp_path / "stopped", feed=feed)
    assert "the run goes on after step 8." in capsys.readouterr().out
    assert stopped == run(own, tmp_path / "whole", feed=feed)
    settings = json.loads((tmp_path / "whole" / "settings.json").read_text())
    assert settings["augmentation"] == {"shift": 0.08, "turn": 0.03, "zoom": 0.1}
    assert (settings["passes_per_epoch"], settings["steps_per_epoch"]) == (2, 8)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"augment": False}, "augmentation {.*} there, None now"),
        ({"passes": 1}, "passes_per_epoch 2 there, 1 now"),
        (
            {"settings": dataclasses.replace(STRONG, class_weight="balanced")},
            "class_weight none there, balanced now",
        ),
    ],
)
def test_a_run_does_not_go_on_with_other_examples_or_weights(
    begun, capsys, change, says
):
    builder, folder = begun
    with pytest.raises(TrainerError, match=says):
        run(builder, folder, **change)


def test_a_long_run_of_strong_decays_less_in_each_step(own):
    data = feed_of(own, batch_size=16, seed=0)
    for model, steps, decay in (
        ("strong", 2200, 0.3),
        ("strong", 8800, 0.075),
        ("cnn", 8800, 0.05),
    ):
        settings = dataclasses.replace(STRONG, model=model, epochs=steps // data.steps)
        network = models.MODELS[model].build((16, 16, 1), 3)
        trained = compiled(network, settings, data, Device("CPU", "CPU"))
        assert settings.epochs * data.steps == steps
        assert trained.optimizer.weight_decay == pytest.approx(decay)


def test_a_run_of_before_decay_was_recorded_does_not_go_on_with_another(
    begun, tmp_path
):
    builder, folder = begun
    shutil.copytree(folder, tmp_path / "old")
    path = tmp_path / "old" / "settings.json"
    settings = json.loads(path.read_text())
    del settings["weight_decay"]
    path.write_text(json.dumps(settings))
    with pytest.raises(TrainerError, match=r"weight_decay 0\.05 there, 0\.3 now"):
        run(builder, tmp_path / "old")


@pytest.fixture(scope="module")
def begun(own, tmp_path_factory):
    """A builder, and the work directory of an augmented run with it."""
    folder = tmp_path_factory.mktemp("begun")
    run(own, folder, target=1e-9)
    return own, folder


def test_the_same_run_again_ends_with_the_same_bits(own):
    """Of `strong` with augmentation; another seed ends with others."""
    ends = []
    for seed in (0, 0, 1):
        data = feed_of(own, batch_size=32, seed=seed, augment=True)
        settings = Hyperparameters("strong", 1, 32, 0.003, 0, seed)
        result = loop.run(settings, data, Device("CPU", "CPU", cores=2))
        ends.append([value.tobytes() for value in result.model.get_weights()])
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")
def test_one_class_is_right_throughout(tmp_path, capsys):
    """Where Keras's "accuracy" would be a binary one, and 0."""
    images, labels = np.zeros((20, 16, 16), np.uint8), np.zeros(20, int)
    builder = build(tmp_path, {"train": (images, labels), "test": (images, labels)})
    data = feed_of(builder, batch_size=5, seed=0)
    capsys.readouterr()
    settings = Hyperparameters("cnn", 3, 5, 0.01, 2, 0)
    result = loop.run(settings, data, Device("CPU", "CPU"), target_accuracy=1)
    assert result.accuracy == 1
    lines = capsys.readouterr().out
    assert lines.count(" accuracy 1.0000") == lines.count(" step ") == 2
    assert lines.count("test_accuracy 1.0000") == 2
    assert "epoch 2" not in lines
