"""The wheel: what is in it, and that it works away from the repository."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
import tensorflow_datasets as tfds

_ROOT = pathlib.Path(__file__).parents[1]
_SOURCES = (
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "setup.cfg",
    "benchmarks",
    "mnist_idx_tfds",
    "tests",
    "trainer",
)
_DATA = {
    "mnist_idx_tfds/CITATIONS.bib",
    "mnist_idx_tfds/README.md",
    "mnist_idx_tfds/TAGS.txt",
    "mnist_idx_tfds/checksums.tsv",
    "mnist_idx_tfds/dummy_data/t10k-images-idx3-ubyte.gz",
    "mnist_idx_tfds/dummy_data/t10k-labels-idx1-ubyte.gz",
    "mnist_idx_tfds/dummy_data/train-images-idx3-ubyte.gz",
    "mnist_idx_tfds/dummy_data/train-labels-idx1-ubyte.gz",
    "mnist_idx_tfds/py.typed",
    "trainer/picture/browser.html.jinja",
    "trainer/picture/browser.js",
    "trainer/picture/fit.js",
    "trainer/picture/pad.js",
    "trainer/picture/teach.js",
    "trainer/picture/page.css",
    "trainer/picture/tfjs/README.md",
    "trainer/picture/tfjs/tfjs-backend-wasm-simd.wasm",
    "trainer/picture/tfjs/tfjs.min.js",
    "trainer/py.typed",
    "trainer/quality/pictures.html.jinja",
    "trainer/quality/report.html.jinja",
    "trainer/quality/style.css",
    "trainer/quality/suspects.html.jinja",
}
_FACTS = """
import json, mnist_idx_tfds, trainer, tensorflow_datasets as tfds
builder = tfds.builder("mnist_idx_tfds")
print(json.dumps({
    "files": [mnist_idx_tfds.__file__, trainer.__file__],
    "module": type(builder).__module__,
    "urls": {url.rpartition("/")[2]: info.size for url, info in builder.url_infos.items()},
    "description": builder.info.description,
    "citation": builder.info.citation,
}))
"""


def _run(*args, **kwargs):
    result = subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, **kwargs
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the sources, so that the build leaves nothing in them."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in _SOURCES:
        if (_ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(_ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(_ROOT / name, source)
    # Without isolation the build back-end is the one of this environment, and no
    # network is used.
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    _run("-m", "pip", "wheel", *options, f"--wheel-dir={folder}", source)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel, and nothing else, is installed in."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--no-deps", "--no-index", f"--target={folder}")
    _run("-m", "pip", "install", *options, wheel)
    return folder


@pytest.fixture(scope="module")
def run_installed(installed, tmp_path_factory):
    """Runs Python with the installed packages, in a folder of its own."""
    env = {**os.environ, "PYTHONPATH": str(installed)}
    return lambda *args: _run(*args, env=env, cwd=tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def facts(run_installed):
    """What the installed packages say of themselves."""
    return json.loads(run_installed("-c", _FACTS).splitlines()[-1])


def test_wheel_holds_the_two_packages_with_their_data_and_nothing_else(wheel):
    code = {
        path.relative_to(_ROOT).as_posix()
        for package in ("mnist_idx_tfds", "trainer")
        for path in (_ROOT / package).rglob("*.py")
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == code | _DATA


def test_wheel_carries_the_license(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = [
        n for n in archive.namelist() if n.endswith(".dist-info/licenses/LICENSE")
    ]
    assert archive.read(name) == (_ROOT / "LICENSE").read_bytes()


def test_installed_packages_are_the_ones_imported(facts, installed):
    folders = [pathlib.Path(file).parents[1] for file in facts["files"]]
    assert folders == [installed, installed]


def test_importing_the_package_registers_the_dataset(facts):
    assert facts["module"] == "mnist_idx_tfds.mnist_idx_tfds_dataset_builder"


def test_installed_builder_knows_the_four_published_files(facts):
    assert facts["urls"] == {
        "train-images-idx3-ubyte.gz": 9912422,
        "train-labels-idx1-ubyte.gz": 28881,
        "t10k-images-idx3-ubyte.gz": 1648877,
        "t10k-labels-idx1-ubyte.gz": 4542,
    }


def test_installed_builder_has_its_description_and_citation(facts):
    assert "handwritten digits" in facts["description"]
    assert "@article" in facts["citation"]


def test_tfds_build_finds_the_installed_package(run_installed, installed, tmp_path):
    idx_dir = installed / "mnist_idx_tfds" / "dummy_data"
    config = json.dumps({"name": "dummy", "idx_dir": str(idx_dir)})
    run_installed(
        *("-m", "tensorflow_datasets.scripts.cli.main", "build", "mnist_idx_tfds"),
        *("--imports=mnist_idx_tfds", f"--config={config}", f"--data_dir={tmp_path}"),
    )
    folder = tmp_path / "mnist_idx_tfds" / "dummy" / "1.0.0"
    splits = tfds.builder_from_directory(folder).info.splits
    counts = {name: split.num_examples for name, split in splits.items()}
    assert counts == {"train": 4000, "test": 800}


def test_installed_trainer_trains_on_the_installed_data(
    run_installed, installed, tmp_path
):
    idx_dir = installed / "mnist_idx_tfds" / "dummy_data"
    options = (f"--idx_dir={idx_dir}", f"--data_dir={tmp_path}")
    log = run_installed("-m", "trainer", *options, "--model=cnn", "--epochs=1")
    assert log.splitlines()[-1].startswith("final")
