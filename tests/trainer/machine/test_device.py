"""The choice of the device, each in a process of its own."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from mnist_idx_tfds import machine
from trainer.machine import device

SELECT = "from trainer.machine import device; print(device.select({!r}).description)"


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


def test_no_gpu_is_an_error_that_says_what_there_is_why_and_what_to_do():
    """With TensorFlow's own reason, even where the user has asked for its silence."""
    result = select("gpu:1", TF_CPP_MIN_LOG_LEVEL="3")
    assert result.returncode != 0
    error = result.stderr.splitlines()[-1]
    assert "--device=gpu:1: expected GPU:1, found only CPU:0." in error
    assert "pip install 'mnist-idx-tfds[gpu]'" in error
    if tf.test.is_built_with_cuda():
        assert "TensorFlow says: failed call to cuInit: " in error


UNUSED = """
import sys
from trainer.machine import device
device.select("cpu")
import keras
print(sorted({"jax", "matplotlib", "pandas", "sklearn"} & set(sys.modules)))
import matplotlib
"""


def test_what_keras_would_import_for_nothing_is_imported_when_asked_for_alone():
    """Matplotlib is drawn with later."""
    result = run_python(UNUSED)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_complaints_are_told_from_what_else_tensorflow_writes():
    text = """
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795549092.49 19863 cudart_stub.cc:31] Could not find cuda drivers.
To enable the following instructions: AVX2, rebuild TensorFlow.
E0000 00:00:1795549168.08 21690 cuda_platform.cc:52] failed call to cuInit: (303)
2026-11-24 19:00:00.1: W tensorflow/core/gpu/gpu_device.cc:22] Cannot dlopen libraries
2026-11-24 19:00:00.2: I tensorflow/core/gpu/gpu_device.cc:23] Skipping them
"""
    found = device._COMPLAINT.findall(text)
    assert found == ["failed call to cuInit: (303)", "Cannot dlopen libraries"]


def test_complaints_of_any_length_are_a_line_that_ends():
    assert device._shortened("a\nb.") == "a b"
    assert len(device._shortened("word " * 1000)) == 300


def test_a_gpu_that_cannot_compute_is_one_line():
    """Told by TensorFlow's own error, for one that is made up here."""
    code = (
        "import tensorflow as tf; config = tf.config\n"
        "config.set_soft_device_placement(False)\n"  # Or it were computed on the CPU.
        "gpu = config.PhysicalDevice('/physical_device:GPU:0', 'GPU')\n"
        "config.list_physical_devices = lambda kind: [gpu]\n"
        "config.set_visible_devices = lambda *_: None\n"
        "config.experimental.set_memory_growth = lambda *_: None\n"
        "config.experimental.get_device_details = lambda _: {'device_name': 'H0'}\n"
        "from trainer import errors; from trainer.machine import device\n"
        "try: device.select('auto')\n"
        "except errors.TrainerError as e: print(e)"
    )
    result = run_python(code)
    assert result.returncode == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith("GPU:0 (H0): expected it to compute, found: ")
    assert "device" in line.partition("found")[2]
    assert line.endswith(". --device=cpu trains without.")


def test_where_tensorflow_has_computed_already_it_goes_on_there(monkeypatch):
    """A GPU that is made up here was hidden from it by then."""

    def fixed(*_):
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", fixed)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    assert device._start(gpu, 0).kind == "CPU"


def cpu():
    count = machine.cores()
    return f"CPU ({count} core{'s'[: count > 1]})\n"


def test_cpu_computes_without_a_word_on_standard_error():
    result = select("cpu")
    assert (result.stdout, result.stderr) == (cpu(), "")


def test_silence_that_the_user_asks_for_brings_no_noise_back():
    result = select("cpu", TF_CPP_MIN_LOG_LEVEL="3")
    assert (result.stdout, result.stderr) == (cpu(), "")


def test_start_up_notes_are_shown_to_who_asks_for_them():
    """TensorFlow always has something to say at level 0."""
    assert select("cpu", TF_CPP_MIN_LOG_LEVEL="0").stderr != ""


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        *(("TF_CPP_MIN_LOG_LEVEL", level, True) for level in "01"),
        *(("TF_CPP_MIN_LOG_LEVEL", level, False) for level in "23"),
        ("TF_CPP_MAX_VLOG_LEVEL", "1", True),
        ("TF_CPP_MAX_VLOG_LEVEL", "0", False),
        ("TF_CPP_VMODULE", "gpu_device=1", True),
        ("TF_CPP_VMODULE", "", False),
        ("TF_CPP_MAX_LOG_LEVEL", "1", False),
    ],
)
def test_only_levels_below_errors_ask_for_notes(monkeypatch, variable, value, wanted):
    for name in [name for name in os.environ if name.startswith("TF_CPP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, value)
    assert device._log_is_wanted() == wanted


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="cores cannot be withheld here"
)
def test_the_cores_are_those_that_the_process_may_use():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
        "from trainer.machine import device; print(device.select('cpu')[:3])\n"
    )
    result = run_python(code)
    one = "('CPU', 'CPU (1 core)', 1)\n"
    assert (result.stdout, result.stderr) == (one, "")


def test_an_operation_has_the_cores_that_the_parts_of_a_step_leave_over():
    """Set after the imports that say in how many parts steps are divided."""
    code = (
        "from mnist_idx_tfds import machine; machine.cores = lambda: 8\n"
        "from trainer.machine import device\n"
        "selected = device.select('cpu')\n"
        "import tensorflow as tf; threading = tf.config.threading\n"
        "threads = threading.get_intra_op_parallelism_threads; print(threads())\n"
        "from trainer.data import pipeline; from trainer.run import loop\n"
        "for parts in (1, 2, 8, 9, 3):\n"
        "    device.share_cores(selected, parts); print(threads())\n"
        "tf.zeros(1); print(threads())"
    )
    assert run_python(code).stdout.split() == ["8", "8", "4", "1", "1", "2", "2"]


def test_a_gpu_has_no_cores_to_share():
    """Its runtime has started by then, and takes no other number of threads."""
    tf.zeros(1)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    device.share_cores(device.Device("GPU", "GPU:0 (H0)"), 3)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


@pytest.mark.parametrize(
    ("flags", "onednn", "found"),
    [
        ("fpu avx2 avx512f avx512_bf16 clzero", "1", True),
        ("fpu avx512f amx_bf16 amx_tile", "1", True),
        ("fpu avx2 avx512f", "1", False),
        ("fpu avx512_bf16", "0", False),
    ],
)
def test_a_cpu_that_computes_in_bfloat16_is_known_by_its_flags(
    tmp_path, monkeypatch, flags, onednn, found
):
    """Where TensorFlow has the library that uses them."""
    info = tmp_path / "cpuinfo"
    info.write_text(
        f"processor\t: 0\nmodel name\t: Some\nflags\t\t: {flags}\nbugs\t: x\n"
    )
    monkeypatch.setattr(device, "_CPU_INFO", info)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    assert device.select("cpu").bfloat16 is found


def test_a_cpu_of_which_nothing_is_known_computes_in_float32(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "_CPU_INFO", tmp_path / "missing")
    assert device.select("cpu").bfloat16 is False
