"""Runs that are to end in so many minutes: what their length is, and that it stays."""

import json

import kept_runs
import numpy as np
import pytest
from idx_files import write_arrays

from trainer.errors import TrainerError
from trainer.machine import device
from trainer.run import budget, training, trial
from trainer.run.budget import Budget
from trainer.run.trial import Speed

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains on a set of three classes."""
    folder = tmp_path_factory.mktemp("user")
    arrays = {
        split: (RANDOM.integers(0, 256, (n, 16, 16), np.uint8), np.arange(n) % 3)
        for split, n in (("train", 60), ("test", 30))
    }
    write_arrays(folder / "DIR", arrays)
    given = {"idx_dir": f"{folder / 'DIR'}", "data_dir": f"{folder / 'data'}"}

    def train(workdir, **options):
        options = {"model": "cnn", "batch_size": 15, "workdir": f"{workdir}"} | options
        training.train(device.select("cpu"), **given, **options)
        return json.loads((workdir / "settings.json").read_text())

    return train


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(training, "_LEAST_TRIAL", 0.1)


def test_a_trial_leaves_nothing_in_the_run(train, tmp_path, monkeypatch):
    """It ends with the bits of the same length by --epochs."""
    monkeypatch.setattr(budget, "in_time", lambda *_: Budget(2, 1, ""))
    settings = train(tmp_path / "minutes", minutes=3)
    assert (settings["minutes"], settings["epochs"]) == (3, 2)
    train(tmp_path / "epochs", epochs=2, augment="on")
    assert kept_runs.bits(tmp_path / "minutes") == kept_runs.bits(tmp_path / "epochs")


def test_a_run_that_goes_on_keeps_its_length(train, tmp_path, monkeypatch, capsys):
    """And needs no trial to know it, nor to refuse another."""
    # Slow enough that what passes before the run has little part in its length.
    monkeypatch.setattr(trial, "measured", lambda *_: Speed(5, step=1, evaluation=1))
    begun = train(tmp_path, minutes=10, target_accuracy=1e-9)  # One epoch of it.
    assert begun["epochs"] > 1
    assert begun["passes_per_epoch"] > 1
    monkeypatch.setattr(trial, "measured", None)
    with pytest.raises(TrainerError, match=r"another: minutes 10\.0 there, 20\.0 now"):
        train(tmp_path, minutes=20)
    with pytest.raises(TrainerError, match=r"minutes 10\.0 there, None now"):
        train(tmp_path, epochs=begun["epochs"])
    capsys.readouterr()
    assert train(tmp_path, minutes=10, target_accuracy=1e-9) == begun
    said = capsys.readouterr().out
    assert "by --minutes=10 as it was begun" in said
    assert "the run is finished" in said


def test_a_trial_measures_what_it_did(train, tmp_path, monkeypatch):
    """Of many steps, more than one epoch of them, or one."""
    found = []
    measured = trial.measured

    def kept(how, data, device, seconds):
        found.append(measured(how, data, device, seconds))
        return found[-1]

    monkeypatch.setattr(trial, "measured", kept)
    monkeypatch.setattr(budget, "in_time", lambda *_: Budget(1, 1, ""))
    train(tmp_path / "many", minutes=1)
    monkeypatch.setattr(trial, "_STEPS", 1)
    train(tmp_path / "few", minutes=1, batch_size=60)
    assert all(0 < value < 60 for speed in found for value in speed)


@pytest.mark.parametrize("minutes", [0, -1, "1", True, float("nan"), 10**7])
def test_other_minutes_are_refused(train, tmp_path, minutes):
    with pytest.raises(TrainerError, match="minutes: expected more than 0"):
        train(tmp_path, minutes=minutes)


def test_minutes_and_epochs_are_refused(train, tmp_path):
    with pytest.raises(TrainerError, match="minutes: expected none with epochs"):
        train(tmp_path, minutes=1, epochs=1)


def test_too_short_a_time_is_one_line(train, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "measured", lambda *_: Speed(5, step=1, evaluation=1))
    with pytest.raises(
        TrainerError, match=r"--minutes=0\.001: expected time for a pass"
    ):
        train(tmp_path, minutes=0.001)
