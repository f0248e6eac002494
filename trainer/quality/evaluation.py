"""What a model gets right and wrong on a split, in numbers and in examples."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainer.quality import chance, doubts
from trainer.quality.chance import Verdict


@dataclasses.dataclass(frozen=True)
class Answer:
    """An example, and the class that it was taken for.

    Attributes:
      index: position in the split, from 0, in the order it was read.
      image: uint8 `(height, width, channels)`.
      label: the true class.
      predicted: the class with the highest probability.
      probability: that probability.
      source: which item of which file it is, see `origins.find`; None where that is
        not known.
      looked: where the network looked for it, see `looks.looked`, float32 `(rows,
        columns)`; None where that is not asked.
    """

    index: int
    image: np.ndarray
    label: int
    predicted: int
    probability: float
    source: str | None = None
    looked: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model gets right and wrong.

    Attributes:
      label_names: names of the classes, in the order of their labels.
      examples: number of examples.
      loss: mean cross-entropy, in nats; NaN for a model that diverged.
      class_examples: examples of each class, int64 `(classes,)`.
      class_correct: those that are predicted right, of the same form.
      class_predicted: examples that are predicted to be of each class, right or
        wrong, of the same form.
      confusion: examples by true class and predicted class, int64 `(classes,
        classes)`; None of too many classes.
      mistakes: the most confident ones, the most confident first.
      balanced: whether the model was trained for classes that weigh alike.
      auc: see `doubts.auc`; None where there is none, as of one class, of more than
        1,000, or of more than 67 million probabilities.
      reliability: see `doubts.bins`; empty of a model that diverged.
      surest: of each class that has one, of the first hundred, the right answer with the
        highest probability.
    """

    label_names: tuple[str, ...]
    examples: int
    loss: float
    class_examples: np.ndarray
    class_correct: np.ndarray
    class_predicted: np.ndarray
    confusion: np.ndarray | None
    mistakes: tuple[Answer, ...]
    balanced: bool = False
    auc: float | None = None
    reliability: tuple[doubts.Bin, ...] = ()
    surest: tuple[Answer, ...] = ()

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
    def accuracy(self) -> float:
        """Share of examples that are predicted right."""
        return self.by_accuracy.value

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the accuracies of the classes that have examples."""
        return self.by_classes.value

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95% interval of what it was trained for, see `verdict`."""
        return self.verdict.interval

    @property
    def by_accuracy(self) -> Verdict:
        """The network judged by its accuracy."""
        right, most = int(self.class_correct.sum()), int(self.class_examples.max())
        return chance.of_accuracy(right, most, self.examples)

    @property
    def by_classes(self) -> Verdict:
        """The network judged by its balanced accuracy."""
        return chance.of_classes(self.class_correct, self.class_examples)

    @property
    def verdict(self) -> Verdict:
        """The network judged by what it was trained for."""
        return self.by_classes if self.balanced else self.by_accuracy

    @property
    def calibration_error(self) -> float | None:
        """How far probabilities are from accuracies, see `doubts.error`; 0 to 1."""
        return doubts.error(self.reliability) if self.reliability else None

    @property
    def majority(self) -> int:
        """The most frequent label; the first of several."""
        return int(self.class_examples.argmax())

    def figures(self) -> str:
        """Returns the numbers in a line, what the network is judged by first."""
        kinds = [self.by_accuracy, self.by_classes]
        first, second = reversed(kinds) if self.balanced else kinds
        low, high = first.interval
        more = {"AUC": self.auc, "calibration error": self.calibration_error}
        said = [f"  {k} {v:.4f}" for k, v in more.items() if v is not None]
        return (
            f"{first.name} {first.value:.4f}  95% interval {low:.4f} to {high:.4f}  "
            f"majority's share {self.by_accuracy.constant:.4f}  "
            f"{second.name} {second.value:.4f}{''.join(said)}"
        )

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

    def with_looks(
        self, looked: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> "Evaluation":
        """Returns it with where the network looked for mistakes and surest answers.

        Args:
          looked: as `looks.looked` is of images and labels.
        """
        if not (answers := self.mistakes + self.surest):
            return self
        images = np.stack([answer.image for answer in answers])
        maps = looked(images, np.array([answer.predicted for answer in answers]))
        answers = tuple(map(_with_look, answers, maps))
        count = len(self.mistakes)
        return dataclasses.replace(
            self, mistakes=answers[:count], surest=answers[count:]
        )

    def with_surest(self, mistakes: int) -> "Evaluation":
        """Returns it with no more than so many mistakes, the most confident ones."""
        return dataclasses.replace(self, mistakes=self.mistakes[:mistakes])

    def to_json(self) -> dict[str, Any]:
        """Returns all but the images, in types that JSON has."""
        names = self.label_names
        precision, recall, f1 = self.scores()
        return {
            "examples": self.examples,
            "loss": self.loss if math.isfinite(self.loss) else None,
            "accuracy": self.by_accuracy.value,
            "accuracy_interval": list(self.by_accuracy.interval),
            "majority_share": self.by_accuracy.constant,
            "balanced_accuracy": self.by_classes.value,
            "balanced_accuracy_interval": list(self.by_classes.interval),
            "auc": self.auc,
            "calibration_error": self.calibration_error,
            "reliability": [one._asdict() for one in self.reliability],
            "judged_by": self.verdict.name,
            "note": self.verdict.note,
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


def _with_look(answer: Answer, looked: np.ndarray) -> Answer:
    return dataclasses.replace(answer, looked=looked)
