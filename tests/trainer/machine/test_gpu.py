"""What users see of a GPU, where there is one: a run, its end, and nothing else.

Each in processes of their own, one after the other, so that they share no memory of it.
"""

import json
import re

import processes
import pytest
from idx_files import write_set

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("gpu")]


@pytest.fixture
def train(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    write_set(folder, train=200, test=50, shape=(20, 20), num_classes=3)
    options = [f"--idx_dir={folder}", f"--data_dir={tmp_path / 'data'}"]

    def run(*args, module="trainer"):
        result = processes.run(module, *options, *args)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    return run


def test_a_run_says_that_it_is_on_the_gpu_and_is_as_quiet_as_on_a_cpu(train):
    out = train("--epochs=2", "--batch_size=50")
    assert re.search(r"^GPU:0 \(.+\)  (JAX  )?mnist_idx_tfds/own", out, re.MULTILINE)
    assert re.search(r"^final  test_loss \d", out, re.MULTILINE)
    assert not re.search(r"^[EWI]\d{4} |\.cc:\d+\]", out, re.MULTILINE)


def test_a_run_that_was_stopped_goes_on_and_its_model_is_the_same_on_a_cpu(
    train, tmp_path
):
    run = "--epochs=3", "--batch_size=50", "--device=gpu", f"--workdir={tmp_path / 'r'}"
    train(*run, "--target_accuracy=0.001")  # Which the first epoch reaches.
    out = train(*run)
    assert "the run goes on after step 4." in out
    settings = json.loads((tmp_path / "r" / "settings.json").read_text())
    assert settings["device"].startswith("GPU:0 (")
    model = f"--model={tmp_path / 'r' / 'model.keras'}"
    found = [
        json.loads(train(model, "--json", device, module="trainer.evaluate"))
        for device in ("--device=gpu", "--device=cpu")
    ]
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-2)
