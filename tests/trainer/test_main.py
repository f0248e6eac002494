"""`python -m trainer` as its users run it: in a process, by its output alone."""

import functools
import hashlib
import html
import json
import os
import pathlib
import re
import resource
import shutil

import keras
import numpy as np
import processes
import pytest
from idx_files import (
    TEST_IMAGES,
    TEST_LABELS,
    decode,
    encode,
    gzip_member,
    write_set,
)

ROOT = pathlib.Path(__file__).parents[2]
STEP = re.compile(
    r"epoch \d+/\d+  step \d+/\d+  loss \d+\.\d{4}  accuracy \d\.\d{4}"
    r"  [\d,]+ images/s(  \d+ s left)?"
)
EPOCH = re.compile(
    r"epoch (\d+)/\d+  test_loss \d+\.\d{4}  test_accuracy (\d\.\d{4})(  \d+ s left)?"
)
FINAL = re.compile(r"final  test_loss \d+\.\d{4}  test_accuracy (\d\.\d{4})")
# Python runs this at its start: no name can be looked up and nothing connected to.
NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise OSError("the network is cut off")
socket.getaddrinfo = socket.socket.connect = refuse
"""


run = functools.partial(processes.run, "trainer")


def train(idx_dir, data_dir, *args, **kwargs):
    """Runs to a good end, without a word on standard error, and returns the lines."""
    options = (f"--idx_dir={idx_dir}", f"--data_dir={data_dir}", "--device=cpu")
    result = run(*options, *args, **kwargs)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--nonsense=1"], "Unknown command line flag 'nonsense'"),
        (["train"], "unexpected argument 'train'"),
        (["--epochs=0"], "--epochs=0"),
        (["--epochs=x"], "--epochs=x"),
        (["--minutes=0"], "--minutes=0"),
        (["--minutes=nan"], "--minutes=nan"),
        (["--epochs=1", "--minutes=1"], "give --epochs or --minutes, not both"),
        (["--batch_size=0"], "--batch_size=0"),
        (["--batch_size=9223372036854775807"], "not an integer in the range"),
        (["--idx_dir="], "--idx_dir: expected a value, found an empty one"),
        (["--workdir", ""], "--workdir: expected a value, found an empty one"),
        (["--train_split="], "--train_split: expected a value, found an empty one"),
        (["--learning_rate=0"], "--learning_rate=0"),
        (["--learning_rate=nan"], "--learning_rate=nan"),
        (["--learning_rate=inf"], "--learning_rate=inf"),
        (["--log_every=-1"], "--log_every=-1"),
        (["--target_accuracy=0"], "--target_accuracy=0"),
        (["--target_accuracy=99"], "--target_accuracy=99"),
        (["--seed=-1"], "--seed=-1"),
        (["--device=tpu"], "expected auto, cpu, gpu or gpu:N"),
        (["--device=gpu:"], "expected auto, cpu, gpu or gpu:N"),
        (["--feed=disk"], "--feed=disk"),
        (["--model=wide"], "--model=wide"),
        (["--augment=some"], "--augment=some"),
        (["--class_weight=2"], "--class_weight=2"),
        (["--manual_dir=a", "--idx_dir=b"], "not both"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_is_one_line_before_anything_heavy(
    nothing_heavy, args, message
):
    result = run(*args, path=nothing_heavy)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer: ")
    assert message in line


def test_help_names_every_flag_before_anything_heavy(nothing_heavy):
    result = run("--help", path=nothing_heavy)
    assert result.returncode == 0
    for flag in (
        *(
            "device",
            "data_dir",
            "manual_dir",
            "idx_dir",
            "epochs",
            "minutes",
            "batch_size",
        ),
        *(
            "learning_rate",
            "log_every",
            "seed",
            "train_split",
            "eval_split",
            "feed",
            "model",
            "augment",
            "class_weight",
            "workdir",
            "target_accuracy",
        ),
    ):
        assert f"--{flag}:" in result.stdout
    assert "this takes seconds" not in result.stderr


def test_a_newcomer_without_a_network_trains_on_the_embedded_data(tmp_path):
    """README's first command, with the network cut off."""
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    lines = train(
        "mnist_idx_tfds/dummy_data", tmp_path / "data", "--model=cnn", path=tmp_path
    )
    opening = next(line for line in lines if line.startswith("CPU ("))
    for part in (
        "mnist_idx_tfds/dummy_data-",
        "4,000 training and 800 evaluation images",
        "28x28x1",
        "10 classes",
        "5,994 parameters",
        "augmented  2,004 steps in 12 epochs of 2 passes each",
    ):
        assert part in opening
    log = lines[lines.index(opening) + 1 :]
    assert all(STEP.fullmatch(line) or EPOCH.fullmatch(line) for line in log[:-1])
    accuracies = [float(m[2]) for m in map(EPOCH.fullmatch, log) if m]
    assert float(FINAL.fullmatch(log[-1])[1]) == accuracies[-1] > 0.9


