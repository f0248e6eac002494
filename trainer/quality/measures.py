"""What a model gets right and wrong on a split, in one pass over it."""

import dataclasses
import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from trainer.errors import TrainerError

# Above it there is no confusion matrix, which nobody could look at, and which for
# 65,536 classes would take 32 GiB.
MATRIX_CLASSES = 1000
MISTAKES = 40  # Kept of an evaluation, and shown in a report.
_TINY = float(np.finfo(np.float32).tiny)
_Z = 1.959963984540054  # Between it and its negative lies 95% of a normal distribution.


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An example that was taken for another class.

    Attributes:
      index: position in the split, from 0, in the order it was read.
      image: uint8 `(height, width, channels)`.
      label: the true class.
      predicted: the class with the highest probability.
      probability: that probability.
      source: which item of which file it is, see `origins.find`; None where that is
        not known.
    """

    index: int
    image: np.ndarray
    label: int
    predicted: int
    probability: float
    source: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model gets right and wrong.

    Attributes:
      label_names: names of the classes, in the order of their labels.
      examples: number of examples.
      loss: mean cross-entropy, in nats; NaN for a model that diverged.
      accuracy: share of examples that are predicted right.
      interval: ends of the 95% Wilson interval of the accuracy.
      class_examples: examples of each class, int64 `(classes,)`.
      class_correct: those that are predicted right, of the same form.
      class_predicted: examples that are predicted to be of each class, right or
        wrong, of the same form.
      confusion: examples by true class and predicted class, int64 `(classes,
        classes)`; None above `MATRIX_CLASSES` classes.
      mistakes: the most confident ones, the most confident first.
    """

    label_names: tuple[str, ...]
    examples: int
    loss: float
    accuracy: float
    interval: tuple[float, float]
    class_examples: np.ndarray
    class_correct: np.ndarray
    class_predicted: np.ndarray
    confusion: np.ndarray | None
    mistakes: tuple[Mistake, ...]

    @property
    def class_accuracy(self) -> np.ndarray:
        """Share of each class that is predicted right, NaN where it is empty."""
        empty = np.full(len(self.label_names), np.nan)
        return np.divide(
            self.class_correct,
            self.class_examples,
            out=empty,
            where=self.class_examples > 0,
        )

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the accuracies of the classes that have examples."""
        return float(np.nanmean(self.class_accuracy))

    @property
    def majority(self) -> int:
        """The most frequent label; the first of several."""
        return int(self.class_examples.argmax())

    @property
    def majority_share(self) -> float:
        """Share of the examples that is of the most frequent class."""
        return int(self.class_examples.max()) / self.examples

    @property
    def majority_note(self) -> str | None:
        """What `majority_note` has to say of it."""
        return majority_note(self.accuracy, self.majority_share, self.examples)

    def scores(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns precision, recall and F1 of each class, float64 `(classes,)`.

        By the definitions of scikit-learn's `precision_recall_fscore_support` with
        `zero_division=0`: what has nothing to divide by is 0.
        """
        true, predicted = self.class_examples, self.class_predicted
        precision = self.class_correct / np.maximum(predicted, 1)
        recall = self.class_correct / np.maximum(true, 1)
        f1 = 2 * self.class_correct / np.maximum(true + predicted, 1)
        return precision, recall, f1

    def worst_first(self) -> list[int]:
        """Returns the labels by accuracy, those of empty classes last."""
        return np.argsort(self.class_accuracy, kind="stable").tolist()

    def with_sources(self, sources: Sequence[str | None]) -> "Evaluation":
        """Returns it with the source of each mistake, in their order."""
        mistakes = tuple(
            dataclasses.replace(mistake, source=source)
            for mistake, source in zip(self.mistakes, sources, strict=True)
        )
        return dataclasses.replace(self, mistakes=mistakes)

    def with_surest(self, mistakes: int = MISTAKES) -> "Evaluation":
        """Returns it with no more than so many mistakes, the most confident ones."""
        return dataclasses.replace(self, mistakes=self.mistakes[:mistakes])

    def to_json(self) -> dict[str, Any]:
        """Returns all but the images, in types that JSON has."""
        names = self.label_names
        precision, recall, f1 = self.scores()
        return {
            "examples": self.examples,
            "loss": self.loss if math.isfinite(self.loss) else None,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "majority_share": self.majority_share,
            "balanced_accuracy": self.balanced_accuracy,
            "classes": [
                {
                    "name": name,
                    "examples": int(self.class_examples[label]),
                    "predicted": int(self.class_predicted[label]),
                    "correct": int(self.class_correct[label]),
                    "accuracy": recall[label] if self.class_examples[label] else None,
                    "precision": precision[label],
                    "recall": recall[label],
                    "f1": f1[label],
                }
                for label, name in enumerate(names)
            ],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "mistakes": [
                {
                    "index": mistake.index,
                    "label": names[mistake.label],
                    "predicted": names[mistake.predicted],
                    "probability": mistake.probability,
                    "source": mistake.source,
                }
                for mistake in self.mistakes
            ],
        }


