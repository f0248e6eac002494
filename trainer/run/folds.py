"""What networks say of images that they were not trained on: cross-validation."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mnist_idx_tfds.foreign import shown
from trainer.data import damage, origins, pipeline
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine.device import Device
from trainer.network import models, precision
from trainer.run import budget, lines, loop, trial
from trainer.run.hyperparameters import Hyperparameters

FOLDS = 4
_MODEL = "strong"
# A third of a usual run: there are four, and what is odd is so to a fair network, too.
_LENGTH = models.STRONG_LENGTH._replace(passes=8, least=30_000, most=120_000)
_TRIAL = 2  # Seconds.


class Answers(NamedTuple):
    """What networks say of each image of a set, in an order of its own.

    Attributes:
      names: of the classes.
      split: TFDS split that has all images.
      keys: of the images, as `origins.key` returns them.
      labels: int64 `(n,)`.
      probabilities: of the classes, float32 `(n, classes)`, by a network that was not
        trained on the image.
    """

    names: tuple[str, ...]
    split: str
    keys: list[origins.Key]
    labels: np.ndarray
    probabilities: np.ndarray


def answers(builder: Any, parts: Sequence[str], seed: int, selected: Device) -> Answers:
    """Trains a network for each of four folds on the other three, and asks it.

    Args:
      builder: a prepared data set.
      parts: its splits, whose images are shared out among the folds.
      seed: as of `Hyperparameters`.
      selected: what to compute on.

    Raises:
      TrainerError: there is a single class, or one with fewer images than folds.
      signals.Interrupted: SIGINT or SIGTERM.
    """
    whole = Split(builder, "+".join(parts), "--idx_dir")
    with damage.named(builder):
        _check(whole)
        keys: list[origins.Key] = []
        labels: list[np.ndarray] = []
        said: list[np.ndarray] = []
        for fold in range(FOLDS):
            train = Split(builder, _slices(builder, parts, {*range(FOLDS)} - {fold}))
            held = Split(builder, _slices(builder, parts, {fold}))
            network = _trained(train, held, fold, seed, selected)
            for images, own in held.watched(f"asking network {fold + 1}"):
                images, own = np.asarray(images), np.asarray(own)
                said.append(network.predict_on_batch(images))
                keys += map(origins.key, images, own.tolist())
                labels.append(own)
    return Answers(
        whole.label_names,
        whole.split,
        keys,
        np.concatenate(labels),
        np.concatenate(said),
    )


def _check(whole: Split) -> None:
    """Raises an error for a set that cannot be shared out."""
    counts = whole.class_counts
    if np.count_nonzero(counts) < 2:
        raise TrainerError(
            f"{whole.name}: expected two classes, whose images could be taken for each "
            "other, found 1"
        )
    if few := [n for n, count in enumerate(counts) if 0 < count < FOLDS]:
        others = f" and of {len(few) - 1:,} more classes" if few[1:] else ""
        raise TrainerError(
            f"{whole.name}: expected {FOLDS} images of each class, one for each of "
            f"{FOLDS} folds, found {counts[few[0]]} of "
            f"{shown(whole.label_names[few[0]])}{others}. Add some, or take the class "
            "out."
        )


def _slices(builder: Any, parts: Sequence[str], folds: set[int]) -> str:
    """Returns the TFDS split of some folds, which have as much of each part."""
    slices = []
    for part in parts:
        count = builder.info.splits[part].num_examples
        for fold in sorted(folds):
            start, stop = count * fold // FOLDS, count * (fold + 1) // FOLDS
            if start < stop:  # Else TFDS would take all of it, or nothing.
                slices.append(f"{part}[{start}:{stop}]")
    return "+".join(slices)


def _trained(train: Split, held: Split, fold: int, seed: int, selected: Device) -> Any:
    """Returns a network that was trained on some folds; of the first, says the time."""
    kind = models.MODELS[_MODEL]
    length = budget.of(train.examples, train.image_shape, length=_LENGTH)
    how = Hyperparameters(
        model=_MODEL,
        epochs=length.epochs,
        batch_size=kind.batch_size,
        learning_rate=kind.learning_rate,
        log_every=0,
        seed=seed,
        # Of a small class, wrong labels are the larger part, and would weigh the most.
        class_weight="none",
        precision=precision.of(kind, selected),
    )
    data = pipeline.of(
        train,
        held,
        batch_size=how.batch_size,
        seed=seed,
        passes=length.passes,
        augment=True,
    )
    if fold == 0:
        speed = trial.measured(how, data, selected, _TRIAL)
        seconds = speed.start + how.steps(data) * speed.step
        seconds += (how.epochs + 1) * speed.evaluation
        print(
            f"{FOLDS} networks, each trained on three of {FOLDS} parts and asked about "
            f"the fourth: about {lines.duration(FOLDS * seconds)}",
            flush=True,
        )
    print(f"network {fold + 1} of {FOLDS}", flush=True)
    return loop.run(how, data, selected).model
