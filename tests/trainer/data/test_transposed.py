"""Data sets that TFDS has on their side, as it has EMNIST's, are fed upright."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfds_sets import Given, feed_of

from mnist_idx_tfds.sources import tfds_set
from mnist_idx_tfds.sources.options import Options
from trainer import settings
from trainer.data import source
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine.device import Device
from trainer.run import loop
from trainer.run.hyperparameters import Hyperparameters, described

STORED = np.arange(16 * 16, dtype=np.uint8).reshape(16, 16, 1)


class Emnist(Given, skip_registration=True):
    """A data set of one image many times, of the name that TFDS has EMNIST by."""

    name = "emnist"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    features = {
        "image": tfds.features.Image(shape=STORED.shape),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    rows = [{"image": STORED, "label": n % 2} for n in range(20)]
    splits = {"train": rows, "test": rows[:8]}
    Emnist(features, splits, data_dir=folder).download_and_prepare()
    return f"{folder}"


@pytest.fixture(scope="module")
def builder(data_dir):
    return source.prepare(data_dir, None, None, "emnist:1.0.0")


@pytest.mark.parametrize("feed", ["memory", "stream"])
def test_they_are_trained_and_evaluated_on_upright(builder, feed):
    data = feed_of(builder, feed=feed)
    for batches in (data.train_batches, data.eval_batches):
        for images, _ in batches:
            assert (images.numpy()[..., 0] == STORED[..., 0].T).all()


def test_a_run_says_and_records_it(builder, capsys):
    how = Hyperparameters("cnn", 1, 8, 0.01, 0, 0)
    data = feed_of(builder)
    loop.run(how, data, Device("CPU", "CPU"))
    opening = capsys.readouterr().out.splitlines()[0]
    assert "stored transposed, turned upright" in opening
    assert described(how, data, Device("CPU", "CPU"))["turned_upright"] is True


def test_a_run_of_before_is_refused_in_one_line(tmp_path):
    path = tmp_path / "settings.json"
    run = {"dataset": "emnist/letters/3.1.0", "model": "strong"}
    path.write_text(json.dumps(run))
    with pytest.raises(TrainerError, match=r"fed its images transposed.* anew") as e:
        settings.read(tmp_path)
    assert str(e.value).startswith(f"{path}: ")
    path.write_text(json.dumps(run | {"turned_upright": True}))
    assert settings.read(tmp_path)["model"] == "strong"


def test_they_are_packed_upright_which_is_said(data_dir):
    packed = tfds_set.open_source(Options(dataset="emnist:1.0.0", data_dir=data_dir))
    assert any("packed upright" in note for note in packed.notes)
    for item in packed.items:
        np.testing.assert_array_equal(item.pixels, STORED[..., 0].T)


def test_one_split_is_read_upright_too(builder):
    (images, _), *_ = Split(builder, "test").watched("reading")
    np.testing.assert_array_equal(images[0][..., 0], STORED[..., 0].T)
