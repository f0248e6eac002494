"""The choice of the device, each in a process of its own."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

SELECT = "from trainer import device; print(device.select({!r}).description)"


def select(name, **env):
    return run_python(SELECT.format(name), **env)


def run_python(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment() | env,
        capture_output=True,
        text=True,
        check=False,
    )


def clean_environment():
    hidden = ("TF_CPP_", "KERAS_BACKEND")
    return {k: v for k, v in os.environ.items() if not k.startswith(hidden)}


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="this machine has a GPU"
)
@pytest.mark.parametrize("name", ["gpu", "gpu:1"])
def test_no_gpu_is_an_error_that_says_what_there_is_and_what_to_do(name):
    result = select(name)
    assert result.returncode != 0
    index = name.partition(":")[2] or "0"
    error = result.stderr.splitlines()[-1]
    assert f"--device={name}: expected GPU:{index}, found only CPU:0." in error
    assert "pip install '.[gpu]'" in error


def test_cpu_computes_on_the_cpu_without_a_word_on_standard_error():
    result = select("cpu")
    assert (result.stdout, result.stderr) == ("CPU\n", "")


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="cores cannot be withheld here"
)
def test_steps_are_divided_among_the_cores_that_the_process_may_use():
    """An operation of such steps has one of them."""
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
        "from trainer import device; print(device.select('cpu', divide_steps=True))\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    result = run_python(code)
    one = "Device(kind='CPU', description='CPU (1 core)', cores=1)\n1\n"
    assert (result.stdout, result.stderr) == (one, "")


def test_start_up_notes_are_shown_to_who_asks_for_them():
    """TensorFlow always has something to say at level 0."""
    assert select("cpu", TF_CPP_MIN_LOG_LEVEL="0").stderr != ""


def test_another_keras_backend_is_refused():
    result = select("cpu", KERAS_BACKEND="jax")
    error = result.stderr.splitlines()[-1]
    assert "KERAS_BACKEND: expected tensorflow, found jax." in error
