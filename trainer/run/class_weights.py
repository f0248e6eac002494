"""What the examples of each class weigh in the loss."""

from typing import NamedTuple

import numpy as np

from mnist_idx_tfds.foreign import shown
from trainer.data.pipeline import Data

_MOST = 0.8  # Share of one class above which the others have little part in the loss.
# Times what an example of the largest class weighs: with more, what few examples there
# are of the smallest drown all others.
_BOUND = 100


class ClassWeights(NamedTuple):
    """What the examples of each class weigh.

    Attributes:
      kind: "none", "balanced", or "bounded" for balanced as far as the bound allows.
      by_label: as Keras's `fit` takes them; None for no weights.
      said: of them, for people; empty where there are none.
    """

    kind: str
    by_label: dict[int, float] | None
    said: str


NONE = ClassWeights("none", None, "")


def of(class_weight: str, data: Data) -> ClassWeights:
    """Returns the weights of a run.

    Args:
      class_weight: as `Hyperparameters` has it.
      data: what is trained on.
    """
    if class_weight == "none":
        return NONE  # To count would read a streamed split once more.
    counts = data.train.class_counts
    most, total = int(counts.max()), int(counts.sum())
    if class_weight == "auto" and not _MOST < most / total < 1:
        return NONE
    is_bounded = most > _BOUND * counts[counts > 0].min()
    name = shown(data.train.label_names[counts.argmax()])
    said = f"classes weighed alike{f' up to {_BOUND} to 1' if is_bounded else ''}"
    return ClassWeights(
        "bounded" if is_bounded else "balanced",
        balanced(counts),
        f"{said} ({most:,} of {total:,} are {name})",
    )


def balanced(counts: np.ndarray) -> dict[int, float]:
    """Returns a weight for each class, whose mean over the examples is 1.

    Args:
      counts: examples of each class, int `(classes,)`.
    """
    least = np.maximum(counts, counts.max() / _BOUND)  # As many as a class counts for.
    weights = counts.sum() / ((counts / least).sum() * least)
    return dict(enumerate(np.where(counts, weights, 0).tolist()))
