"""What a run is: how it trains, and all else that decides its outcome."""

import dataclasses
import hashlib
import importlib
import pathlib
from typing import Any

import keras

from trainer import settings
from trainer.data import source
from trainer.data.pipeline import Data
from trainer.machine.device import Device
from trainer.network import models

# In `described`, of each process of several.
OWN = {settings.DATA_DIR, settings.IDX_DIR, "device"}


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """How a run trains.

    Attributes:
      model: name of the network, as of `models.of`.
      epochs: of the run, see `Data.passes`.
      batch_size: examples a step.
      learning_rate: AdamW's peak rate, reached after a tenth of all steps and then
        decayed by a cosine to zero.
      log_every: steps between lines of the log; 0 for a line an epoch.
      seed: of the initial weights, the order of examples and their augmentation.
      class_weight: "balanced" for classes that weigh alike in the loss, "none" for
        examples that do, "auto" for classes where one has most of the examples;
        of a run that has begun the kind of its `class_weights`.
      from_model: path of a network to begin with, see `transfer`, or to go on with,
        see `adopted`.
      pixels: the range that the latter takes; None for what is found.
      precision: of training, see `precision`.
      minutes: in which the run was to end, from which its length follows; None where
        that does not follow from a time.
    """

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    log_every: int
    seed: int
    class_weight: str = "auto"
    from_model: str | None = None
    pixels: str | None = None
    precision: str = "float32"
    minutes: float | None = None

    def steps(self, data: Data) -> int:
        """Returns the number of steps of the whole run."""
        return self.epochs * data.steps

    def length(self, data: Data) -> str:
        """Says how long the run is: `1,200 steps in 10 epochs of 8 passes each`."""
        epochs = f"{self.epochs:,} epoch{'s'[: self.epochs > 1]}"
        passes = f" of {data.passes:,} passes each" if data.passes > 1 else ""
        return f"{self.steps(data):,} steps in {epochs}{passes}"


def described(how: Hyperparameters, data: Data, device: Device) -> dict[str, Any]:
    """Returns what decides the outcome of a run, and what it runs on, as JSON has it."""
    idx_dir, kind = source.idx_dir(data.train.builder), models.of(how.model)
    return {
        settings.DATASET: data.train.name,
        settings.DATA_DIR: source.data_dir(data.train.builder),
        **({settings.IDX_DIR: idx_dir} if idx_dir else {}),
        **({settings.UPRIGHT: True} if data.train.features.transposed else {}),
        settings.TRAIN_SPLIT: data.train.split,
        settings.EVAL_SPLIT: data.evaluation.split,
        "train_examples": data.train.examples,
        "eval_examples": data.evaluation.examples,
        "image_shape": list(data.train.image_shape),
        "classes": len(data.train.label_names),
        settings.FEED: data.feed,
        "augmentation": data.augmentation and data.augmentation._asdict(),
        settings.PASSES: data.passes,
        **dataclasses.asdict(how),
        "from_model": how.from_model and _digest(how.from_model),
        settings.LABEL_SMOOTHING: kind.label_smoothing,
        settings.WEIGHT_DECAY: kind.decay(how.steps(data)),
        settings.STEPS: data.steps,
        settings.RECIPE: settings.THIS_RECIPE,
        "device": device.description,
        settings.BACKEND: keras.backend.backend(),
        "keras": keras.__version__,
        # Its own word, as TensorFlow's package has several names.
        **{name: importlib.import_module(name).__version__ for name in _computing()},
    }


def _computing() -> list[str]:
    """Returns which packages have a part in the bits of the result."""
    return list(dict.fromkeys(["tensorflow", keras.backend.backend()]))


def _digest(path: str) -> str:
    """Returns the SHA-256 of a file, as hexadecimal digits."""
    with pathlib.Path(path).expanduser().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
