"""What does it cost that a set is streamed from disk and not kept in memory?

On rendered digits, as many as the largest of `--sizes`. First a pass over the training
images, with nothing else to do: ours with `--feed=stream`; the peers are `--feed=memory`,
once that is filled, and TFDS's guide without its cache, see `guide.py`, on the same records.
Each is in a new process, whose memory is that of the filling, too.

Then the same steps of a network from either feed, in turn in one process, as the trainer
takes them: 200,000 images for the small network and 100,000 for `deep`, which is more than
a stream shuffles at once. No more than a fifth of the time may go by waiting with the small
network, and none to speak of with `deep`.

At most three pairs, of the passes without a warm-up, because the guide's is minutes.
"""

import statistics
import time
from typing import NamedTuple

from benchmarks import build, first_pass, guide, measure
from benchmarks.files import Setup, feed, render

_TEST_EXAMPLES = 1000
_PAIRS = 3
_BATCH_SIZE = 128  # Of the passes.
_STEPS_A_CALL = 20  # As with a line of the log every 20 steps.


class _Training(NamedTuple):
    batch_size: int  # The network's default.
    images: int
    floor: float


_TRAININGS = {
    "cnn": _Training(48, 200_000, 1 - 1 / 5),
    "deep": _Training(128, 100_000, 0.95),
}


class _Set(NamedTuple):
    data_dir: str
    source: dict[str, str | None]
    images: int


def run(setup: Setup) -> list[measure.Row]:
    """Passes, and steps of each network, in turn."""
    size, folder = setup.sizes[-1], setup.work / "stream"
    part = f"stream, {size:,} images"
    measure.progress(part, "render")
    render(folder / "idx", size, _TEST_EXAMPLES)
    source = {"manual_dir": None, "idx_dir": str(folder / "idx")}
    rendered = _Set(str(folder / "data"), source, size)
    measure.progress(part, "build")
    measure.fresh(build.ours, rendered.data_dir, source)
    pairs = min(setup.pairs, _PAIRS)
    return [
        *_passes(rendered, part, pairs),
        *(_steps(rendered, name, pairs) for name in _TRAININGS),
    ]


def _passes(rendered: _Set, part: str, pairs: int) -> list[measure.Row]:
    results = measure.in_turn(
        part,
        {
            "stream": lambda n: measure.fresh(_ours, rendered, "stream"),
            "memory": lambda n: measure.fresh(_ours, rendered, "memory"),
            "guide": lambda n: measure.fresh(_guide, rendered),
        },
        pairs,
        warm_up=False,
    )
    first, seconds, memory = {}, {}, {}
    for side, runs in results.items():
        first[side] = statistics.median(before for (before, _), _ in runs)
        seconds[side] = [passed for (_, passed), _ in runs]
        memory[side] = max(peak for _, peak in runs)
    notes = {
        "memory": f"Memory is filled in {first['memory']:.3g} s before its first pass; "
        f"a stream begins after {first['stream']:.3g} s.",
        "guide": "",
    }
    bound = first_pass.bound(rendered.data_dir)
    return [
        measure.Row(
            f"stream, {peer}",
            seconds["stream"],
            seconds[peer],
            floor=1.0 if peer == "guide" else None,
            bound=bound,
            notes=note,
            examples=rendered.images,
            memory=(memory["stream"], memory[peer]),
        )
        for peer, note in notes.items()
    ]


def _ours(rendered: _Set, feed: str) -> tuple[float, float]:
    """Returns the seconds until a pass can begin, and those of a pass."""
    from trainer.data import pipeline
    from trainer.data.source import prepare
    from trainer.data.split import Split

    builder = prepare(rendered.data_dir, **rendered.source)
    start = time.perf_counter()
    splits = Split(builder, "train"), Split(builder, "test")
    data = pipeline.of(*splits, feed=feed, batch_size=_BATCH_SIZE, seed=0)
    batches = data.train_batches
    begun = time.perf_counter()
    first_pass.drain(batches)()
    return begun - start, time.perf_counter() - begun


def _guide(rendered: _Set) -> tuple[float, float]:
    """Returns the same of the guide."""
    from trainer.data.source import prepare

    builder = prepare(rendered.data_dir, **rendered.source)
    name = f"{builder.name}/{builder.builder_config.name}"
    start = time.perf_counter()
    batches = guide.pipeline(rendered.data_dir, _BATCH_SIZE, name, cached=False)
    begun = time.perf_counter()
    first_pass.drain(batches)()
    return begun - start, time.perf_counter() - begun


def _steps(rendered: _Set, network: str, pairs: int) -> measure.Row:
    training = _TRAININGS[network]
    results, _ = measure.fresh(
        _train, rendered, network, pairs, batch_size=training.batch_size
    )
    return measure.Row(
        f"stream, {network}",
        results["stream"],
        results["memory"],
        training.floor,
        notes="The peer is the same network, fed from memory.",
        examples=min(training.images, rendered.images),
    )


def _train(rendered: _Set, network: str, pairs: int) -> dict[str, list[float]]:
    from mnist_idx_tfds import machine
    from trainer.network import models, optimizer, parallel

    training, settings = _TRAININGS[network], models.MODELS[network]
    source = rendered.data_dir, rendered.source
    feeds = {
        name: feed(*source, feed=name, batch_size=training.batch_size)
        for name in ("stream", "memory")
    }
    data = feeds["memory"]
    steps = min(-(-training.images // training.batch_size), data.steps)
    model = parallel.divided(
        settings.build(
            data.train.image_shape, len(data.train.label_names), data.pixels
        ),
        parallel.parts(settings, machine.cores(), training.batch_size),
        training.batch_size,
    )
    model.compile(
        # Of all rounds, and the warm-up.
        optimizer.adamw(
            settings.learning_rate, settings.weight_decay, 2 * (pairs + 1) * steps
        ),
        "sparse_categorical_crossentropy",
        steps_per_execution=min(_STEPS_A_CALL, steps),
        jit_compile=False,
    )

    def fitted(name: str, n: int) -> float:
        feeds[name].set_epoch(n)
        start = time.perf_counter()
        model.fit(feeds[name].train_batches.take(steps), verbose=0)
        return time.perf_counter() - start

    return measure.in_turn(
        f"stream, {network}",
        {name: lambda n, name=name: fitted(name, n) for name in feeds},
        pairs,
        warm_up=True,
    )
