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
