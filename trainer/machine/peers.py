"""The processes of a run, of which there may be several: what they tell each other.

Where there is one, it tells itself. Where there are more, all of them must come to each
of these calls, in the same order; a value is anything that JSON has.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from trainer.errors import TrainerError

if TYPE_CHECKING:
    import numpy as np

# Keras's variables, which `cluster` checks. ADDRESSES is "HOST:PORT" of the first process.
ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
COUNT = "KERAS_DISTRIBUTION_NUM_PROCESSES"
INDEX = "KERAS_DISTRIBUTION_PROCESS_ID"
# Its value is a file descriptor, at whose end nobody watches this process any more.
WATCHER = "TRAINER_WATCHER"
# And of this, of a file for what JAX's C++ code says.
LOG = "TRAINER_LOG"
_Value = TypeVar("_Value")


def count() -> int:
    """Returns the number of processes of this run."""
    return int(os.environ[COUNT]) if WATCHER in os.environ else 1


def index() -> int:
    """Returns which of them this one is, counted from 0."""
    return int(os.environ[INDEX]) if WATCHER in os.environ else 0


def is_first() -> bool:
    """Returns whether this process prints, and keeps the run."""
    return index() == 0


def all_say(value: _Value) -> list[_Value]:
    """Returns the values that all processes have called this with, by process."""
    if count() == 1:
        return [value]
    import numpy as np
    from jax.experimental import multihost_utils

    said = np.frombuffer(json.dumps(value).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.array([said.size]))[:, 0]
    padded = np.zeros(max(sizes), np.uint8)
    padded[: said.size] = said
    rows = multihost_utils.process_allgather(padded)
    return [
        json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)
    ]


def first_says(say: Callable[[], _Value]) -> _Value:
    """Returns what `say` returns in the first process; it is called there alone."""
    return all_say(say() if is_first() else None)[0]  # type: ignore[return-value]


def after_first(make: Callable[[], _Value]) -> _Value:
    """Returns what `make` returns, which is called in the first process before others.

    So that these find what is made, where all of them have the same disk.
    """
    made = make() if is_first() else None
    all_say(None)
    return made if is_first() else make()  # type: ignore[return-value]


def firsts_arrays(arrays: "list[np.ndarray]") -> "list[np.ndarray]":
    """Returns the first process's arrays, from arrays of the same shapes and dtypes."""
    if count() == 1:
        return arrays
    import numpy as np
    from jax.experimental import multihost_utils

    # As bytes, since JAX makes 32 bits of 64.
    return [
        multihost_utils.broadcast_one_to_all(np.frombuffer(array.tobytes(), np.uint8))
        .view(array.dtype)
        .reshape(array.shape)
        for array in arrays
    ]


def check_same(values: Mapping[str, Any]) -> None:
    """Raises an error where a process has other values than the first one.

    Raises:
      TrainerError: one has; all processes raise the same.
    """
    said = all_say(dict(values))
    for process, found in enumerate(said):
        raise_different(process, said[0], found)


def raise_different(
    process: int, expected: Mapping[str, Any], found: Mapping[str, Any]
) -> None:
    """Raises an error where a process's values are not the first one's."""
    for name in {**expected, **found}:
        if expected.get(name) != found.get(name):
            raise TrainerError(
                f"process {process}: {name}: expected {expected.get(name)}, as process 0 "
                f"has it, found {found.get(name)}. Give all processes the same."
            )
