"""What callbacks record, save and end, in real fits against values made by hand."""

import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer import signals
from trainer.errors import NotFiniteError
from trainer.machine.device import Device
from trainer.run import callbacks, compiling

EXAMPLES, BATCH, EVERY = 45, 4, 5  # 12 steps: windows of 5, 5 and 2, the last short
STEPS = 12


@pytest.fixture(scope="module")
def arrays():
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, 3)).astype(np.float32)
    return x, random.integers(0, 2, EXAMPLES)


def network(rate=0.0, every=EVERY):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile(
        keras.optimizers.SGD(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=every,
    )
    return model


def fit(
    model, arrays, *extra, saved=None, skipped=0, every=EVERY, seconds=300, **kwargs
):
    """Fits, and returns the records.

    Args:
      model: compiled.
      arrays: images and labels.
      extra: callbacks.
      saved: gets the step of each checkpoint.
      skipped: steps of the epoch that are behind it.
      every: steps between records.
      seconds: between checkpoints.
      kwargs: others of Keras's `fit`.
    """
    records = []
    x, y = arrays
    windows = callbacks.WindowLog(records.append, EXAMPLES, BATCH, STEPS, every)
    model.fit(
        tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH).skip(skipped),
        **{"epochs": 2, "validation_data": (x[:20], y[:20])} | kwargs,
        shuffle=False,
        verbose=0,
        callbacks=[
            windows,
            callbacks.EvaluationLog(records.append),
            *extra,
            callbacks.Checkpoint(
                None if saved is None else lambda model: saved.append(step(model)),
                windows.record,
                seconds,
            ),
        ],
    )
    return records


@pytest.mark.parametrize("every", [1, EVERY], ids=["a step", "a window"])
def test_a_record_covers_the_steps_since_the_last(arrays, every):
    """However many steps an execution has; nothing is learnt, so the loss is known."""
    model = network(every=every)
    records = fit(model, arrays)
    p = model.predict(arrays[0], verbose=0)
    loss = -np.log(p[np.arange(EXAMPLES), arrays[1]])
    correct = p.argmax(1) == arrays[1]
    windows = [record for record in records if "loss" in record]
    expected = [
        (epoch + 1, epoch * STEPS + step, loss[a:b].mean(), correct[a:b].mean())
        for epoch in (0, 1)
        for step, a, b in ((5, 0, 20), (10, 20, 40), (12, 40, 45))
    ]
    for record, (epoch, step, mean, share) in zip(windows, expected, strict=True):
        assert (record["epoch"], record["step"]) == (epoch, step)
        assert record["loss"] == pytest.approx(mean, rel=1e-5)
        assert record["accuracy"] == pytest.approx(share)
        assert record["learning_rate"] == 0
        assert record["images_per_second"] > 0


def test_an_epoch_that_was_begun_before_counts_from_there(arrays):
    records = fit(network(), arrays, skipped=5, epochs=1)
    assert [record["step"] for record in records if "loss" in record] == [10, 12]


def test_an_evaluation_ends_each_epoch(arrays):
    model = network()
    records = fit(model, arrays)
    x, y = arrays[0][:20], arrays[1][:20]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    for record, epoch in ((records[3], 1), (records[7], 2)):
        assert record == {
            "step": epoch * STEPS,
            "epoch": epoch,
            "test_loss": pytest.approx(loss),
            "test_accuracy": pytest.approx(accuracy),
        }


def test_records_are_plain_json(arrays):
    records = fit(network(), arrays)
    assert json.loads(json.dumps(records)) == records


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_ends_the_run(arrays, bad):
    x = arrays[0].copy()
    x[30] = bad  # In the second window.
    with pytest.raises(NotFiniteError, match=r"found nan at step 10 \(epoch 1\)"):
        fit(network(), (x, arrays[1]))


def test_an_evaluation_that_is_not_finite_ends_the_run(arrays):
    bad = np.full((20, 3), np.nan, np.float32)
    with pytest.raises(NotFiniteError, match=r"found nan at step 12 \(epoch 1\)"):
        fit(network(), arrays, validation_data=(bad, arrays[1][:20]))


