"""Whether probabilities put the right class first, and whether they hold."""

from typing import NamedTuple

import numpy as np

BINS = 15


class Bin(NamedTuple):
    """Answers of about the same confidence.

    Attributes:
      examples: how many.
      confidence: mean probability of their predicted classes.
      accuracy: share of them that is right.
    """

    examples: int
    confidence: float
    accuracy: float


def bins(confidence: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Returns answers in bins of about as many each, the least sure ones first.

    Args:
      confidence: probability of each predicted class, `(n,)`, each a number.
      right: whether it is right, bool `(n,)`.

    Returns:
      `BINS` of them at most: answers of equal confidence are in one.
    """
    ordered = np.sort(confidence)
    starts = np.unique(ordered[np.arange(BINS) * len(ordered) // BINS])
    places = np.searchsorted(starts, confidence, side="right") - 1
    count = np.bincount(places)
    sure = np.bincount(places, confidence) / count
    accuracy = np.bincount(places, right) / count
    return tuple(map(Bin, count.tolist(), sure.tolist(), accuracy.tolist()))


def error(found: tuple[Bin, ...]) -> float:
    """Returns the expected calibration error: how far confidence is from accuracy.

    The mean over examples of the distance in the bin of each.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", 2015; with bins of equal mass as of Nixon et al., "Measuring
    Calibration in Deep Learning", 2019.
    """
    examples = sum(one.examples for one in found)
    return sum(b.examples * abs(b.confidence - b.accuracy) for b in found) / examples


def auc(probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """Returns the area under the ROC curve, one class against the rest, in the mean.

    As `roc_auc_score(multi_class="ovr", average="macro")` of scikit-learn has it.

    Args:
      probabilities: of all classes, `(n, classes)`, each a number.
      labels: of the examples, int `(n,)`.

    Returns:
      The mean over the classes that some examples are of and some are not; None where
      there is no such class.
    """
    areas = []
    for label in np.unique(labels):
        own = labels == label
        count = int(own.sum())
        if others := len(own) - count:
            _, place, ties = np.unique(
                probabilities[:, label], return_inverse=True, return_counts=True
            )
            # Equal ones share the mean of their ranks.
            ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
            areas.append((ranks[own].sum() / count - (count + 1) / 2) / others)
    return float(np.mean(areas)) if areas else None
