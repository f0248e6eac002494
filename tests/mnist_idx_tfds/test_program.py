"""What the package's programs share."""

import argparse
import sys
import time

import pytest

from mnist_idx_tfds import idx, program


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (idx.error("a", "b", "c", "d"), 1, "prog: a: b: expected c, found d.\n"),
        (OSError(28, "full", "file"), 1, "prog: file: full\n"),
        (KeyboardInterrupt(), 130, "prog: interrupted\n"),
    ],
    ids=["bad file", "full disk", "interrupt"],
)
def test_what_a_user_can_mend_is_one_line(monkeypatch, capsys, raised, code, line):
    def main(args):
        raise raised

    monkeypatch.setattr(sys, "argv", ["prog"])
    with pytest.raises(SystemExit) as caught:
        program.run(argparse.ArgumentParser(prog="prog"), main)
    assert caught.value.code == code
    assert capsys.readouterr() == ("", line)


def test_an_error_has_the_exit_code_that_it_says(capsys):
    class MissedError(ValueError):
        exit_code = 3

    def main():
        raise MissedError("missed")

    with pytest.raises(SystemExit) as caught:
        program.guard("prog", main, MissedError)
    assert caught.value.code == 3
    assert capsys.readouterr() == ("", "prog: missed\n")


def test_a_bug_keeps_its_traceback():
    def main():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        program.guard("prog", main)


def test_progress_is_told_every_two_seconds(monkeypatch, capsys):
    seconds = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    chunks = [[0] * 1000, [0] * 1000, [0] * 1000, [0] * 500]
    assert list(program.progress(chunks, 3500, "train", "digits")) == chunks
    assert capsys.readouterr() == ("", "train: 3,000 of 3,500 digits\n")


def test_what_is_quick_has_no_progress(capsys):
    assert list(program.progress([[0]], 1, "train", "digits")) == [[0]]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("args", [["", "--more=x"], ["a", "--more="], ["a", "b", ""]])
def test_an_empty_argument_is_not_this_folder_but_a_wrong_command(
    args, capsys, monkeypatch
):
    monkeypatch.setattr(sys, "argv", ["prog", *args])
    parser = argparse.ArgumentParser("prog")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--more")
    with pytest.raises(SystemExit) as caught:
        program.run(parser, lambda args: 0)
    assert caught.value.code == 2
    assert "expected a value, found an empty one" in capsys.readouterr().err
