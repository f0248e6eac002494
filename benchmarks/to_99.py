"""How long does it take to learn 99% of the test split?

Ours is `python -m trainer` with its defaults, from its opening line, which is printed
when `fit` begins, to the line of the first evaluation that reaches 99%. One peer is
keras.io's "Simple MNIST convnet", see `convnet.py`, until the first evaluation that
does, from the beginning of `fit`; it evaluates on the test split after each epoch
instead of on a tenth of the training split, and prints nothing. The other, where PyTorch
is installed, is our network and recipe in that, see `pytorch.py`, from before the network
is made. Imports, and the peers' loading of their arrays, are not counted. The seed is
another for each pair. At most three pairs without a warm-up, because each is minutes.
"""

import re
import time

from benchmarks import build, convnet, measure, pytorch, trainer_log
from benchmarks.files import Setup

_FLOORS = {"convnet": 12.0, "PyTorch": 1.0}
_PAIRS = 3
_BATCH_SIZE = 48  # Ours by default.
_ACCURACY = re.compile(r"epoch \d+/\d+  test_loss .*test_accuracy (\S+)")


def run(setup: Setup) -> list[measure.Row]:
    """Trains in turn."""
    build.prepare(setup)
    sides = {
        "ours": lambda n: _ours(setup, n),
        "convnet": lambda n: measure.fresh(_convnet, setup, n)[0],
    }
    missing = measure.left_out("torch", "PyTorch")
    if not missing:
        sides["PyTorch"] = lambda n: measure.fresh(
            _pytorch, setup, n, tensorflow=False
        )[0]
    results = measure.in_turn("to_99", sides, min(setup.pairs, _PAIRS), warm_up=False)
    seconds = {side: [s for s, _ in results[side]] for side in results}
    notes = [missing, *measure.fell_short(results, setup.target)]
    return [
        measure.Row(
            f"to_99, {name}",
            seconds["ours"],
            seconds[name],
            floor,
            notes=" ".join(notes).lstrip(),
        )
        for name, floor in _FLOORS.items()
        if name in sides
    ]


def _ours(setup: Setup, n: int) -> tuple[float, float]:
    """Returns seconds and the best accuracy until then."""
    start, best = None, 0.0
    with trainer_log.run(setup, "--epochs=2", f"--seed={n}") as log:
        for seconds, line in log:
            if " parameters" in line:
                start = seconds
            elif match := _ACCURACY.match(line):
                best = max(best, float(match[1]))
                end = seconds
                if best >= setup.target:
                    break
    return end - start, best


def _convnet(setup: Setup, n: int) -> tuple[float, float]:
    """Returns seconds and the best accuracy until then."""
    train, test = map(setup.arrays, ("train", "test"))
    return convnet.train(train, test, seed=n, target=setup.target)


def _pytorch(setup: Setup, n: int) -> tuple[float, float]:
    """Returns seconds and the best accuracy until then."""
    splits = pytorch.tensors(setup)
    best = 0.0
    start = time.perf_counter()
    for model in pytorch.train(*splits["train"], _BATCH_SIZE, seed=n):
        best = max(best, round(pytorch.accuracy(model, *splits["test"]), 4))
        if best >= setup.target:
            break
    return time.perf_counter() - start, best
