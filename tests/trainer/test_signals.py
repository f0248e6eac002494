"""Signals, in a process of their own."""

import signal

import processes
import pytest

PROGRAM = """
import sys, time
from trainer import signals
signals.install()
def wait():
    print("ready", flush=True)
    while not signals.received():
        time.sleep(0.01)
    print("seen", flush=True)
    time.sleep(float(sys.argv[2]))
try:
    if sys.argv[1] == "held":
        with signals.held_back():
            wait()
    else:
        wait()
except signals.Interrupted as e:
    print(e)
    sys.exit(e.exit_code)
"""


def run(kind, number, *, again=False):
    """Sends a signal, and again if so asked; returns exit code and output."""
    process = processes.start("-c", PROGRAM, kind, "60" if again else "0")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    if again:
        assert process.stdout.readline() == "seen\n"
        process.send_signal(number)
    out, err = process.communicate()
    return process.returncode, out, err


both = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)


@both
def test_a_signal_ends_the_program_at_once(number, code):
    assert run("free", number) == (code, "interrupted\n", "")


@both
def test_a_signal_that_is_held_back_waits_for_the_work_to_end(number, code):
    found, out, err = run("held", number)
    assert (found, out) == (code, "seen\ninterrupted\n")
    assert err == "stopping after the steps in progress; once more stops at once\n"


@both
def test_a_second_signal_ends_the_work_at_once(number, code):
    found, out, _ = run("held", number, again=True)
    assert (found, out) == (code, "")
