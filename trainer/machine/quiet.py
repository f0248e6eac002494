"""What computes says no more in another's program than in the trainer's own."""

import contextlib
import logging
from collections.abc import Iterator

from absl import logging as absl_logging

from trainer import errors

# TFDS tells by Abseil's what it builds, and TensorFlow by its own of many short runs.
_LOGS = (absl_logging.get_absl_logger(), logging.getLogger("tensorflow"))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it, logs have errors alone, and errors that a user can mend are one line.

    Raises:
      TrainerError: instead of an error of the backend's; see `errors.explained`.
    """
    before = [log.level for log in _LOGS]
    for log in _LOGS:
        log.setLevel(logging.ERROR)
    try:
        yield
    except Exception as e:
        if error := errors.explained(e):
            raise error from e
        raise
    finally:
        for log, level in zip(_LOGS, before, strict=True):
            log.setLevel(level)