def evaluate(
    model: keras.Model,
    batches: Iterable[tuple[Any, Any]],
    label_names: Sequence[str],
    mistakes: int = MISTAKES,
) -> Evaluation:
    """Evaluates a model in one pass, with memory that does not grow with the split.

    Args:
      model: from images to class probabilities, one for each name.
      batches: images uint8 `(n, height, width, channels)` and labels int64 `(n,)`,
        each n of at least 1.
      label_names: names of the classes, in the order of their labels.
      mistakes: how many of the most confident ones to keep.

    Returns:
      The evaluation.

    Raises:
      TrainerError: the model's outputs are no probabilities.
      ValueError: there are no batches.
    """
    classes = len(label_names)
    loss, examples = 0.0, 0
    count, correct, answers = np.zeros((3, classes), np.int64)
    confusion = None
    if classes <= MATRIX_CLASSES:
        confusion = np.zeros((classes, classes), np.int64)
    worst: list[
        tuple[Any, ...]
    ] = []  # A heap; its first is the least confident mistake.
    for images, labels in batches:
        images, labels = np.asarray(images), np.asarray(labels)
        probabilities = model.predict_on_batch(images)
        _check(probabilities)
        # Not by Keras's function, which takes 1e-7 for anything less; `fit`, which has
        # the logits, does not.
        given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
        loss -= float(np.log(np.maximum(given, _TINY)).sum())
        predicted = probabilities.argmax(axis=1)
        right = predicted == labels
        count += np.bincount(labels, minlength=classes)
        correct += np.bincount(labels[right], minlength=classes)
        answers += np.bincount(predicted, minlength=classes)
        if confusion is not None:
            cells = np.bincount(labels * classes + predicted, minlength=classes**2)
            confusion += cells.reshape(classes, classes)
        # A model that diverged says NaN, which has no place in any order.
        confidence = np.nan_to_num(probabilities.max(axis=1))
        (wrong,) = np.nonzero(~right)
        for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:mistakes]:
            # No two have the same index, so that no comparison reaches the image.
            rank = float(confidence[row]), -(examples + int(row))
            if len(worst) == mistakes and rank < worst[0][:2]:
                break
            entry = (*rank, images[row].copy(), int(labels[row]), int(predicted[row]))
            push = heapq.heappush if len(worst) < mistakes else heapq.heappushpop
            push(worst, entry)
        examples += len(labels)
    if not examples:
        raise ValueError("There is nothing to evaluate on: no batches.")
    return Evaluation(
        label_names=tuple(label_names),
        examples=examples,
        loss=loss / examples,
        accuracy=int(correct.sum()) / examples,
        interval=wilson(int(correct.sum()), examples),
        class_examples=count,
        class_correct=correct,
        class_predicted=answers,
        confusion=confusion,
        mistakes=tuple(
            Mistake(-index, image, label, predicted, probability)
            for probability, index, image, label, predicted in sorted(
                worst, key=lambda entry: entry[:2], reverse=True
            )
        ),
    )


def _check(probabilities: np.ndarray) -> None:
    sums = probabilities.sum(axis=1, dtype=np.float64)
    # Wide enough for 16-bit floats; NaN, of a model that diverged, is let through.
    if probabilities.min() < 0 or np.abs(sums - 1).max() > 0.02:
        raise TrainerError(
            "model: outputs: expected probabilities, which add up to 1, found values "
            f"of {probabilities.min():.4g} to {probabilities.max():.4g} that do not. "
            "Does it lack a softmax?"
        )


def majority_note(accuracy: float, share: float, examples: int) -> str | None:
    """Returns what to say of a model that is no better than one constant answer.

    That is one whose accuracy is not above the majority's share by more than chance:
    the share is not below the 95% interval of the accuracy, which stands beside it.

    Args:
      accuracy: of the model, 0 to 1.
      share: of the examples that is of the most frequent class, 0 to 1.
      examples: how many there are, at least 1.

    Returns:
      A line for people, or None: the model is better, right throughout, or there is
      one class alone, in which one constant answer cannot be told from another.
    """
    low, _ = wilson(round(accuracy * examples), examples)
    if low > share or accuracy == 1 or share == 1:
        return None
    better = "no better" if accuracy <= share else "not clearly better"
    return (
        f"Accuracy {accuracy:.4f} is {better} than {share:.4f}, that of always giving "
        "the most frequent class. Try more --epochs, a smaller --learning_rate, or, "
        "where classes are uneven, another --class_weight. Are the labels those of the "
        "images? A report (--workdir) shows mistakes with their labels, and python -m "
        "mnist_idx_tfds.idx DIR says what is odd about a set of files."
    )


def wilson(correct: int, examples: int) -> tuple[float, float]:
    """Returns the ends of the 95% Wilson score interval of a share.

    Unlike the normal approximation it has a width where all or none are right.

    Args:
      correct: how many are right.
      examples: of how many, at least 1.
    """
    share, spread = correct / examples, _Z * _Z / examples
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = ((middle + sign * half) / (1 + spread) for sign in (-1, 1))
    # At the ends it reaches 0 and 1, but for rounding.
    return (low if correct else 0.0), (high if correct < examples else 1.0)
