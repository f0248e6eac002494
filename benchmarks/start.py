"""How long does it take from the command to its help, and to the first step?

The first step is the first line of the log, of every step, on a prepared data set. The
peer is a process that does no more than import TensorFlow, TFDS and Keras. All are
processes of their own, timed from the outside.
"""

import statistics
import subprocess
import sys
import time

from benchmarks import build, measure, trainer_log
from benchmarks.files import Setup

_IMPORTS = "import tensorflow, tensorflow_datasets, keras"
_HELP_SECONDS = 1.0
_FLOOR = 1 / 1.3


def run(setup: Setup) -> list[measure.Row]:
    """Starts in turn."""
    build.prepare(setup)
    results = measure.in_turn(
        "start",
        {
            "help": lambda n: _seconds("-m", "trainer", "--help"),
            "first step": lambda n: _first_step(setup),
            "imports": lambda n: _seconds("-c", _IMPORTS),
        },
        setup.pairs,
        setup.warm_up,
    )
    ours, peer = results["help"], results["imports"]
    return [
        measure.Row(
            "start, help",
            ours,
            peer,
            limit=f"{_HELP_SECONDS:.0f} s",
            within=statistics.median(ours) < _HELP_SECONDS,
        ),
        measure.Row(
            "start, first step",
            results["first step"],
            peer,
            _FLOOR,
            notes="The floor is 1.3 times the imports, which are the bound, too.",
        ),
    ]


def _seconds(*args: str) -> float:
    start = time.perf_counter()
    # Not checked: absl's --help exits with 1.
    subprocess.run(
        [sys.executable, *args],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=trainer_log.ROOT,
        check=False,
    )
    return time.perf_counter() - start


def _first_step(setup: Setup) -> float:
    with trainer_log.run(setup, "--epochs=1", "--log_every=1") as log:
        return next(seconds for seconds, line in log if "  step 1/" in line)
