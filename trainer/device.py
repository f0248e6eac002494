"""The device that a run computes on."""

import contextlib
import errno
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from trainer.errors import TrainerError

_LOG_VARIABLES = ("TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MAX_VLOG_LEVEL", "TF_CPP_VMODULE")


class Device(NamedTuple):
    """A device of the machine.

    Attributes:
      kind: "CPU" or "GPU".
      description: name for people, such as "GPU:0 (NVIDIA H200)".
      cores: to divide steps among; 1 where TensorFlow divides each operation.
    """

    kind: str
    description: str
    cores: int = 1


def cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Not on macOS.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def select(name: str, *, divide_steps: bool = False) -> Device:
    """Makes one device the one that TensorFlow computes on.

    Must run before anything else uses TensorFlow, which it imports.

    Args:
      name: "cpu", "gpu" (the first one), "gpu:N", or "auto", which is "gpu" where
        TensorFlow sees one and "cpu" elsewhere.
      divide_steps: on a CPU, give an operation one core, and let several run at once,
        for steps that `parallel.divided` divides; else an operation has all cores.

    Returns:
      The device.

    Raises:
      TrainerError: TensorFlow does not see the GPU that was asked for, or Keras is
        set to compute with something else.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise TrainerError(
            f"KERAS_BACKEND: expected tensorflow, found {backend}. Unset it for this run."
        )
    with _startup_noise_hidden():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if name == "cpu" or (name == "auto" and not gpus):
        tf.config.set_visible_devices([], "GPU")
        if not divide_steps:
            return Device("CPU", "CPU")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        count = cores()
        return Device("CPU", f"CPU ({count} core{'s'[: count > 1]})", count)
    index = int(name.partition(":")[2] or 0)
    if index >= len(gpus):
        names = ["CPU:0"] + [gpu.name.removeprefix("/physical_device:") for gpu in gpus]
        raise TrainerError(
            f"--device={name}: expected GPU:{index}, found only {', '.join(names)}. "
            "GPU support comes with pip install '.[gpu]' on Linux with an NVIDIA "
            "driver; --device=cpu trains without."
        )
    gpu = gpus[index]
    tf.config.set_visible_devices(gpu, "GPU")
    # TensorFlow would else take all of its memory at once.
    tf.config.experimental.set_memory_growth(gpu, True)
    model = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return Device("GPU", f"GPU:{index} ({model})")


def explained(e: Exception) -> TrainerError | None:
    """Returns the one line for an error of TensorFlow's that a user can mend, or None.

    Files are not its only source: it has the same class for a full disk and for too
    little memory.
    """
    tf = sys.modules.get("tensorflow")  # What is not imported has raised nothing.
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


@contextlib.contextmanager
def _startup_noise_hidden() -> Iterator[None]:
    """Keeps what TensorFlow's C++ code says as it starts from standard error.

    It writes to the file descriptor whatever `TF_CPP_MIN_LOG_LEVEL` says. Users
    who set one of the variables that control its log see it all; so does everyone
    if it fails.
    """
    if any(variable in os.environ for variable in _LOG_VARIABLES):
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except BaseException:
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
