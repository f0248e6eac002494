"""`python -m trainer.predict` as its users run it."""

import csv
import dataclasses
import functools
import io
import json
import os
import pathlib
import shutil

import numpy as np
import processes
import pytest
from idx_files import TEST_IMAGES, TEST_LABELS, TRAIN_LABELS, write_set
from PIL import Image

from trainer import predict
from trainer.network import architectures, saved
from trainer.network.card import Card
from trainer.picture.classify import Prediction

ROOT = pathlib.Path(__file__).parents[2]
DIGITS = ROOT / "mnist_idx_tfds" / "dummy_data" / "t10k-images-idx3-ubyte.gz"
CLASSES = [
    {"label": 7, "name": "seven", "probability": 0.9},
    {"label": 1, "name": "one", "probability": 0.0625},
]
PREDICTIONS = [
    Prediction("seven.png", None, CLASSES, True),
    Prediction("t10k.gz", 17, CLASSES, False, None, True),
]


run = functools.partial(processes.run, "trainer.predict")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A saved network with named classes, and a drawing beside it."""
    folder = tmp_path_factory.mktemp("run")
    card = Card(("ant", "bee", "café"), (28, 28, 1), "ink")
    saved.save(folder / "model.keras", architectures.cnn((28, 28, 1), 3), card)
    pixels = np.full((60, 40), 250, np.uint8)
    pixels[10:50, 15:22] = 30
    Image.fromarray(pixels).save(folder / "drawing.png")
    return folder


def test_the_table_has_a_line_for_each_image(capsys):
    predict.print_table(PREDICTIONS, ["seven.png", "t10k.gz"], ["one", "seven"])
    assert capsys.readouterr().out.splitlines() == [
        "seven.png         seven  90.00%    one   6.25%  inverted",
        "t10k.gz       17  seven  90.00%    one   6.25%  unknown",
    ]


def test_csv_has_a_row_for_each_image_quoted_where_it_must_be(capsys):
    odd = 'a, "b".png'
    predict.print_csv([*PREDICTIONS, Prediction(odd, 3, CLASSES, False, "one")], 2)
    text = capsys.readouterr().out
    assert text.splitlines()[0] == (
        "file,index,label,name,probability,label_2,name_2,probability_2,inverted,labelled,"
        "unknown"
    )
    classes = ["7", "seven", "0.9", "1", "one", "0.0625"]
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["seven.png", "", *classes, "true", "", ""],
        ["t10k.gz", "17", *classes, "false", "", "true"],
        [odd, "3", *classes, "false", "one", ""],
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_json_is_an_array_of_all_that_is_known(capsys, count):
    predict.print_json(PREDICTIONS[:count])
    keys = ("file", "index", "predictions", "inverted", "labelled", "unknown")
    expected = [
        dict(zip(keys, p, strict=True))
        for p in (
            ["seven.png", None, CLASSES, True, None, None],
            ["t10k.gz", 17, CLASSES, False, None, True],
        )
    ]
    assert json.loads(capsys.readouterr().out) == expected[:count]


def test_the_program_labels_what_it_can_and_names_what_it_cannot(run_folder):
    args = (f"--model={run_folder / 'model.keras'}", "--device=cpu", "--json")
    result = run(*args, run_folder / "drawing.png", run_folder / "gone.png", DIGITS)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        f"trainer.predict: {run_folder / 'gone.png'}: image: expected"
    )
    first, *others = json.loads(result.stdout)
    assert first["inverted"]
    assert {c["name"] for c in first["predictions"]} == {"ant", "bee", "café"}
    assert sum(c["probability"] for c in first["predictions"]) == pytest.approx(1)
    assert [p["index"] for p in others] == list(range(800))


def test_a_folder_is_the_pictures_in_it_as_csv(run_folder, tmp_path):
    """What is no picture is named, and the rest is labelled."""
    (tmp_path / "pictures" / "a").mkdir(parents=True)
    for name in ("b.png", "a/c.png"):
        shutil.copy(run_folder / "drawing.png", tmp_path / "pictures" / name)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    args = (f"--model={run_folder / 'model.keras'}", "--device=cpu", "--csv")
    result = run(*args, "pictures", cwd=tmp_path)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.predict: pictures/notes.txt: image: expected a")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["file"] for row in rows] == ["pictures/a/c.png", "pictures/b.png"]
    for row in rows:
        keys = ("probability", "probability_2", "probability_3")
        assert sum(float(row[key]) for key in keys) == pytest.approx(1)
        names = {row["name"], row["name_2"], row["name_3"]}
        assert names == {"ant", "bee", "café"}


def test_a_folder_without_pictures_is_one_line_and_an_empty_table(run_folder, tmp_path):
    result = run(f"--model={run_folder / 'model.keras'}", "--device=cpu", tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    message = "folder: expected at least one picture, found none."
    assert result.stderr == f"trainer.predict: {tmp_path}: {message}\n"


def test_of_idx_files_those_that_are_labelled_otherwise_are_named(run_folder, tmp_path):
    """By name, where the files have them in another order than the network."""
    made = write_set(tmp_path, test=60, shape=(28, 28), num_classes=3)
    names = ("café", "bee", "ant")
    (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in names))
    args = (f"--model={run_folder / 'model.keras'}", "--device=cpu")
    file = tmp_path / TEST_IMAGES
    best = [
        p["predictions"][0]["name"]
        for p in json.loads(run(*args, "--json", file).stdout)
    ]
    given = [names[label] for label in made["test"][1]]
    wrong = [n for n in range(60) if best[n] != given[n]]
    assert 0 < len(wrong) < 60
    result = run(*args, "--only_wrong", "--json", file)
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert [p["index"] for p in found] == wrong
    assert [p["labelled"] for p in found] == [given[n] for n in wrong]
    *lines, last = run(*args, "--only_wrong", file).stdout.splitlines()
    assert [line.split()[1:5] for line in lines] == [
        [str(n), "labelled", given[n], best[n]] for n in wrong
    ]
    assert last == f"{len(wrong)} images labelled otherwise"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / TEST_LABELS).unlink(),
            f"{TEST_IMAGES}: labels: expected one file beside it, named like "
            "t10k-labels-idx1-ubyte.gz, found none",
        ),
        (
            lambda folder: (folder / "labels.txt").write_text("ant\ndog\nbee\n"),
            "model.keras: classes: expected a model that knows those of",
        ),
        (
            lambda folder: shutil.copy(folder / TRAIN_LABELS, folder / TEST_LABELS),
            f"{TEST_LABELS}: label count: expected 6, one for each image in",
        ),
    ],
    ids=["no labels", "unknown class", "labels of another file"],
)
def test_labels_that_do_not_fit_are_one_line(run_folder, tmp_path, change, message):
    write_set(tmp_path, shape=(28, 28), num_classes=3)
    change(tmp_path)
    model = f"--model={run_folder / 'model.keras'}"
    result = run(model, "--device=cpu", "--only_wrong", tmp_path / TEST_IMAGES)
    assert result.returncode == 1
    assert result.stdout == "0 images labelled otherwise\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.predict: ")
    assert message in line


def test_a_reader_that_stops_ends_it_without_a_word(run_folder):
    model = f"--model={run_folder}/model.keras"
    args = ("-m", "trainer.predict", model, "--device=cpu", *[DIGITS] * 20)
    with processes.start(*args) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_what_the_terminal_cannot_show_is_escaped(run_folder, tmp_path):
    network, card = saved.load(run_folder / "model.keras")
    card = dataclasses.replace(card, label_names=("字", "ñ", "ω"))
    saved.save(tmp_path / "model.keras", network, card)
    picture = os.fsencode(tmp_path) + b"/\xff.png"  # No UTF-8.
    shutil.copy(run_folder / "drawing.png", picture)
    result = run(
        *(f"--model={tmp_path}/model.keras", "--device=cpu", os.fsdecode(picture)),
        env={"PYTHONIOENCODING": "latin-1"},
        encoding="latin-1",
    )
    assert (result.returncode, result.stderr) == (0, "")
    for shown in ("\\udcff.png", " \\u5b57 ", " ñ ", " \\u03c9 "):
        assert shown in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--model=x"], "expected IMAGE..., found none"),
        (["x.png"], "--model=None: expected a .keras file"),
        (["--model=x", "--invert=maybe", "x.png"], "--invert=maybe"),
        (["--model=x", "--index=-1", "x.png"], "--index=-1"),
        (["--model=x", "--csv", "--json", "x.png"], "give --json or --csv, not both"),
        (["--model=x", "--device=tpu", "x.png"], "expected auto, cpu, gpu or gpu:N"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_is_one_line_before_anything_heavy(
    nothing_heavy, args, message
):
    result = run(*args, path=nothing_heavy)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.predict: ")
    assert message in line


def test_importing_it_defines_no_flags():
    """As they would clash with the flags of a program that imports it."""
    code = "from trainer import predict; print('model' in predict.flags.FLAGS)"
    assert processes.end(processes.start("-c", code)).stdout == "False\n"


def test_a_name_can_neither_forge_a_row_nor_move_the_cursor_nor_be_a_formula(capsys):
    bad = [{"label": 0, "name": "=A1\x1b[2J", "probability": 1.0}]
    prediction = Prediction("=x\nok.png  cat", None, bad, False, "a\rb")
    assert predict.print_table([prediction], [prediction.file], [bad[0]["name"]]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(r"=x\nok.png  cat ")
    assert line.endswith(r" a\rb  =A1\x1b[2J 100.00%")
    predict.print_csv([prediction], 1)
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert (row[0][:2], row[3][:2]) == ("'=", "'=")
