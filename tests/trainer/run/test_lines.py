"""The lines that a run prints."""

import pytest

from trainer.run import lines

WINDOW = {"loss": 0.89647, "accuracy": 0.74839, "images_per_second": 22840.4}
EVALUATION = {"test_loss": 0.09571, "test_accuracy": 0.97109}


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    clock = [0.0]
    monkeypatch.setattr(lines.time, "monotonic", lambda: clock[0])
    return clock


def test_a_window_is_a_line(capsys, clock):
    lines.Progress(4, 469, windows=True)({"step": 509, "epoch": 2, **WINDOW})
    line = "epoch 2/4  step 40/469  loss 0.8965  accuracy 0.7484  22,840 images/s\n"
    assert capsys.readouterr().out == line


def test_an_evaluation_is_a_line(capsys, clock):
    lines.Progress(4, 469, windows=True)({"step": 469, "epoch": 1, **EVALUATION})
    line = "epoch 1/4  test_loss 0.0957  test_accuracy 0.9711\n"
    assert capsys.readouterr().out == line


def test_without_windows_only_evaluations_are_printed(capsys, clock):
    show = lines.Progress(2, 10, windows=False)
    for record in (WINDOW, EVALUATION):
        show({"step": 10, "epoch": 1, **record})
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (0.01, "1 s left"),
        (1, "9 s left"),
        (11, "99 s left"),
        (12, "2 min left"),
        (600, "90 min left"),
        (666, "1 h 40 min left"),
        (800, "2 h 0 min left"),
    ],
)
def test_the_time_left_goes_by_the_steps_since_the_first_record(
    capsys, clock, seconds, left
):
    """Ten steps took so long, and ninety are left."""
    show = lines.Progress(11, 10, windows=True)
    show({"step": 10, "epoch": 1, **WINDOW})
    clock[0] = float(seconds)
    show({"step": 20, "epoch": 2, **WINDOW})
    assert capsys.readouterr().out.rstrip().endswith(f"images/s  {left}")


def test_at_the_end_no_time_is_left(capsys, clock):
    show = lines.Progress(1, 20, windows=True)
    show({"step": 10, "epoch": 1, **WINDOW})
    show({"step": 20, "epoch": 1, **WINDOW})
    assert "left" not in capsys.readouterr().out
