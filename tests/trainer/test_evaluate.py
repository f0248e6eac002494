"""`python -m trainer.evaluate` as its users run it, and what it refuses."""

import csv
import functools
import json
import pathlib
import re

import keras
import numpy as np
import processes
import pytest
from idx_files import write_arrays, write_set
from PIL import Image

from trainer import evaluate
from trainer.errors import TrainerError
from trainer.network import architectures, saved
from trainer.network.card import Card
from trainer.quality import measures

ROOT = pathlib.Path(__file__).parents[2]
SHAPE = (20, 20)
TEST = 45


run = functools.partial(processes.run, "trainer.evaluate")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder of IDX files, and what is in its test split."""
    folder = tmp_path_factory.mktemp("own")
    made = write_set(folder, train=10, test=TEST, shape=SHAPE, num_classes=3)
    return folder, made["test"]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    cnn = architectures.cnn((*SHAPE, 1), 3)
    cnn.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return cnn


@pytest.fixture
def workdir(network, tmp_path):
    """What a run leaves in its folder."""
    network.save(tmp_path / "model.keras")
    (tmp_path / "settings.json").write_text('{"model": "cnn", "batch_size": 77}')
    records = [
        {"step": 3, "epoch": 1, "loss": 1.5, "accuracy": 0.5},
        {"step": 3, "epoch": 1, "test_loss": 1.25, "test_accuracy": 0.75},
    ]
    (tmp_path / "metrics.jsonl").write_text(
        "".join(json.dumps(r) + "\n" for r in records)
    )
    return tmp_path


def test_prints_a_table_and_writes_a_report_of_the_run(own, network, workdir):
    images, labels = own[1]
    loss, accuracy = network.evaluate(images[..., None], labels, verbose=0)
    options = (f"--idx_dir={own[0]}", f"--data_dir={workdir / 'data'}", "--device=cpu")
    page = workdir / "r.html"
    result = run(f"--model={workdir / 'model.keras'}", *options, f"--report={page}")
    assert (result.returncode, result.stderr) == (0, "")
    *_, opening, header, a, b, c, last, note, report = result.stdout.splitlines()
    assert f"split test: {TEST} images, 20x20x1, 3 classes" in opening
    assert header.split() == ["class", "images", "wrong", "accuracy"]
    assert sorted(line.split()[0] for line in (a, b, c)) == ["0", "1", "2"]
    assert sum(int(line.split()[1]) for line in (a, b, c)) == TEST
    found = re.fullmatch(
        r"loss (\S+)  accuracy (\S+)  95% interval (\S+) to (\S+)  "
        r"majority's share (\S+)  balanced accuracy (\S+)  AUC (\S+)  "
        r"calibration error (\S+)",
        last,
    ).groups()
    assert [float(value) for value in found[:2]] == pytest.approx(
        [loss, accuracy], abs=1e-4
    )
    assert float(found[2]) < accuracy < float(found[3])
    assert float(found[4]) == pytest.approx(np.bincount(labels).max() / TEST, abs=1e-4)
    right = network.predict(images[..., None], verbose=0).argmax(1) == labels
    balanced = np.mean([right[labels == label].mean() for label in range(3)])
    assert float(found[5]) == pytest.approx(balanced, abs=1e-4)
    assert note.startswith(f"Accuracy {accuracy:.4f} is no")  # It was never trained.
    assert report == f"report  {page}"
    text = page.read_text()
    for part in (
        "Learning curves",
        "77",
        "batch size",
        "split test",
        f"{accuracy:.2%}",
    ):
        assert part in text


def test_json_is_all_that_is_on_standard_output(own, network, workdir):
    """Even where the data set is built first, which is said; and of a run that weighed."""
    (workdir / "settings.json").write_text(
        '{"model": "cnn", "class_weight": "bounded"}'
    )
    options = (f"--idx_dir={own[0]}", f"--data_dir={workdir / 'data'}", "--device=cpu")
    args = ("--json", "--split=train[:50%]")
    result = run(f"--model={workdir / 'model.keras'}", *options, *args)
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert found["split"] == "train[:50%]"
    assert found["examples"] == 5
    assert found["judged_by"] == "balanced accuracy"
    assert len(found["classes"]) == 3
    assert found["model"] == str(workdir / "model.keras")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "--model=None: expected a .keras file"),
        (["--model=m.keras", "x"], "unexpected argument 'x'"),
        (["--model=m.keras", "--device=tpu"], "expected auto, cpu, gpu or gpu:N"),
        (["--model=m.keras", "--manual_dir=a", "--idx_dir=b"], "not both"),
    ],
)
def test_a_wrong_command_is_one_line_before_anything_heavy(tmp_path, args, message):
    for name in ("tensorflow", "tensorflow_datasets", "keras", "numpy", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('takes seconds')")
    result = run(*args, path=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.evaluate: ")
    assert message in line


def test_a_missing_model_is_one_line(tmp_path):
    result = run(f"--model={tmp_path / 'none.keras'}", "--device=cpu")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    expected = "file: expected a .keras model, found no such file"
    assert line == f"trainer.evaluate: {tmp_path / 'none.keras'}: {expected}"


@pytest.fixture
def named(network, tmp_path):
    """A model of circles, squares and stars, and the options that it is asked with."""
    network.save(tmp_path / "model.keras")
    (tmp_path / "labels.txt").write_text("circle\nsquare\nstar\n")
    return (
        *(f"--model={tmp_path / 'model.keras'}", f"--idx_dir={tmp_path / 'other'}"),
        *(f"--data_dir={tmp_path / 'data'}", "--device=cpu", "--json"),
    )


def test_classes_in_another_order_are_those_of_the_model(named, network, tmp_path):
    made = write_set(tmp_path / "other", test=TEST, shape=SHAPE, num_classes=2)
    (tmp_path / "other" / "labels.txt").write_text("star\ncircle\n")
    result = run(*named)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    images, labels = made["test"]
    labels = np.array([2, 0])[labels]
    loss, accuracy = network.evaluate(images[..., None], labels, verbose=0)
    assert [found["loss"], found["accuracy"]] == pytest.approx([loss, accuracy])
    assert [(c["name"], c["examples"]) for c in found["classes"]] == [
        ("circle", (labels == 0).sum()),
        ("square", 0),
        ("star", (labels == 2).sum()),
    ]
    assert np.sum(found["confusion"], axis=1).tolist() == np.bincount(labels).tolist()


def test_a_class_that_the_model_does_not_know_is_named(named, tmp_path):
    write_set(tmp_path / "other", shape=SHAPE, num_classes=2)
    (tmp_path / "other" / "labels.txt").write_text("square\ntriangle\n")
    result = run(*named)
    assert (result.returncode, result.stdout) == (1, "")
    line = result.stderr.splitlines()[-1]
    assert line.startswith(f"trainer.evaluate: {tmp_path / 'model.keras'}: classes: ")
    assert "found none of the name triangle. Is it" in line


def test_a_run_is_evaluated_on_its_own_split_of_its_own_data(tmp_path):
    """Wherever that was kept; for another data set, neither is taken."""
    for name in ("own", "other"):
        write_set(tmp_path / name, train=40, test=7, shape=SHAPE, num_classes=3)
    args = (
        *(f"--idx_dir={tmp_path / 'own'}", "--data_dir=data", "--device=cpu"),
        *("--train_split=train[:75%]", "--eval_split=train[75%:]"),
        *("--model=cnn", "--epochs=1"),
    )
    trained = processes.run("trainer", *args, "--workdir=w", cwd=tmp_path)
    assert (trained.returncode, trained.stderr) == (0, "")
    again = ("--model=w/model.keras", "--device=cpu", "--json")
    (tmp_path / "away").mkdir()
    found = json.loads(run(*again, cwd=tmp_path).stdout)
    assert (found["split"], found["examples"]) == ("train[75%:]", 10)
    assert json.loads(run(*again, "--split=test", cwd=tmp_path).stdout)["examples"] == 7
    other = (f"--idx_dir={tmp_path / 'other'}", "--data_dir=away")
    assert json.loads(run(*again, *other, cwd=tmp_path).stdout)["examples"] == 7
    assert list((tmp_path / "away").iterdir())
    args = ("--data_dir=away", *args[:1], *args[2:])
    moved = processes.run("trainer", *args, "--workdir=w", cwd=tmp_path)
    assert "the run is finished." in moved.stdout
    assert "data_dir" not in moved.stdout


def items(made, mistakes, source):
    """The images of mistakes in a set's test split, by what is said of their source."""
    images, labels = made["test"]
    for mistake in mistakes:
        item = int(re.fullmatch(source, mistake["source"])[1])
        assert mistake["label"] == str(labels[item])
        yield images[item]