def test_a_run_is_saved_after_each_epoch_only(arrays):
    saved = []
    fit(network(), arrays, saved=saved)
    assert saved == [12, 24]


def test_a_long_epoch_is_saved_between(arrays):
    saved = []
    fit(network(), arrays, saved=saved, seconds=0, epochs=1)
    assert saved == [5, 10, 12]


def test_a_window_is_longer_than_an_execution_and_ends_with_a_checkpoint(arrays):
    """So that no `--log_every` puts off what must not wait, nor loses a record."""
    model, saved = network(every=2), []
    whole = fit(model, arrays, every=100, epochs=1)
    assert [record["step"] for record in whole if "loss" in record] == [12]
    model.optimizer.iterations.assign(0)
    parts = fit(model, arrays, every=100, saved=saved, seconds=0, epochs=1)
    steps = [record["step"] for record in parts if "loss" in record]
    assert steps == saved == [2, 4, 6, 8, 10, 12]
    sizes = np.array([8, 8, 8, 8, 8, 5])
    mean = sizes @ [record["loss"] for record in parts[:6]] / sizes.sum()
    assert mean == pytest.approx(whole[0]["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("log_every", "expected"),
    [(0, 20), (1, 1), (7, 7), (20, 20), (25, 25), (50, 25), (97, 20), (100_000, 20)],
)
def test_an_execution_has_some_twenty_steps_and_ends_with_the_window(
    log_every, expected
):
    assert compiling.execution(log_every) == expected


@pytest.mark.parametrize(
    ("backend", "version", "kind", "expected"),
    [
        ("jax", "3.16.0", "CPU", True),
        ("jax", "4.0.0.dev0", "CPU", True),
        ("jax", "3.15.1", "CPU", False),
        ("jax", "3.16.0", "GPU", False),
        ("tensorflow", "3.16.0", "CPU", False),
    ],
)
def test_steps_of_jax_on_a_cpu_are_executed_one_by_one_where_keras_loops_over_them(
    monkeypatch, backend, version, kind, expected
):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(keras, "__version__", version)
    assert compiling.is_slow_loop(Device(kind, kind)) == expected


def test_records_come_at_the_first_end_of_an_execution_after_a_window(arrays):
    records = fit(network(every=2), arrays, every=5, epochs=1)
    assert [record["step"] for record in records if "loss" in record] == [6, 10, 12]


@pytest.mark.parametrize(("line", "expected"), [(1, 5), (2, 10), (3, 12), (4, 12)])
def test_a_signal_ends_the_run_once_it_is_saved(arrays, monkeypatch, line, expected):
    """After the first two records at once, after the third with the evaluation."""
    saved, seen = [], []

    class Signal(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            if len(seen) == line:
                monkeypatch.setattr(signals, "_received", signal.SIGTERM)

        def on_epoch_end(self, epoch, logs=None):
            if line == 4:
                monkeypatch.setattr(signals, "_received", signal.SIGTERM)

    with pytest.raises(
        signals.Interrupted, match=f"stopped after step {expected}"
    ) as e:
        fit(network(), arrays, Signal(), saved=saved)
    assert saved == [expected]
    assert e.value.exit_code == 143


def test_a_run_that_is_not_kept_says_so_when_it_is_stopped(arrays, monkeypatch):
    monkeypatch.setattr(signals, "_received", signal.SIGINT)
    with pytest.raises(signals.Interrupted, match="Nothing is kept") as e:
        fit(network(), arrays)
    assert e.value.exit_code == 130


@pytest.mark.parametrize(("share", "epochs"), [(0.01, 1), (None, 2)])
def test_a_run_ends_after_the_first_epoch_that_reaches_an_accuracy(
    arrays, share, epochs
):
    records = fit(network(), arrays, callbacks.StopAtAccuracy(share))
    assert records[-1]["epoch"] == epochs


def test_an_accuracy_reaches_itself_although_keras_computes_in_float32():
    for target in np.arange(1, 1000) / 1000:
        assert callbacks.reaches(float(np.float32(target)), float(target))
    assert not callbacks.reaches(0.98999, 0.99)
    assert not callbacks.reaches(1.0, None)


def step(model):
    return int(model.optimizer.iterations)
