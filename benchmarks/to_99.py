"""How long does it take to learn 99% of the test split?

Ours is `python -m trainer` with its defaults, from its opening line, which is printed
when `fit` begins, to the line of the first evaluation that reaches 99%. The peer is
keras.io's "Simple MNIST convnet", see `convnet.py`, until the first evaluation that
does, from the beginning of `fit`; it evaluates on the test split after each epoch
instead of on a tenth of the training split, and prints nothing. Imports, and the peer's
loading of its arrays, are not counted. The seed is another for each pair. At most three
pairs without a warm-up, because each is minutes.
"""

import re
import time

from benchmarks import build, convnet, measure, trainer_log
from benchmarks.files import Setup

_FLOOR = 12.0
_PAIRS = 3
_ACCURACY = re.compile(r"epoch \d+/\d+  test_loss .*test_accuracy (\S+)")


def run(setup: Setup) -> list[measure.Row]:
    """Trains in turn."""
    build.prepare(setup)
    results = measure.in_turn(
        "to_99",
        {
            "ours": lambda n: _ours(setup, n),
            "peer": lambda n: measure.fresh(_peer, setup, n)[0],
        },
        min(setup.pairs, _PAIRS),
        warm_up=False,
    )
    seconds = {side: [s for s, _ in results[side]] for side in results}
    notes = []
    for side, runs in results.items():
        if short := [best for _, best in runs if best < setup.target]:
            best = ", ".join(f"{b:.4f}" for b in short)
            notes.append(f"{side} ended {len(short)} of {len(runs)} runs at {best}.")
    row = measure.Row(
        "to_99", seconds["ours"], seconds["peer"], _FLOOR, notes=" ".join(notes)
    )
    return [row]


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


def _peer(setup: Setup, n: int) -> tuple[float, float]:
    """Returns seconds and the best accuracy until then."""
    import keras

    class UntilTarget(keras.callbacks.Callback):
        best = 0.0

        def on_epoch_end(self, epoch, logs=None):
            self.best = max(self.best, round(logs["val_accuracy"], 4))
            self.model.stop_training = self.best >= setup.target

    keras.utils.set_random_seed(n)
    (x_train, y_train), (x_test, y_test) = map(setup.arrays, ("train", "test"))
    y_train = keras.utils.to_categorical(y_train, 10)
    y_test = keras.utils.to_categorical(y_test, 10)
    model = convnet.network((28, 28, 1), 10)
    until_target = UntilTarget()
    start = time.perf_counter()
    model.fit(
        x_train,
        y_train,
        batch_size=convnet.BATCH_SIZE,
        epochs=convnet.EPOCHS,
        validation_data=(x_test, y_test),
        verbose=0,
        callbacks=[until_target],
    )
    return time.perf_counter() - start, until_target.best
