"""Does JAX take longer for several steps in an execution than for one at a time?

Ours is the second epoch of `python -m trainer` with Keras's backend JAX and a line of the
log every 20 steps, the peer the same with a line, and so an execution, for each. A version of
Keras that makes a slow loop of an execution's steps would be found here.
"""

from benchmarks import build, measure, train
from benchmarks.files import Setup

_FLOOR = 0.9


def run(setup: Setup) -> list[measure.Row]:
    """Trains in turn; nothing where JAX is not installed."""
    if not measure.installed("jax"):
        return []
    build.prepare(setup)

    def epoch(log_every: int, n: int) -> float:
        options = ("--epochs=2", f"--log_every={log_every}", f"--seed={n}")
        return train.second_epoch(setup, *options, backend="jax")

    sides = {"ours": lambda n: epoch(20, n), "peer": lambda n: epoch(1, n)}
    results = measure.in_turn("jax_steps", sides, setup.pairs, setup.warm_up)
    return [
        measure.Row(
            "jax_steps",
            results["ours"],
            results["peer"],
            _FLOOR,
            notes="The peer is the same with one step an execution.",
            examples=setup.examples["train"],
        )
    ]