def test_mistakes_are_named_by_the_folder_of_the_run_while_it_is_there(
    network, tmp_path
):
    made = write_set(tmp_path / "own", train=40, test=TEST, shape=SHAPE, num_classes=3)
    paths = "".join(f"a/{n}.png\n" for n in range(TEST))
    (tmp_path / "own" / "t10k-files.txt").write_text(paths)
    args = ("--idx_dir=own", "--data_dir=data", "--device=cpu")
    settings = ("--model=cnn", "--epochs=1", "--workdir=w")
    trained = processes.run("trainer", *args, *settings, cwd=tmp_path)
    assert (trained.returncode, trained.stderr) == (0, "")
    again = ("--model=w/model.keras", "--device=cpu", "--json")
    found = json.loads(run(*again, cwd=tmp_path).stdout)
    source = r"t10k-images-idx3-ubyte\.gz item (\d+): a/\1\.png"
    assert len(list(items(made, found["mistakes"], source))) > 5
    page = (tmp_path / "w" / "report.html").read_text()
    assert all(mistake["source"] in page for mistake in found["mistakes"])
    (tmp_path / "own").rename(tmp_path / "moved")
    gone = json.loads(run(*again, cwd=tmp_path).stdout)
    assert {mistake["source"] for mistake in gone["mistakes"]} == {None}


