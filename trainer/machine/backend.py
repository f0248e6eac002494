"""What Keras computes with, known before anything heavy is imported."""

import importlib.util
import os

from trainer.errors import TrainerError


def name() -> str:
    """Returns what Keras computes with, "tensorflow" or "jax".

    Raises:
      TrainerError: `KERAS_BACKEND` names another, or one that is not installed.
    """
    chosen = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if chosen not in ("tensorflow", "jax"):
        raise TrainerError(
            f"KERAS_BACKEND: expected tensorflow or jax, found {chosen}. Unset it for this "
            "run, or set it to one of these."
        )
    if chosen == "jax" and not importlib.util.find_spec("jax"):
        raise TrainerError(
            "KERAS_BACKEND=jax: expected the package jax, found none. It comes with pip "
            "install 'mnist-idx-tfds[jax]'; without KERAS_BACKEND, TensorFlow computes."
        )
    return chosen


def devices(several: bool) -> tuple[str, str]:
    """Returns the names that `device.select` takes, for people and as a pattern.

    Those of several devices are among them if asked for.
    """
    names, pattern = "auto, cpu, gpu or gpu:N", r"auto|cpu|gpu(:[0-9]{1,9})?"
    if not several:
        return names, pattern
    return (
        f"{names}, or with the backend JAX gpu:N,M or all, which share each batch",
        pattern + r"|all|gpu:[0-9]{1,9}(,[0-9]{1,9})+",
    )
