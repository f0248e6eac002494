"""README and the pages of docs/: what they say runs, and names only what there is."""

import ast
import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import flags_page
import numpy as np
import processes
import pytest
from idx_files import write_set
from PIL import Image
from source_files import table_of, write_table

from mnist_idx_tfds import render_digits
from trainer.data import source

ROOT = pathlib.Path(__file__).parents[1]
# In the order in which a reader comes to them; the log is history, and no guide.
ORDER = ("own-files", "own-pictures", "runs", "models")
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ORDER),
    *sorted(
        path
        for path in (ROOT / "docs").glob("*.md")
        if path.stem not in (*ORDER, "LOG")
    ),
]
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Each once, however many pages have it.
BLOCKS = list(dict.fromkeys(b for text in TEXTS.values() for b in FENCE.findall(text)))
# Of terminals side by side.
TERMINALS = [text for kind, text in BLOCKS if not kind and "_PROCESS_ID=" in text]
COMMANDS = list(
    dict.fromkeys(
        line
        for kind, text in BLOCKS
        if not kind and text not in TERMINALS
        for line in text.strip().splitlines()
    )
)
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
FRAMEWORKS = ("import torch\n", "import jax.numpy as jnp\n")
# Whole lines that run elsewhere, or cannot run here; anything new in a page runs here.
ELSEWHERE = {
    "python -m pip install -e . && python -m trainer --model=cnn "
    "--idx_dir=mnist_idx_tfds/dummy_data": "test_main, and .ci/run",
    "python -m pip install -e '.[test]' && python -m pytest": ".ci/run",
    "python -m pip install -e '.[gpu]' && python -m trainer --device=gpu": (
        "no GPU here; test_device has the error, test_gpu what follows"
    ),
    "python -m pip install -e '.[jax]' && KERAS_BACKEND=jax python -m trainer": (
        "an install; the extra test has it, too, for test_jax and the next command"
    ),
    "python -m pip install -e '.[demo]'": "an install; the extra test has gradio, too",
    "python -m pip install -e '.[photo]'": "an install; the extra test has it, too",
    "python -m trainer --dataset=fashion_mnist": "a download; test_source has others",
    "python -m mnist_idx_tfds.pack --dataset=cifar10 --color FROM_TFDS": (
        "a download; test_pack and test_tfds_set have others"
    ),
    "python -m trainer --idx_dir=DIR --minutes=10 --workdir=BEST": (
        "ten minutes; test_trial has fewer"
    ),
    "python -m trainer.suspects --idx_dir=DIR --out=SUSPECTS": "test_suspects",
    "python -m mnist_idx_tfds.pack SUSPECTS/suspects.csv MENDED": "test_suspects",
    "tfds build mnist_idx_tfds": "test_tfds_build",
    "cd mnist_idx_tfds && tfds build": "test_tfds_build",
}
# Training on files of one's own takes about a minute by default, each time, which
# test_budget and `python -m benchmarks accuracy` have: these commands end after an epoch.
OWN_FILES = re.compile(r"python -m trainer (--model=photo )?--idx_dir=\S+")
BELOW_TARGET = 3
# What needs no shell, and begins as a fork, without waiting for TensorFlow.
PLAIN = re.compile(r"python -m ((?:trainer|mnist_idx_tfds)[.\w]*)([^*|&;]*)")
# Flags of other programs that the pages name.
FOREIGN = {
    *("--config", "--imports", "--overwrite", "--beam_pipeline_options"),  # tfds build
    *("--logdir", "--ntasks-per-node", "--xla_force_host_platform_device_count"),
    *("--help", "--verbosity"),  # Of all programs.
    *("--sets",),  # Of the benchmarks.
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: DIR, PICTURES, PICTURE, tables, and a few digits for MNIST."""
    folder = tmp_path_factory.mktemp("user")
    render_digits.write_set(folder / "digits", 400, 100, seed=0)
    builder = source.prepare(str(folder / "data"), None, str(folder / "digits"))
    built = pathlib.Path(builder.data_dir)
    mnist = built.parents[1] / "mnist" / built.name
    shutil.copytree(built, mnist)
    info = mnist / "dataset_info.json"
    info.write_text(info.read_text().replace(built.parent.name, "mnist"))
    # By which `tfds build` finds the builder, as in the root of the repository, and
    # Python the benchmarks.
    for name in ("mnist_idx_tfds", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)
    write_set(folder / "DIR", train=200, test=50, shape=(28, 28))
    random = np.random.default_rng(0)
    for name in ("circle", "square"):
        (folder / "PICTURES" / name).mkdir(parents=True)
        for n in range(10):
            pixels = random.integers(0, 256, (40, 30, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "PICTURES" / name / f"{n}.png")
    shutil.copy(folder / "PICTURES" / "circle" / "0.png", folder / "PICTURE")
    (folder / "PHOTOS").symlink_to(folder / "PICTURES")
    (folder / "train").mkdir()
    shutil.copy(folder / "PICTURE", folder / "train" / "cat.0.jpg")
    write_other_forms(folder)
    return folder


def write_other_forms(folder):
    """The files that the pages pack, beside folders of pictures."""
    images = np.random.default_rng(1).integers(0, 256, (10, 4, 4), np.uint8)
    labels = np.arange(10) % 2
    parts = {f"x_{part}": images for part in ("train", "test")}
    np.savez(folder / "set.npz", **parts, y_train=labels, y_test=labels)
    for name in ("train.csv", "test.csv"):
        write_table(folder / name, *table_of(images, labels))
    rows = [
        [f"PICTURES/{name}/{n}.png", name]
        for name in ("circle", "square")
        for n in range(10)
    ]
    write_table(folder / "labels.csv", "file,label", rows)


@pytest.fixture(scope="module")
def start(folder):
    """Starts a command line in the user's folder."""

    def start(command, **kwargs):
        env = {
            **os.environ,
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TFDS_DATA_DIR": str(folder / "data"),
        }
        return subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **kwargs,
        )

    return start


