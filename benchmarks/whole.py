"""How long does a person wait, from the command to 99% of the test split?

Ours is the process `python -m trainer --target_accuracy=0.99` on a prepared data set, from
its start to its end. The peer is a process that runs keras.io's "Simple MNIST convnet",
see `convnet.py`, on the arrays of a file as Keras has them, until the first evaluation on
the test split that reaches 99%. Imports, reading and ends are counted on both sides. The
seed is another for each pair. At most three pairs without a warm-up, because each is
minutes.
"""

import re
import subprocess
import sys
import time

import numpy as np

from benchmarks import build, measure, trainer_log
from benchmarks.files import Setup
from mnist_idx_tfds import idx, idx_set

_FLOOR = 8.0
_PAIRS = 3
_BEST = re.compile(r"^(?:final  test_loss .*test_accuracy|best) (\S+)$", re.MULTILINE)


def run(setup: Setup) -> list[measure.Row]:
    """Trains in turn."""
    build.prepare(setup)
    arrays = setup.work / "arrays.npz"
    pairs = idx_set.find(setup.idx_dir)
    np.savez_compressed(
        arrays,
        **{f"x_{split}": idx.load(pair.images) for split, pair in pairs.items()},
        **{f"y_{split}": idx.load(pair.labels) for split, pair in pairs.items()},
    )
    target = f"{setup.target}"
    results = measure.in_turn(
        "whole",
        {
            "ours": lambda n: _seconds(
                *trainer_log.command(
                    setup, "--epochs=2", f"--seed={n}", f"--target_accuracy={target}"
                )
            ),
            "peer": lambda n: _seconds(
                *(sys.executable, "-m", "benchmarks.convnet"),
                *(f"{arrays}", f"{n}", target),
            ),
        },
        min(setup.pairs, _PAIRS),
        warm_up=False,
    )
    notes = measure.fell_short(results, setup.target)
    seconds = {side: [s for s, _ in runs] for side, runs in results.items()}
    return [
        measure.Row(
            "whole", seconds["ours"], seconds["peer"], _FLOOR, notes=" ".join(notes)
        )
    ]


def _seconds(*command: str) -> tuple[float, float]:
    """Returns the seconds of a process, and the accuracy that it says it ended with."""
    start = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=trainer_log.ROOT,
        check=False,
    )
    seconds = time.perf_counter() - start
    if not (best := _BEST.search(done.stdout)):
        raise subprocess.CalledProcessError(
            done.returncode, command, stderr=done.stderr
        )
    return seconds, float(best[1])
