"""`KERAS_BACKEND=jax python -m trainer`: the same as with TensorFlow, and on devices.

Each run is a process, since a process computes with one backend.
"""

import functools
import importlib.util
import json
import re
import signal

import kept_runs
import keras
import numpy as np
import processes
import pytest
from idx_files import write_set

if not importlib.util.find_spec("jax"):
    pytest.skip("JAX is not installed", allow_module_level=True)

BACKENDS = {"KERAS_BACKEND": "jax"}
# At a rate at which rounding grows slowly.
STRONG = ("--model=strong", "--class_weight=balanced", "--learning_rate=0.003")


def train(folder, workdir, *args, backend="jax", devices=1, **kwargs):
    options = (
        *(f"--idx_dir={folder / 'own'}", f"--data_dir={folder / 'data'}"),
        *(f"--workdir={folder / workdir}", "--batch_size=16", "--log_every=5"),
    )
    env = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # Where it trains in float32 on any CPU.
    if backend == "jax":
        env = BACKENDS | processes.quick_jax(folder)
        env["XLA_FLAGS"] += f" --xla_force_host_platform_device_count={devices}"
    return processes.run("trainer", *options, *args, env=env, **kwargs)


def trained(folder, workdir, *args, **kwargs):
    """Runs to a good end without a word on standard error; returns the lines."""
    result = train(folder, workdir, *args, **kwargs)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def losses(folder, workdir):
    """Returns the losses of the steps, and of the evaluations, of a run."""
    records = kept_runs.records(folder / workdir)
    return tuple(
        np.array([record[key] for record in records if key in record])
        for key in ("loss", "test_loss")
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set whose last batches are of no even size, and a run of JAX on it."""
    folder = tmp_path_factory.mktemp("jax")
    write_set(folder / "own", train=109, test=37, shape=(20, 20), num_classes=3)
    lines = trained(folder, "run", "--model=cnn", "--epochs=2")
    (folder / "lines.txt").write_text("\n".join(lines))
    return folder


def test_the_opening_line_names_the_backend(folder):
    text = (folder / "lines.txt").read_text()
    assert re.search(
        r"^CPU \(\d+ cores?\)  JAX  mnist_idx_tfds/own", text, re.MULTILINE
    )


def test_a_run_leaves_what_a_run_of_tensorflow_leaves(folder):
    left = {path.name for path in (folder / "run").iterdir()}
    assert left >= {"model.keras", "report.html", "metrics.jsonl", "tensorboard"}


def test_windows_are_exact(folder):
    """The mean over an epoch's windows is that of all of its examples."""
    trained(folder, "epochs", "--model=cnn", "--epochs=2", "--log_every=0")
    windows, evaluations = losses(folder, "run")
    whole, same = losses(folder, "epochs")
    sizes = [80, 29] * 2
    means = np.add.reduceat(windows * sizes, [0, 2]) / 109
    np.testing.assert_allclose(means, whole, rtol=1e-6)
    np.testing.assert_array_equal(evaluations, same)


def test_the_model_gives_the_same_predictions_with_either_backend(folder):
    images = np.random.default_rng(0).integers(0, 256, (7, 20, 20, 1), np.uint8)
    np.save(folder / "images.npy", images)
    code = (
        "import keras, numpy as np; "
        f"model = keras.saving.load_model('{folder / 'run' / 'model.keras'}'); "
        f"images = np.load('{folder / 'images.npy'}'); "
        f"np.save('{folder / 'jax.npy'}', model.predict(images, verbose=0))"
    )
    result = processes.end(processes.start("-c", code, env={"KERAS_BACKEND": "jax"}))
    assert result.returncode == 0
    model = keras.saving.load_model(folder / "run" / "model.keras")
    predictions = model.predict(images, verbose=0)
    np.testing.assert_allclose(predictions, np.load(folder / "jax.npy"), rtol=1e-5)


def test_losses_are_those_of_tensorflow_to_four_digits_over_200_steps(folder):
    """From the same weights, by the same batches."""
    flags = ("--epochs=29", f"--from_model={folder / 'run' / 'model.keras'}")
    for backend in ("tensorflow", "jax"):
        trained(folder, backend, *flags, "--augment=off", backend=backend)
    for found, expected in zip(
        losses(folder, "jax"), losses(folder, "tensorflow"), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits_on_jax_alone(folder):
    """Batch normalization, dropout, augmentation and weights of classes included."""
    flags = (*STRONG, "--epochs=2", "--augment=on")
    trained(folder, "whole", *flags)
    trained(folder, "stopped", *flags, "--target_accuracy=1e-9")
    other = train(folder, "stopped", *flags, backend="tensorflow")
    assert other.returncode == 1
    assert "backend jax there, tensorflow now" in other.stderr
    lines = trained(folder, "stopped", *flags)
    assert f"{folder / 'stopped'}: the run goes on after step 7." in lines
    assert kept_runs.bits(folder / "stopped") == kept_runs.bits(folder / "whole")


def test_batch_normalization_is_of_the_whole_batch_on_two_devices(folder):
    """Told by the first steps, as rounding grows in those after them."""
    flags = (*STRONG, "--epochs=2", "--augment=on", "--target_accuracy=1e-9")
    trained(folder, "strong2", *flags, "--device=all", devices=2)
    (found, *_), _ = losses(folder, "strong2")
    (expected, *_), _ = losses(folder, "whole")
    assert found == pytest.approx(expected, rel=1e-4)


def test_batch_normalization_has_the_statistics_of_tensorflow(folder):
    """From the same weights, at a rate that leaves them as they are."""
    flags = ("--model=strong", "--epochs=1", "--learning_rate=1e-12")
    start = f"--from_model={folder / 'whole' / 'model.keras'}"
    found = {}
    for backend in ("tensorflow", "jax"):
        trained(folder, f"normal-{backend}", *flags, start, backend=backend)
        model = keras.saving.load_model(folder / f"normal-{backend}" / "model.keras")
        found[backend] = [
            getattr(layer, name).numpy()
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            for name in ("moving_mean", "moving_variance")
        ]
    assert len(found["jax"]) == 10
    for one, other in zip(*found.values(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


def test_a_signal_ends_a_run_after_a_step_and_keeps_it(folder):
    args = (
        *("-m", "trainer", f"--idx_dir={folder / 'own'}", "--model=cnn"),
        *(f"--data_dir={folder / 'data'}", f"--workdir={folder / 'signal'}"),
        *("--epochs=1000", "--log_every=1"),
    )
    process = processes.start(*args, env=BACKENDS)
    while "epoch 1/1000  step" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    result = processes.end(process)
    assert result.returncode == 130
    assert "The same command goes on from there." in result.stderr


def test_evaluate_and_predict_do_as_the_run_did(folder):
    model = f"--model={folder / 'run' / 'model.keras'}"
    run = functools.partial(processes.run, env=BACKENDS)
    result = run("trainer.evaluate", model, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    _, (*_, loss) = losses(folder, "run")
    assert json.loads(result.stdout)["loss"] == pytest.approx(loss, rel=1e-5)
    images = folder / "own" / "t10k-images-idx3-ubyte.gz"
    result = run("trainer.predict", model, "--json", "--index=0", images)
    assert (result.returncode, result.stderr) == (0, "")
    (prediction,) = json.loads(result.stdout)
    assert len(prediction["predictions"]) == 3


@pytest.mark.parametrize("devices", [2, 4])
def test_devices_share_batches_for_the_losses_of_one(folder, devices):
    lines = trained(
        folder,
        f"{devices}",
        "--model=cnn",
        "--epochs=2",
        "--device=all",
        devices=devices,
    )
    assert any(line.startswith(f"{devices} devices of the CPU (") for line in lines)
    for found, expected in zip(
        losses(folder, f"{devices}"), losses(folder, "run"), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("args", "env", "message"),
    [
        (
            ["--device=all"],
            {"KERAS_BACKEND": "tensorflow"},
            "--device=all: expected one device, with which the backend TensorFlow "
            "computes, found several. KERAS_BACKEND=jax computes on several.",
        ),
        (
            [],
            {"KERAS_BACKEND": "torch"},
            "KERAS_BACKEND: expected tensorflow or jax, found torch.",
        ),
        (
            ["--export_dir=OUT"],
            BACKENDS,
            "--export_dir=OUT: expected the backend TensorFlow, which writes these "
            "formats, found jax. Without KERAS_BACKEND, python -m trainer.export writes",
        ),
        (
            ["--device=gpu:0,1"],
            BACKENDS,
            "--device=gpu:0,1: expected GPU:0, found only CPU:0. JAX says: ",
        ),
        (
            ["--device=all", "--batch_size=16"],
            {**BACKENDS, "XLA_FLAGS": "--xla_force_host_platform_device_count=3"},
            "--batch_size: expected a multiple of 3, the number of devices that share "
            "each batch, found 16. 18 is one.",
        ),
    ],
)
def test_what_cannot_be_is_one_line(args, env, message):
    result = processes.run("trainer", *args, env=env)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"trainer: {message}")


def test_a_backend_that_is_not_installed_is_one_line():
    code = (
        "import importlib.util, runpy, sys; find = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name, *args: "
        "None if name == 'jax' else find(name, *args); "
        "sys.argv = ['trainer']; runpy.run_module('trainer', run_name='__main__')"
    )
    result = processes.end(processes.start("-c", code, env=BACKENDS))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "KERAS_BACKEND=jax: expected the package jax, found none." in line
