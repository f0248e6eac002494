"""`python -m trainer` as its users run it, with the time of each line it prints."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.files import Setup

ROOT = pathlib.Path(__file__).parents[1]


def command(setup: Setup, *args: str) -> list[str]:
    """Returns the command that trains the tutorial's network, as `run` has it."""
    source = [f"--{flag}={folder}" for flag, folder in setup.source.items() if folder]
    options = [*source, f"--data_dir={setup.data_dir}", "--device=cpu", "--model=cnn"]
    return [sys.executable, "-m", "trainer", *options, *args]


@contextlib.contextmanager
def run(
    setup: Setup, *args: str, backend: str = "tensorflow"
) -> Iterator[Iterator[tuple[float, str]]]:
    """Trains the tutorial's network on the prepared data set, on the CPU.

    Args:
      setup: the data set.
      *args: further flags.
      backend: of Keras.

    Yields:
      An iterator over what it prints: seconds since the command was given, and the
      line. Where the caller has seen enough, the run is ended.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        command(setup, *args),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend},
    ) as process:
        try:
            yield _lines(process, start)
        finally:
            process.kill()


def _lines(process: subprocess.Popen, start: float) -> Iterator[tuple[float, str]]:
    for line in process.stdout:
        yield time.perf_counter() - start, line
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, process.args)
