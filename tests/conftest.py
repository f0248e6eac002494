"""Fixtures that several test files share."""

import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys

import pytest

# Before TensorFlow is imported, and for all processes that tests start: its results are
# the same everywhere, and workers do not share a GPU. The tests of one have it back.
VISIBLE_GPUS = os.environ.get("CUDA_VISIBLE_DEVICES")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# JAX, which TensorFlow imports where it is installed, would set 1 for all of them, which
# asks for warnings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)

# What trains, builds data sets, starts TensorFlow in programs or tries many inputs; the
# rest takes less than a minute on two cores.
SLOW = (
    "tests/mnist_idx_tfds/idx/test_idx_fuzz.py",
    "tests/mnist_idx_tfds/sources/test_tfds_set.py",
    "tests/mnist_idx_tfds/test_beam.py",
    "tests/mnist_idx_tfds/test_builder.py",
    "tests/mnist_idx_tfds/test_pack.py::test_a_data_set_of_tfds_",
    "tests/mnist_idx_tfds/test_unpack.py::test_mnist_",
    "tests/mnist_idx_tfds/test_render_digits.py",
    "tests/mnist_idx_tfds/test_tfds_build.py",
    "tests/test_",
    "tests/trainer/data/test_damage.py",
    "tests/trainer/data/test_overlap.py",
    "tests/trainer/data/test_pipeline.py",
    "tests/trainer/data/test_transposed.py",
    "tests/trainer/machine/test_device.py",
    "tests/trainer/machine/test_gpu.py",
    "tests/trainer/machine/test_jax.py",
    "tests/trainer/machine/test_processes.py",
    "tests/trainer/network/test_adopted.py",
    "tests/trainer/network/test_cores.py",
    "tests/trainer/network/test_lite.py",
    "tests/trainer/network/test_parallel.py",
    "tests/trainer/network/test_photo.py",
    "tests/trainer/picture/test_browser.py",
    "tests/trainer/quality/test_board.py",
    "tests/trainer/run/test_callbacks.py",
    "tests/trainer/run/test_learning.py",
    "tests/trainer/run/test_loop.py",
    "tests/trainer/run/test_sharpening.py",
    "tests/trainer/run/test_trial.py",
    "tests/trainer/test_",
)


# The files that take longest, which other processes would end up waiting for.
FIRST = (
    "tests/test_docs.py",
    "tests/trainer/machine/test_jax.py",
    "tests/trainer/machine/test_processes.py",
    "tests/test_faults.py",
    "tests/trainer/test_demo.py",
    "tests/trainer/test_main.py",
)


def pytest_collection_modifyitems(items):
    """Marks what is not slow as quick, `python -m pytest -m quick`; sorts the files."""
    for item in items:
        if not item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.quick)
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fails a test that is skipped for a reason that .ci/run does not let pass."""
    report = yield
    reasons = os.environ.get("NOT_SKIPPED")
    if report.skipped and reasons and re.search(reasons, str(report.longrepr)):
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr}"
    return report


@pytest.fixture
def run_module(capsys, monkeypatch):
    """Runs `python -m` in this process; returns exit code, output and errors."""

    def run(module, *args):
        monkeypatch.setattr(sys, "argv", [module, *map(str, args)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        return caught.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def mnist_idx_dir() -> pathlib.Path:
    """The folder with the four published MNIST files."""
    folder = os.environ.get("MNIST_IDX_DIR")
    if not folder:
        pytest.skip("MNIST_IDX_DIR is not set to a folder of the four MNIST files")
    return pathlib.Path(folder).expanduser()


@pytest.fixture(scope="module")
def chromium():
    """A browser without a head."""
    if not CHROMIUM:
        pytest.skip("no chromium, chromium-browser or google-chrome on PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def nothing_heavy(tmp_path_factory) -> pathlib.Path:
    """A path on which what takes long to import ends the program."""
    folder = tmp_path_factory.mktemp("path")
    for name in (
        "tensorflow",
        "tensorflow_datasets",
        "keras",
        "numpy",
        "PIL",
        "gradio",
    ):
        (folder / f"{name}.py").write_text("raise SystemExit('this takes seconds')")
    return folder


@pytest.fixture(scope="session")
def why_no_gpu() -> str:
    """Why Keras's backend can use no GPU here; empty where it can."""
    if not shutil.which("nvidia-smi"):
        return "no nvidia-smi, and so no driver of NVIDIA's"
    env = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    if VISIBLE_GPUS is not None:
        env["CUDA_VISIBLE_DEVICES"] = VISIBLE_GPUS
    codes = {
        "TensorFlow": "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))",
        "JAX": "import jax; print([d for d in jax.devices() if d.platform == 'gpu'])",
    }
    backend = "JAX" if os.environ.get("KERAS_BACKEND") == "jax" else "TensorFlow"
    found = subprocess.run(
        [sys.executable, "-c", codes[backend]],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return f"{backend} sees no GPU" if found.stdout.strip() == "[]" else ""


@pytest.fixture
def gpu(why_no_gpu, monkeypatch):
    """Shows the GPUs to the processes that a test starts; skips where there is none."""
    if why_no_gpu:
        pytest.skip(why_no_gpu)
    if VISIBLE_GPUS is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", VISIBLE_GPUS)
