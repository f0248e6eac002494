"""The lines of the log, against values computed by hand from a real fit."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer import callbacks

EXAMPLES, BATCH, EVERY = 45, 4, 5  # 12 steps: windows of 5, 5 and 2, the last short
LINE = re.compile(
    r"epoch (\d+)/(\d+)  step (\d+)/(\d+)  loss (\d+\.\d{4})  accuracy (\d\.\d{4})"
)


@pytest.fixture(params=[1, EVERY], ids=["1 step an execution", "a window an execution"])
def run(request, capfd):
    """Two epochs without learning, so that every window's loss is known."""
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, 3)).astype(np.float32)
    y = random.integers(0, 2, EXAMPLES)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile(
        keras.optimizers.SGD(0.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=request.param,
    )
    history = model.fit(
        tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH),
        epochs=2,
        validation_data=(x[:20], y[:20]),
        shuffle=False,
        verbose=0,
        callbacks=[
            callbacks.WindowLog(EXAMPLES, BATCH, EVERY),
            callbacks.EvaluationLog(),
        ],
    )
    p = model.predict(x, verbose=0)
    loss = -np.log(p[np.arange(EXAMPLES), y])
    correct = p.argmax(1) == y
    return capfd.readouterr().out.splitlines(), history.history, loss, correct


def test_each_line_covers_the_steps_since_the_last(run):
    lines, _, loss, correct = run
    found = [LINE.match(line).groups() for line in lines if "step" in line]
    expected = [
        (f"{epoch}", "2", f"{step}", "12", f"{loss[a:b].mean():.4f}",
         f"{correct[a:b].mean():.4f}")
        for epoch in (1, 2)
        for step, a, b in ((5, 0, 20), (10, 20, 40), (12, 40, 45))
    ]  # fmt: skip
    assert found == expected


def test_an_evaluation_line_ends_each_epoch(run):
    lines, _, loss, correct = run
    values = (
        f"test_loss {loss[:20].mean():.4f}  test_accuracy {correct[:20].mean():.4f}"
    )
    assert [lines[3], lines[7]] == [f"epoch 1/2  {values}", f"epoch 2/2  {values}"]
    assert len(lines) == 8


def test_other_callbacks_see_the_means_of_the_epoch(run):
    _, history, loss, correct = run
    np.testing.assert_allclose(history["loss"], [loss.mean()] * 2, rtol=1e-5)
    np.testing.assert_allclose(history["accuracy"], [correct.mean()] * 2, rtol=1e-6)


def test_throughput_ends_the_line(run):
    lines, *_ = run
    assert re.search(r"accuracy \d\.\d{4}  [\d,]+ images/s$", lines[0])
