"""Terminals that cannot show what the programs have to say."""

import os

import processes
import pytest
from idx_files import write_set
from PIL import Image

from trainer.network import architectures, saved

LATIN = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network whose classes have names that Latin-1 does not have."""
    folder = tmp_path_factory.mktemp("model")
    architectures.cnn((20, 20, 1), 2).save(folder / "model.keras")
    saved.write_labels(folder, ("字", "é"))
    return folder / "model.keras"


def test_evaluate_escapes_names_that_the_terminal_does_not_have(model, tmp_path):
    write_set(tmp_path / "own", shape=(20, 20), num_classes=2)
    (tmp_path / "own" / "labels.txt").write_text("字\né\n", encoding="utf-8")
    result = processes.run(
        "trainer.evaluate",
        *(f"--model={model}", f"--idx_dir={tmp_path / 'own'}"),
        *(f"--data_dir={tmp_path / 'data'}", "--device=cpu"),
        env=LATIN,
        encoding="latin-1",
    )
    assert (result.returncode, result.stderr) == (0, "")
    found = [line.split()[0] for line in result.stdout.splitlines()]
    assert {"\\u5b57", "é", "loss"} <= set(found)


def test_predict_escapes_names_of_classes_and_of_files(model, tmp_path):
    picture = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    Image.new("L", (20, 20)).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", picture)
    none = os.fsdecode(os.fsencode(tmp_path) + b"/none\xe9.png")
    args = (f"--model={model}", "--device=cpu", picture, none)
    result = processes.run("trainer.predict", *args, env=LATIN, encoding="latin-1")
    assert result.returncode == 1  # For the file that is not there.
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{tmp_path}/caf\\udce9.png ")
    assert "\\u5b57" in line
    assert f"{tmp_path}/none\\udce9.png" in result.stderr
    assert "Traceback" not in result.stderr
