"""A run's log for TensorBoard, read back as TensorBoard reads it."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from trainer.quality import board, measures

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


def evaluated(names=("a", "b"), channels=1, mistakes=3):
    images = np.full((mistakes, 6, 5, channels), 90, np.uint8)
    return measures.Evaluation(
        label_names=names,
        examples=10,
        loss=0.1,
        accuracy=0.7,
        interval=(0.4, 0.9),
        class_examples=np.array([10, 0]),
        class_correct=np.array([7, 0]),
        class_predicted=np.array([7, 3]),
        confusion=np.array([[7, 3], [0, 0]]),
        mistakes=tuple(
            measures.Mistake(i, image, 0, 1, 0.9) for i, image in enumerate(images)
        ),
    )


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
    writer.images(evaluated(), 23)
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


def test_images_are_the_confusion_matrix_and_the_mistakes(written):
    events = read(written / "test")
    for tag in ("confusion", "mistakes"):
        ((step, (width, height, png)),) = events[tag]
        pixels = tf.io.decode_png(png).numpy()
        assert step == 23
        assert pixels.shape[:2] == (int(height), int(width))
        assert pixels.std() > 10


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


def test_without_mistakes_or_matrix_there_are_no_images(tmp_path):
    nothing = evaluated(mistakes=0)
    object.__setattr__(nothing, "confusion", None)
    writer = board.Writer(tmp_path)
    writer.images(nothing, 1)
    writer.close()
    assert read(tmp_path / "test") == {}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_names_and_images_are_drawn_without_a_warning(tmp_path, channels):
    names = ("$x_{", "字 and a very long name")
    writer = board.Writer(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer.images(evaluated(names, channels), 1)
    writer.close()
    assert set(read(tmp_path / "test")) == {"confusion", "mistakes"}
