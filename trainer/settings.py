"""`settings.json`, which says what a run was: its name, and the keys that are read."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from trainer.errors import TrainerError

NAME = "settings.json"
MODEL = "model"  # Of `models.MODELS`.
DATASET = "dataset"  # TFDS name, with configuration and version.
DATA_DIR = "data_dir"  # Where TFDS has it.
IDX_DIR = "idx_dir"  # The folder that it was built from, where it was one.
TRAIN_SPLIT = "train_split"
EVAL_SPLIT = "eval_split"
FEED = "feed"  # "memory" or "stream".
BACKEND = "backend"  # Of Keras.
LABEL_SMOOTHING = "label_smoothing"  # Part of each label that is spread over all.
WEIGHT_DECAY = "weight_decay"  # Of the optimizer.
EPOCHS = "epochs"
PASSES = "passes_per_epoch"
STEPS = "steps_per_epoch"
PRECISION = "precision"  # Of training: "float32" or "bfloat16".
CLASS_WEIGHT = "class_weight"  # A kind of `class_weights`.
UPRIGHT = "turned_upright"  # True where images are stored transposed; else not there.
RECIPE = "recipe"  # `THIS_RECIPE`, or that of an earlier version.
# Grows where the same settings give other bits than before. 2: normalization and dropout do
# not depend on the number of cores, and images are changed by other random numbers.
# And `strong` is trained by Muon.
THIS_RECIPE = 2


def read(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the settings of the run in a folder; empty where there are none.

    Raises:
      TrainerError: the file is not a JSON object, or the run was fed with images on
        their side, as versions before UPRIGHT did with what is stored so.
    """
    from mnist_idx_tfds import by_name  # Slow: it imports TFDS.

    path = pathlib.Path(folder) / NAME
    if not path.exists():
        return {}
    try:
        run = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as e:
        raise TrainerError(
            f"{path}: expected JSON of the run that the model is from, found what is "
            f"none: {e}"
        ) from e
    if by_name.is_transposed(str(run.get(DATASET))) and not run.get(UPRIGHT):
        raise TrainerError(
            f"{path}: {UPRIGHT}: expected true, found a run on {run[DATASET]} of an "
            "earlier version, which fed its images transposed, as they are stored. "
            "Train it anew, in another --workdir."
        )
    return run


def complete(run: dict[str, Any]) -> dict[str, Any]:
    """Returns settings with what a run of an earlier version did not say it was."""
    unsaid = {
        BACKEND: "tensorflow",
        LABEL_SMOOTHING: 0.0,
        WEIGHT_DECAY: 0.0 if run.get(MODEL) == "deep" else 0.05,
        PRECISION: "float32",
        RECIPE: 2 if run.get(MODEL) == "cnn" and not run.get("augmentation") else 1,
    }
    return unsaid | run


def weighs_alike(run: Mapping[str, Any]) -> bool:
    """Whether a run was for classes that weigh alike, by its settings."""
    return run.get(CLASS_WEIGHT) in ("balanced", "bounded")