def test_all_mistakes_are_written_and_forty_of_them_shown(network, tmp_path):
    network.save(tmp_path / "model.keras")
    made = write_set(tmp_path / "own", test=150, shape=SHAPE, num_classes=3)
    args = ("--model=model.keras", "--idx_dir=own", "--data_dir=data", "--device=cpu")
    out = ("--json", "--mistakes=out", "--report=r.html")
    result = run(*args, *out, cwd=tmp_path)
    assert result.returncode == 0
    shown = json.loads(result.stdout)
    wrong = sum(c["examples"] - c["correct"] for c in shown["classes"])
    assert f"mistakes  out: {wrong}\n" in result.stderr
    assert len(shown["mistakes"]) == 40
    report, _, surest = (tmp_path / "r.html").read_text().partition('id="surest"')
    assert report.count('alt="Image ') == 40
    assert 0 < surest.count('alt="Image ') <= 3
    with (tmp_path / "out" / "mistakes.csv").open(newline="") as stream:
        rows = [row | {"label": row["true"]} for row in csv.DictReader(stream)]
    assert len(rows) == wrong > 40
    assert [int(row["index"]) for row in rows[:40]] == [
        mistake["index"] for mistake in shown["mistakes"]
    ]
    source = r"t10k-images-idx3-ubyte\.gz item (\d+)"
    for row, image in zip(rows, items(made, rows, source), strict=True):
        assert row["file"] == f"{row['true']}/{row['predicted']}/{row['index']}.png"
        pixels = np.asarray(Image.open(tmp_path / "out" / row["file"]))
        np.testing.assert_array_equal(pixels, image)


@pytest.mark.parametrize(
    ("shape", "kept"), [((28, 28, 1), 593_883), ((1, 1, 1), 1_047_552)]
)
def test_mistakes_that_are_kept_take_no_more_than_a_gibibyte(shape, kept):
    assert evaluate._kept(shape) == kept


def test_a_folder_that_is_in_use_is_refused_before_the_data_set_is_built(own, workdir):
    options = (f"--idx_dir={own[0]}", f"--data_dir={workdir / 'data'}", "--device=cpu")
    model = workdir / "model.keras"
    result = run(f"--model={model}", *options, f"--mistakes={workdir}")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"trainer.evaluate: --mistakes={workdir}: expected an empty")
    assert not (workdir / "data").exists()


