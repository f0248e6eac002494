"""A run's log for TensorBoard, read back as TensorBoard reads it."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from trainer.quality import board

METRICS = [
    {
        "step": 20,
        "epoch": 1,
        "loss": 1.5,
        "accuracy": 0.25,
        "learning_rate": 0.001,
        "images_per_second": 22840.0,
    },
    {
        "step": 23,
        "epoch": 1,
        "loss": 0.5,
        "accuracy": 0.75,
        "learning_rate": 0.002,
        "images_per_second": 21000.0,
    },
    {"step": 23, "epoch": 1, "test_loss": 0.125, "test_accuracy": 0.875},
]


def read(folder):
    accumulator = event_accumulator.EventAccumulator(
        str(folder), {event_accumulator.TENSORS: 0}
    )
    accumulator.Reload()
    return {
        tag: [
            (event.step, tf.make_ndarray(event.tensor_proto))
            for event in accumulator.Tensors(tag)
        ]
        for tag in accumulator.Tags()["tensors"]
    }


def scalars(folder):
    return {
        tag: [(step, pytest.approx(float(value))) for step, value in events]
        for tag, events in read(folder).items()
        if events[0][1].shape == ()
    }


@pytest.fixture
def written(tmp_path):
    writer = board.Writer(tmp_path / "tensorboard")
    for metrics in METRICS:
        writer.record(metrics)
    writer.close()
    return tmp_path / "tensorboard"


def test_training_and_test_curves_have_the_same_tags(written):
    assert scalars(written / "train") == {
        "loss": [(20, 1.5), (23, 0.5)],
        "accuracy": [(20, 0.25), (23, 0.75)],
        "learning_rate": [(20, 0.001), (23, 0.002)],
        "images_per_second": [(20, 22840), (23, 21000)],
    }
    assert scalars(written / "test") == {
        "loss": [(23, 0.125)],
        "accuracy": [(23, 0.875)],
    }


def test_a_resumed_run_leaves_no_step_twice(written):
    before = scalars(written / "train")
    writer = board.Writer(written)
    for metrics in METRICS:
        writer.record(metrics)
    writer.close()
    assert scalars(written / "train") == before
    assert len(list((written / "train").iterdir())) == 1


def test_files_that_are_not_its_own_stay(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("mine")
    board.Writer(tmp_path).close()
    assert (tmp_path / "train" / "notes.txt").read_text() == "mine"
