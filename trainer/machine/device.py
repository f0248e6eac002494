"""The device that a run computes on."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_idx_tfds import machine
from trainer.errors import TrainerError
from trainer.machine import backend, cluster, peers

if TYPE_CHECKING:
    import tensorflow as tf

# A line of TensorFlow's C++ code that is an error or a warning.
_COMPLAINT = re.compile(r"^(?:\S+ \S+: )?[EW]\S* .*?\.cc:\d+\] (.+)", re.MULTILINE)
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_LONGEST = 300  # Letters of TensorFlow's in a message of ours.
# What TensorFlow and Keras import wherever it is installed, for functions that nothing
# here calls; it takes as long as the two themselves.
_UNUSED = ("matplotlib", "pandas", "sklearn")


class Device(NamedTuple):
    """A device of the machine, or several that share each batch.

    Attributes:
      kind: "CPU", "GPU", or what else the backend has.
      description: name for people, such as "GPU:0 (NVIDIA H200)".
      cores: to divide steps among; 1 where the backend does that itself.
      names: of the devices that share each batch, as `keras.distribution` has them;
        empty for one device.
      bfloat16: whether it computes in bfloat16 faster than in float32, as far as known.
    """

    kind: str
    description: str
    cores: int = 1
    names: tuple[str, ...] = ()
    bfloat16: bool = False

    @property
    def devices(self) -> int:
        """Number of devices that share each batch."""
        return max(1, len(self.names))


def select(name: str) -> Device:
    """Makes a device, or several, what Keras computes on.

    Must run before anything else uses TensorFlow or JAX, which it imports. On a CPU, each
    operation has all cores that the process may use; see `share_cores`. With the backend
    JAX, TensorFlow, which reads the data, keeps off the GPU.

    Args:
      name: "cpu", "gpu" (the first one), "gpu:N", or "auto", which is "gpu" where
        there is one and "cpu" elsewhere; with JAX also "gpu:N,M..." and "all", which
        is all of the kind that "auto" would be.

    Returns:
      The device.

    Raises:
      TrainerError: the name is none of these, there is no GPU that was asked for, or
        it cannot compute, or the backend cannot compute on several, or is none that can
        be had.
    """
    known, pattern = backend.devices(several=True)
    if not isinstance(name, str) or not re.fullmatch(pattern, name):
        raise TrainerError(f"device: expected {known}, found {name!r}")
    jax = backend.name() == "jax"
    if peers.count() == 1 and os.environ.get(peers.COUNT, "1") not in ("", "1"):
        raise TrainerError(
            f"{peers.COUNT}: expected 1, as only python -m trainer has several processes, "
            "found another number. Unset it for this program."
        )
    if not jax and (name == "all" or "," in name):
        raise TrainerError(
            f"--device={name}: expected one device, with which the backend TensorFlow "
            "computes, found several. KERAS_BACKEND=jax computes on several."
        )
    unused = _UNUSED if jax else (*_UNUSED, "jax")
    cluster.join()  # Whose noise `launch` keeps.
    with _startup_noise_hidden(), _not_found(unused):
        if jax:
            return _with_peers(_select_for_jax(name))
        return _select_for_tensorflow(name)


def _select_for_tensorflow(name: str) -> Device:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if name == "cpu" or (name == "auto" and not gpus):
        return _cpu()
    index = int(name.partition(":")[2] or 0)
    if index < len(gpus):
        return _start(gpus[index], index)
    seen = ["CPU:0"] + [gpu.name.removeprefix("/physical_device:") for gpu in gpus]
    raise _no_gpu(name, index, seen, "" if gpus else _why_no_gpu())


def _cpu() -> Device:
    """Keeps TensorFlow on the CPU, each operation with all of its cores."""
    import tensorflow as tf

    count = machine.cores()
    # In a notebook it may have computed by now, and stays as it is.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(count)
    description = f"CPU ({count} core{'s'[: count > 1]})"
    return Device("CPU", description, count, bfloat16=_has_bfloat16())


def _has_bfloat16() -> bool:
    """Returns whether the CPU has instructions for bfloat16 that TensorFlow uses."""
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() in ("0", "false"):
        return False
    with contextlib.suppress(OSError):  # Only Linux has it.
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
        return (
            re.search(r"^flags\s*:.* (avx512|amx)_bf16\b", text, re.MULTILINE)
            is not None
        )
    return False


def _select_for_jax(name: str) -> Device:
    # JAX divides its operations itself; bfloat16 was not measured there.
    cpu = _cpu()._replace(cores=1, bfloat16=False)
    # JAX would else take three quarters of a GPU's memory at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    if name == "cpu":
        # Or it would start the GPU, too; `cluster` may have imported it long ago.
        jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
    why = ""
    try:
        found = jax.local_devices(backend="gpu" if name.startswith("gpu") else None)
    except RuntimeError as e:
        found, why = [], f"JAX says: {_shortened(str(e))}. "
    if found and found[0].platform == "cpu":
        if name != "all" or len(found) == 1:
            return cpu
        description = f"{len(found)} devices of the {cpu.description}"
        return Device("CPU", description, names=tuple(map(_keras_name, found)))
    if name == "all":
        picked = list(range(len(found)))
    else:
        picked = [int(n) for n in name.partition(":")[2].split(",") if n] or [0]
    if missing := [n for n in picked if n >= len(found)]:
        seen = [f"GPU:{n}" for n in range(len(found))]
        raise _no_gpu(name, missing[0], ["CPU:0", *seen], why)
    gpus = [found[n] for n in picked]
    kind = gpus[0].platform.upper()  # Or a TPU.
    described = ", ".join(
        f"{kind}:{n} ({gpu.device_kind})" for n, gpu in zip(picked, gpus, strict=True)
    )
    if len(gpus) > 1:
        return Device(kind, described, names=tuple(map(_keras_name, gpus)))
    jax.config.update("jax_default_device", gpus[0])  # type: ignore[no-untyped-call]
    return Device(kind, described)


def _with_peers(own: Device) -> Device:
    """Returns the devices of all processes, which must be as many in each."""
    if peers.count() == 1:
        return own
    import jax

    names = own.names or (_keras_name(jax.local_devices(backend=own.kind.lower())[0]),)
    peers.check_same({"--device": f"{len(names)} of {own.kind}"})
    return own._replace(
        description=f"{peers.count()} processes, each with {own.description}",
        names=tuple(name for process in peers.all_say(names) for name in process),
    )


def _keras_name(device: Any) -> str:
    return f"{device.platform}:{device.id}"


def _no_gpu(name: str, index: int, seen: list[str], why: str) -> TrainerError:
    extra = "jax-cuda" if backend.name() == "jax" else "gpu"
    return TrainerError(
        f"--device={name}: expected GPU:{index}, found only {', '.join(seen)}. {why}"
        f"GPU support comes with pip install 'mnist-idx-tfds[{extra}]' on Linux with an NVIDIA driver; "
        "--device=cpu trains without."
    )


def share_cores(device: Device, parts: int) -> None:
    """Gives each operation the cores that parts computed side by side leave over.

    Must run before TensorFlow computes anything. On a GPU there is nothing to share.

    Args:
      device: as `select` returned it.
      parts: that a step is divided in, as `parallel.parts` says; 1 for a network
        that is not, whose operations keep all cores.
    """
    if device.kind == "CPU":
        import tensorflow as tf

        threads = max(1, device.cores // parts)
        with contextlib.suppress(RuntimeError):  # As in `_cpu`.
            tf.config.threading.set_intra_op_parallelism_threads(threads)


def _start(gpu: "tf.config.PhysicalDevice", index: int) -> Device:
    """Makes a GPU the only one, and has it say now what it says as it starts."""
    import tensorflow as tf

    try:
        tf.config.set_visible_devices(gpu, "GPU")
        # TensorFlow would else take all of its memory at once.
        tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # As in `_cpu`: it goes on where it computes.
        if not (visible := tf.config.get_visible_devices("GPU")):
            return _cpu()
        gpu = visible[0]
        index = tf.config.list_physical_devices("GPU").index(gpu)
    model = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    try:
        with tf.device("GPU:0"):  # Of those that are visible.
            # The library of convolutions is loaded with the first of them.
            tf.nn.conv2d(tf.zeros((1, 8, 8, 1)), tf.zeros((3, 3, 1, 1)), 1, "SAME")
    except tf.errors.OpError as e:
        raise TrainerError(
            f"GPU:{index} ({model}): expected it to compute, found: "
            f"{_shortened(e.message)}. --device=cpu trains without."
        ) from e
    return Device("GPU", f"GPU:{index} ({model})")


def _why_no_gpu() -> str:
    """Returns what TensorFlow complains of where it finds no GPU, as a sentence."""
    # Another process, since this one's level of logging hides most, for good.
    code = "import tensorflow as tf; tf.config.list_physical_devices('GPU')"
    started = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    found = dict.fromkeys(_COMPLAINT.findall(started.stderr))  # Each once.
    return f"TensorFlow says: {_shortened('; '.join(found))}. " if found else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@contextlib.contextmanager
def _not_found(packages: Sequence[str]) -> Iterator[None]:
    """Within it, imports go as if packages were not installed, but for imported ones."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _startup_noise_hidden() -> Iterator[None]:
    """Keeps what TensorFlow's C++ code says as it starts from standard error.

    It writes to the file descriptor whatever `TF_CPP_MIN_LOG_LEVEL` says. Users who
    ask for its log see it all; so does everyone if it fails.
    """
    if _log_is_wanted():
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except TrainerError:  # Which says what there is to say.
            raise
        except BaseException:
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _log_is_wanted() -> bool:
    """Returns whether the environment asks for more than errors; 2 and 3 do not."""
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1") or any(
        os.environ.get(name, "0") not in ("", "0")
        for name in ("TF_CPP_MAX_VLOG_LEVEL", "TF_CPP_VMODULE")
    )
