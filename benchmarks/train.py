"""How many images a second does a whole epoch of `fit` take?

Ours is the second epoch of `python -m trainer`, with its log line every 20 steps. The
peers are the second epoch of plain `model.fit` with the same CNN, Adam and batches of
128, without a log: on NumPy arrays, as in keras.io's "Simple MNIST convnet", and on
the pipeline of TFDS's guide, see `guide.py`; and of a loop in PyTorch with our recipe,
see `pytorch.py`, where that is installed. Each run is a process of its own, so that no
tracing, thread pool or memory of one is another's.
"""

import re
import time

import numpy as np

from benchmarks import build, guide, measure, pytorch, trainer_log
from benchmarks.files import Setup

_BATCH_SIZE = 128
_OPTIONS = ("--epochs=2", f"--batch_size={_BATCH_SIZE}", "--log_every=20")
_FLOORS = {"NumPy": 1.5, "guide": 1.2, "PyTorch": 1.0}


def run(setup: Setup) -> list[measure.Row]:
    """Trains in turn."""
    build.prepare(setup)
    examples = setup.examples["train"]
    sides = {
        "ours": lambda n: second_epoch(setup, *_OPTIONS, f"--seed={n}"),
        "NumPy": lambda n: measure.fresh(_peer, setup, "NumPy")[0],
        "guide": lambda n: measure.fresh(_peer, setup, "guide")[0],
    }
    missing = measure.left_out("torch", "PyTorch")
    if not missing:
        sides["PyTorch"] = lambda n: measure.fresh(
            _pytorch, setup, n, tensorflow=False
        )[0]
    results = measure.in_turn("train", sides, setup.pairs, setup.warm_up)
    (operations, rate), _ = measure.fresh(_multiplications, examples)
    return [
        measure.Row(
            f"train, {name}",
            results["ours"],
            results[name],
            floor,
            bound=operations / rate,
            notes="The bound is the CNN's multiplications and additions, forward and "
            f"twice backward, at {rate / 1e9:.0f} GFLOP/s, the rate of a product of two "
            f"float32 matrices on all cores. {missing}".rstrip(),
            examples=examples,
        )
        for name, floor in _FLOORS.items()
        if name in sides
    ]


def second_epoch(setup: Setup, *args: str, backend: str = "tensorflow") -> float:
    """Returns the seconds of the second of two epochs, without its evaluation."""
    start = None
    with trainer_log.run(setup, *args, backend=backend) as log:
        for seconds, line in log:
            if line.startswith("epoch 1/2  test_"):
                start = seconds
            elif re.match(r"epoch 2/2  step (\d+)/\1 ", line):
                return seconds - start
    raise RuntimeError("python -m trainer did not get to the end of its second epoch.")


def _peer(setup: Setup, name: str) -> float:
    import keras

    class SecondEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.start

    clock = SecondEpoch()
    model = guide.network()
    if name == "NumPy":
        images, labels = setup.arrays("train")
        model.fit(images, labels, _BATCH_SIZE, epochs=2, verbose=0, callbacks=[clock])
    else:
        data = guide.pipeline(setup.data_dir, _BATCH_SIZE)
        model.fit(data, epochs=2, verbose=0, callbacks=[clock])
    return clock.seconds


def _pytorch(setup: Setup, n: int) -> float:
    splits = pytorch.tensors(setup)
    epochs = pytorch.train(*splits["train"], _BATCH_SIZE, seed=n)
    next(epochs)
    start = time.perf_counter()
    next(epochs)
    return time.perf_counter() - start


def _multiplications(examples: int) -> tuple[float, float]:
    """Returns floating-point operations of an epoch, and those a second here."""
    import tensorflow as tf

    from trainer.network import architectures

    products = 0
    for layer in architectures.cnn((28, 28, 1), 10).layers:
        if hasattr(layer, "kernel"):
            height_width = layer.output.shape[1:-1]
            products += np.prod(height_width) * np.prod(layer.kernel.shape)
    matrix = tf.ones((2048, 2048))
    times = []
    for _ in range(10):
        start = time.perf_counter()
        tf.reduce_sum(matrix @ matrix).numpy()
        times.append(time.perf_counter() - start)
    return float(2 * products * 3 * examples), 2 * 2048**3 / min(times)