def test_every_command_runs_as_printed(folder, start):
    for command in COMMANDS:
        if command in ELSEWHERE:
            continue
        if command.startswith("tensorboard"):
            check_tensorboard(start(command.split()))
            continue
        if "trainer.demo" in command:
            check_demo(start([*command.split(), "--no_browser"]))
            continue
        if OWN_FILES.match(command):
            command += " --epochs=1"
        if plain := PLAIN.fullmatch(command):
            module, args = plain.groups()
            env = {"TFDS_DATA_DIR": str(folder / "data")}
            ended = processes.forked(module, *shlex.split(args), cwd=folder, env=env)
        else:
            ended = processes.end(start(command, shell=True))
        code, out, err = ended.returncode, ended.stdout, ended.stderr
        allowed = {0, BELOW_TARGET} if "--target_accuracy" in command else {0}
        if command.endswith("--help"):
            allowed = {0, 1}  # absl's way.
        assert code in allowed, f"{command}: {err}"
        if command.startswith("tfds"):
            continue  # What it says, and where, is TFDS's own.
        assert code or not err, f"{command}: {err}"
        assert out, command
    assert (folder / "PICTURES_RUN" / "labels.txt").read_text() == "circle\nsquare\n"
    assert (folder / "EXPORT" / "1" / "saved_model.pb").exists()
    assert (folder / "report.html").exists()
    assert (folder / "data" / "mnist_idx_tfds" / "letters" / "1.0.0").exists()
    check_files_of_a_run(folder)


def check_files_of_a_run(folder):
    """Those that docs/runs.md names are those that there are."""
    page = TEXTS[ROOT / "docs" / "runs.md"]
    table = page[page.index("| file | |") :].split("\n\n")[0]
    named = set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))
    there = {
        f"{path.name}{'/' if path.is_dir() else ''}"
        for path in (folder / "MNIST_RUN").iterdir()
        if not path.name.startswith(".")
    }
    assert there == named