@pytest.mark.parametrize(
    ("kwargs", "facts"),
    [
        pytest.param(
            {"train": 64, "test": 32, "shape": (50, 50), "num_classes": 16},
            "64 training and 32 evaluation images, 50x50x1, 16 classes",
            id="50x50 in 16 classes",
        ),
        pytest.param(
            {"train": 5, "test": 5, "shape": (16, 17), "num_classes": 2},
            "5 training and 5 evaluation images, 16x17x1, 2 classes",
            id="ten examples, fewer than a batch",
        ),
    ],
)
def test_a_folder_of_your_own_trains(tmp_path, kwargs, facts):
    write_set(tmp_path / "own", **kwargs)
    lines = train(tmp_path / "own", tmp_path / "data", "--epochs=1")
    assert any(facts in line for line in lines)
    assert any("steps in all are few to learn from" in line for line in lines)
    assert any(map(FINAL.fullmatch, lines))


def test_what_is_odd_is_said_before_the_run_and_all_of_it_in_the_report(tmp_path):
    own = tmp_path / "my own"
    write_set(own, train=64, test=6, shape=(20, 20))
    blank = encode(np.full((6, 20, 20), 9))
    (own / TEST_IMAGES).write_bytes(gzip_member(blank))
    labels = encode(np.array([9, 11, 11, 11, 11, 11]))
    (own / TEST_LABELS).write_bytes(gzip_member(labels))
    options = ("--model=cnn", "--epochs=1", f"--workdir={tmp_path / 'w'}")
    lines = train(own, tmp_path / "data", *options)
    opening = next(n for n, line in enumerate(lines) if line.startswith("CPU ("))
    odd = lines[opening - 4 : opening]
    assert "no training can pass 0.1667" in odd[0]
    assert all(line.startswith("odd: ") for line in odd[:3])
    more, command = odd[3].split(" more: ")
    assert (more, command) == ("... 5", f"python -m mnist_idx_tfds.idx '{own}'")
    page = html.unescape((tmp_path / "w" / "report.html").read_text())
    assert all(line.removeprefix("odd: ") in page for line in odd[:3])
    assert page.count("<li>", page.index("What is odd")) >= 8
    # Again, from what was built.
    assert train(own, tmp_path / "data", *options)[:4] == odd


