"""What ends the trainer's programs with one line and an exit code."""

import errno
import os
import re
import sys


class TrainerError(ValueError):
    """Something in the command, the data or the machine that the user can change.

    The message is one line that says what was expected, what was found, and what
    to do; the command line prints it without a traceback.

    Attributes:
      exit_code: of the program.
    """

    exit_code = 1


class TargetMissedError(TrainerError):
    """A run ended below the accuracy that was asked for."""

    exit_code = 3


class NotFiniteError(TrainerError):
    """The loss became infinite or not a number."""

    exit_code = 4


def explained(e: Exception) -> TrainerError | None:
    """Returns the one line for an error of the backend's that a user can mend, or None.

    Files are not its only source: it has the same class for a full disk and for too
    little memory.
    """
    tf = sys.modules.get("tensorflow")  # What is not imported has raised nothing.
    jax = sys.modules.get("jax")
    if jax and isinstance(e, jax.errors.JaxRuntimeError):
        if "RESOURCE_EXHAUSTED" not in str(e) and "Out of memory" not in str(e):
            return None
        return TrainerError(
            "memory: expected room for all arrays, found too little on the device. A "
            "smaller --batch_size or smaller images need less."
        )
    if tf is None or not isinstance(e, tf.errors.OpError):
        return None
    path, _, reason = first_line(e).rpartition("; ")
    if reason in map(os.strerror, errno.errorcode):
        return TrainerError(f"{path}: {reason.lower()}")
    if not isinstance(e, tf.errors.ResourceExhaustedError):
        return None
    shape = re.search(r"tensor with shape(\[.*?\])", str(e))
    array = f"an array of shape {shape[1]}" if shape else "all arrays"
    hint = "" if "device:CPU" in str(e) else ", and --device=cpu has the machine's own"
    return TrainerError(
        f"memory: expected room for {array}, found too little on the device. A smaller "
        f"--batch_size or smaller images need less{hint}."
    )


def first_line(e: Exception) -> str:
    """Returns what an error of TensorFlow's says, without where in its graph."""
    line = str(e).strip().partition("\n")[0]
    return re.sub(r"^(\{\{.*?\}\} )+| \[Op:\w+\]( name:.*)?$", "", line)