def test_mistakes_of_classes_in_another_order_are_found_by_the_labels_of_the_files(
    named, tmp_path
):
    """Each image is there twice, with labels that only the files tell apart."""
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(0, 256, (9, *SHAPE), np.uint8), 2, axis=0)
    labels = np.arange(18) % 2
    write_arrays(tmp_path / "other", dict.fromkeys(("train", "test"), (images, labels)))
    (tmp_path / "other" / "labels.txt").write_text("star\ncircle\n")
    found = json.loads(run(*named).stdout)["mistakes"]
    assert len(found) >= 9
    for mistake in found:
        item = int(mistake["source"].rpartition(" ")[2])
        assert mistake["label"] == ("star", "circle")[labels[item]]


def test_curves_of_another_run_beside_a_model_are_not_its_own(own, workdir, tmp_path):
    card = Card(tuple("012"), (*SHAPE, 1), "whole", settings={"model": "deep"})
    network = keras.saving.load_model(workdir / "model.keras", compile=False)
    saved.save(workdir / "model.keras", network, card)
    page = tmp_path / "r.html"
    result = run(
        *(f"--model={workdir / 'model.keras'}", "--device=cpu", f"--report={page}"),
        *(f"--idx_dir={own[0]}", f"--data_dir={workdir / 'data'}"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "Learning curves" not in page.read_text()


@pytest.mark.parametrize(
    "text", ['{"step": 1', "[1]", "null", '{"step": 1, "epoch": 1, "loss": 0.5}']
)
def test_damaged_metrics_of_the_run_are_one_line(workdir, text):
    (workdir / "metrics.jsonl").write_text(text)
    with pytest.raises(
        TrainerError, match=r"metrics\.jsonl: expected JSON of the"
    ) as e:
        evaluate._metrics(workdir / "model.keras")
    assert "\n" not in str(e.value)


def test_a_report_in_no_folder_is_refused_before_the_work(tmp_path):
    with pytest.raises(TrainerError, match="found no such folder"):
        evaluate._report_path(str(tmp_path / "none" / "r.html"))
    with pytest.raises(TrainerError, match="found a folder"):
        evaluate._report_path(str(tmp_path))


def test_only_the_worst_of_many_classes_are_printed(capsys):
    from trainer.quality.evaluation import Evaluation

    count = np.full(101, 10)
    correct = np.arange(101) % 11
    result = Evaluation(
        label_names=tuple(f"class {i}" for i in range(101)),
        examples=1010,
        loss=1.0,
        class_examples=count,
        class_correct=correct,
        class_predicted=count,
        confusion=None,
        mistakes=(),
    )
    facts = {"device": "CPU", "dataset": "own", "split": "test", "model": "m"}
    evaluate._print(facts | {"image_shape": [2, 2, 1], "parameters": 1}, result)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["class", "0", "10", "10", "0.0000"]
    assert lines[102] == "... the worst 100 of 101 classes; --json has them all"


def test_importing_it_defines_no_flags():
    """As they would clash with those of a program that imports it."""
    code = (
        "from trainer import evaluate; "
        "print({'model', 'split'} & set(evaluate.flags.FLAGS))"
    )
    assert processes.end(processes.start("-c", code)).stdout == "set()\n"


def test_a_name_of_a_class_stays_in_its_row(capsys):
    class First:
        def predict_on_batch(self, images):
            return np.eye(2, dtype=np.float32)[[0] * len(images)]

    names = ("cat\nbird  9,999  0", "\x1b[2Jdog")
    batches = [(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]))]
    facts = dict.fromkeys(("device", "dataset", "split", "model"), "x")
    facts |= {"image_shape": [4, 4, 1], "parameters": 1}
    evaluate._print(facts, measures.evaluate(First(), batches, names))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith(r"\x1b[2Jdog")
    assert lines[3].startswith(r"cat\nbird  9,999  0  ")
    assert lines[4].startswith("loss ")