def test_the_guide_to_several_machines_works_as_printed(folder, start):
    assert len(TERMINALS) == 2
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    terminals = [start(text, shell=True) for text in TERMINALS]
    (out, err), (_, other_err) = [terminal.communicate() for terminal in terminals]
    assert [terminal.returncode for terminal in terminals] == [0, 0], err + other_err
    assert (err, other_err) == ("", "")
    assert "2 processes, each with CPU" in out
    assert (folder / "SHARED_RUN" / "report.html").exists()


def check_tensorboard(process):
    """It serves until it is stopped."""
    try:
        for line in process.stderr:
            if "http://localhost" in line:
                return
        raise AssertionError("tensorboard ended without serving")
    finally:
        process.kill()
        process.communicate()


def check_demo(process):
    """It serves until it is stopped; the rest is in test_demo."""
    if importlib.util.find_spec("gradio") is None:
        _, err = process.communicate()
        assert "[demo]'" in err
        return
    try:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
    finally:
        process.kill()
        process.communicate()


def test_every_program_runs_as_printed(folder, start):
    """After the commands, which make the files and the data set that they open."""
    programs = [p for p in PROGRAMS if not p.startswith(FRAMEWORKS)]
    assert len(programs) >= 4
    process = start([sys.executable, "-c", "\n".join(programs)])
    _, err = process.communicate()
    assert process.returncode == 0, err


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_program_of_another_framework_runs_as_printed(folder, start, framework):
    """Where that is installed; the extra test has no PyTorch, which is gigabytes."""
    (program,) = (p for p in PROGRAMS if p.startswith(framework))
    package = re.match(r"import (\w+)", framework)[1]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    show = "print(images.shape, images.dtype, labels.shape)"
    process = start([sys.executable, "-c", f"{program}\n{show}"])
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert re.search(r"200, 28, 28.* (torch\.)?uint8 .*200", out)


def test_flags_page_is_what_the_programs_say():
    """Else run `python tests/helpers/flags_page.py`."""
    page = TEXTS[flags_page.PAGE]
    assert page.partition(flags_page.MARK)[2].strip() == flags_page.tables().strip()


@pytest.mark.parametrize("name", ["batch_size", "learning_rate"])
def test_help_says_each_networks_own_settings(name):
    from trainer.network.models import MODELS

    row = re.search(rf"`--{name}` .*\(default: (.*?)\)", TEXTS[flags_page.PAGE])[1]
    usual, others = row.split("; ")
    said = dict.fromkeys(MODELS, usual) | dict(o.split() for o in others.split(", "))
    assert said == {n: f"{getattr(m, name):g}" for n, m in MODELS.items()}


def test_pages_name_only_flags_that_there_are():
    known = set().union(*flags_page.flags().values()) | FOREIGN
    for path, text in TEXTS.items():
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))
        assert not named - known, path


def test_every_exit_code_stands_in_one_place():
    from trainer import errors

    page = TEXTS[flags_page.PAGE]
    codes = {c.exit_code for c in vars(errors).values() if isinstance(c, type)}
    for code in {0, 2, *codes}:
        assert page.count(f"\n| {code} |") == 1, code
    listed = re.findall(r"^\| (\d+)(?:, (\d+))? \|", page, re.MULTILINE)
    assert {int(c) for row in listed for c in row if c} == {0, 2, 130, 143, *codes}


def test_every_link_of_a_page_leads_somewhere():
    for path in [*PAGES, ROOT / "docs" / "LOG.md", ROOT / "BUILD_NOTES.md"]:
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(((?!http)[^)#]+)\)", text):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_pages_keep_to_their_length():
    """A README that is read is a page."""
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 150
    notes = (ROOT / "BUILD_NOTES.md").read_text(encoding="utf-8")
    assert len(notes.splitlines()) <= 300


@pytest.mark.parametrize("path", PAGES[1:], ids=lambda path: path.stem)
def test_page_begins_with_a_command(path):
    """Or with a program, where it is about those; and that parses."""
    kind, text = FENCE.search(TEXTS[path]).groups()
    assert kind in ("", "python")
    assert TEXTS[path].index("```") < 200
    if kind:
        ast.parse(text)
