"""What the examples of each class weigh in the loss."""

import numpy as np

from mnist_idx_tfds.foreign import shown
from trainer.data.pipeline import Data

_MOST = 0.8  # Share of one class above which the others have little part in the loss.


def of(class_weight: str, data: Data) -> tuple[dict[int, float] | None, str]:
    """Returns the weight of each label, None for none, and what to say of them.

    Args:
      class_weight: as `Hyperparameters` has it.
      data: what is trained on.
    """
    if class_weight == "none":
        return None, ""  # To count would read a streamed split once more.
    counts = data.train.class_counts
    most, total = int(counts.max()), int(counts.sum())
    if class_weight == "auto" and not _MOST < most / total < 1:
        return None, ""
    name = shown(data.train.label_names[counts.argmax()])
    return balanced(counts), f"classes weighed alike ({most:,} of {total:,} are {name})"


def balanced(counts: np.ndarray) -> dict[int, float]:
    """Returns a weight for each class, whose mean over the examples is 1.

    Args:
      counts: examples of each class, int `(classes,)`.
    """
    present = int(np.count_nonzero(counts))
    total = int(counts.sum())
    return {
        label: total / (present * int(count)) if count else 0.0
        for label, count in enumerate(counts)
    }