def test_63_classes_with_gaps_train(tmp_path):
    write_set(tmp_path / "own", train=90, test=30, shape=(20, 20), num_classes=63)
    labels = np.arange(90) // 2 * 2 % 63  # Every other class is empty.
    labels[0] = 62
    path = tmp_path / "own" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip_member(encode(labels)))
    lines = train(tmp_path / "own", tmp_path / "data", "--model=cnn", "--epochs=1")
    assert any("63 classes" in line for line in lines)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder, arguments and result of a run with a work directory."""
    tmp_path = tmp_path_factory.mktemp("kept")
    write_set(tmp_path / "own", train=64, test=32, shape=(20, 20))
    args = (
        *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
        *("--device=cpu", "--epochs=2", "--log_every=0", f"--workdir={tmp_path / 'w'}"),
    )
    first = run(*args)
    assert (first.returncode, first.stderr) == (0, "")
    return tmp_path, args, first


@pytest.mark.filterwarnings("error")
def test_the_model_that_is_kept_is_kerass_own_and_evaluates_as_the_run_did(kept):
    tmp_path, _, first = kept
    model = keras.saving.load_model(tmp_path / "w" / "model.keras")
    images, labels = (
        decode((tmp_path / "own" / name).read_bytes())
        for name in (TEST_IMAGES, TEST_LABELS)
    )
    loss, accuracy = model.evaluate(images[..., None], labels, verbose=0)
    final = f"final  test_loss {loss:.4f}  test_accuracy {accuracy:.4f}"
    assert final in first.stdout.splitlines()


def test_a_finished_run_says_so_and_an_accuracy_not_reached_is_exit_code_3(kept):
    """Where it is begun again with `auto`, from the feed that it was begun with."""
    tmp_path, args, first = kept
    assert sum(map(bool, map(EPOCH.fullmatch, first.stdout.splitlines()))) == 2
    # As if it had been begun where memory was short: it stays as it was begun.
    folder = shutil.copytree(tmp_path / "w", tmp_path / "streamed")
    settings = (folder / "settings.json").read_text()
    assert '"feed": "memory"' in settings
    (folder / "settings.json").write_text(settings.replace('"memory"', '"stream"'))
    second = run(*args, f"--workdir={folder}", "--target_accuracy=1")
    assert second.returncode == 3
    (line,) = second.stderr.splitlines()
    assert "--target_accuracy: expected at least 1.0, found 0." in line
    assert "the run is finished." in second.stdout
    assert " classes, from stream  " in second.stdout
    assert not any(map(EPOCH.fullmatch, second.stdout.splitlines()))
    finals = [
        [line for line in out.splitlines() if FINAL.fullmatch(line)]
        for out in (first.stdout, second.stdout)
    ]
    assert len(finals[0]) == 1
    assert finals[0] == finals[1]
    left = {path.name for path in folder.iterdir()}
    assert left >= {"model.keras", "report.html", "metrics.jsonl", "tensorboard"}


def test_a_run_begins_from_another_ones_model_and_says_so(kept):
    """Of the same network, without being told which one that is."""
    tmp_path, args, _ = kept
    model = tmp_path / "w" / "model.keras"
    settings = json.loads((tmp_path / "w" / "settings.json").read_text())
    flags = (f"--from_model={model}", f"--workdir={tmp_path / 'from'}")
    result = run(*args, *flags)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{settings['model']} with " in result.stdout
    assert f"begun from {model}  " in result.stdout
    later = json.loads((tmp_path / "from" / "settings.json").read_text())
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert (settings["from_model"], later["from_model"]) == (None, digest)


def test_a_model_to_begin_from_that_is_not_there_is_one_line(kept, tmp_path):
    _, args, _ = kept
    result = run(*args[:-1], f"--from_model={tmp_path / 'none.keras'}")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "none.keras: file: expected a .keras model, found no such file" in line


def test_one_class_reaches_an_accuracy_of_1_without_a_word_of_advice(tmp_path):
    write_set(tmp_path / "own", train=64, test=32, shape=(20, 20), num_classes=1)
    options = ("--target_accuracy=1", "--epochs=2", f"--workdir={tmp_path / 'w'}")
    lines = train(tmp_path / "own", tmp_path / "data", *options)
    (epoch,) = filter(None, map(EPOCH.fullmatch, lines))
    assert (epoch[1], epoch[2]) == ("1", "1.0000")
    (final,) = filter(None, map(FINAL.fullmatch, lines))
    assert final[1] == "1.0000"


def test_a_loss_that_is_not_finite_is_exit_code_4(tmp_path):
    write_set(tmp_path / "own", train=64, test=32, shape=(20, 20))
    result = run(
        *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
        *("--learning_rate=1e30", f"--workdir={tmp_path / 'w'}", "--batch_size=8"),
        *("--model=cnn", "--epochs=2"),
    )
    assert result.returncode == 4
    (line,) = result.stderr.splitlines()
    assert "loss: expected a finite number, found nan" in line
    assert "after step 0" in line


def test_a_bad_file_is_one_line(tmp_path):
    write_set(tmp_path / "own", shape=(20, 20))
    path = tmp_path / "own" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    result = run(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"trainer: {path}: gzip stream: expected its end marker")


def test_an_export_dir_that_cannot_be_written_is_one_line_before_anything(tmp_path):
    write_set(tmp_path / "own", shape=(20, 20))
    (tmp_path / "file").touch()
    result = run(
        *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
        *("--device=cpu", f"--export_dir={tmp_path / 'file' / 'x'}"),
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"trainer: --export_dir={tmp_path / 'file' / 'x'}: expected")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("verbosity", [None, 1])
def test_too_little_memory_is_one_line_and_the_whole_story_if_asked_for(
    tmp_path, verbosity
):
    """The first dense layer has weights of 18 GB; the process may have 12."""
    write_set(tmp_path / "own", train=2, test=1, shape=(1500, 1500))
    result = run(
        *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
        *("--device=cpu", "--model=deep"),
        *([] if verbosity is None else [f"--verbosity={verbosity}"]),
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (12 << 30, resource.RLIM_INFINITY)
        ),
    )
    assert result.returncode == 1
    *story, line = result.stderr.splitlines()
    assert line.startswith("trainer: memory: expected room for an array of shape [")
    assert "A smaller --batch_size" in line
    told = any("ResourceExhaustedError" in line for line in story)
    assert told if verbosity else not story


@pytest.mark.parametrize("flag", ["data_dir", "export_dir"])
def test_a_folder_whose_name_tensorflow_cannot_take_is_one_line(tmp_path, flag):
    write_set(tmp_path / "own", shape=(20, 20))
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    args = {"idx_dir": tmp_path / "own", "data_dir": tmp_path / "data", flag: folder}
    result = run("--device=cpu", *(f"--{name}={value}" for name, value in args.items()))
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        f"trainer: --{flag}={tmp_path}/caf\\udce9: expected a path in"
    )


def test_a_workdir_of_any_name_holds_a_run_that_is_evaluated(tmp_path):
    write_set(tmp_path / "own", train=64, test=32, shape=(20, 20))
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    data = (f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}")
    options = (f"--workdir={folder}", "--model=cnn", "--epochs=1")
    lines = train(tmp_path / "own", tmp_path / "data", *options)
    assert any(line.startswith("report ") for line in lines)
    report = f"--report={tmp_path / 'r.html'}"
    args = (f"--model={folder}/model.keras", *data, "--device=cpu", report)
    result = processes.run("trainer.evaluate", *args)
    assert (result.returncode, result.stderr) == (0, "")
    assert "caf\\udce9" in (tmp_path / "r.html").read_text()


def test_images_too_small_are_one_line(tmp_path):
    write_set(tmp_path / "own", shape=(9, 20))
    result = run(
        *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
        "--model=cnn",
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "expected at least 16 x 16 pixels" in line
    assert "--model=strong" in line


def test_a_data_dir_that_cannot_be_written_is_one_line(tmp_path):
    write_set(tmp_path / "own", shape=(20, 20))
    (tmp_path / "file").touch()
    result = run(
        f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'file' / 'x'}"
    )
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert line.startswith("trainer: ")
    assert str(tmp_path / "file") in line


def test_no_network_for_mnist_is_one_line_with_the_ways_on(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    result = run(f"--data_dir={tmp_path / 'data'}", path=tmp_path)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    for mirror in ("storage.googleapis.com", "ossci-datasets.s3.amazonaws.com"):
        assert f"{mirror}: " in line
    assert "--manual_dir=DIR" in line
    (folder,) = re.findall(r"--idx_dir=(\S+) trains", line)
    assert (pathlib.Path(folder) / "train-images-idx3-ubyte.gz").exists()


def test_mnist_itself_trains(mnist_idx_dir, tmp_path):
    result = run(
        *(f"--manual_dir={mnist_idx_dir}", f"--data_dir={tmp_path}"),
        *("--epochs=1", "--batch_size=128"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    facts = "mnist_idx_tfds/mnist/1.0.0: 60,000 training and 10,000 evaluation images"
    assert any(facts in line for line in lines)
    assert sum(bool(STEP.match(line)) for line in lines) == 24
    assert float(FINAL.fullmatch(lines[-1])[1]) > 0.97
