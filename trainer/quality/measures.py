"""A model evaluated on a split, in one pass over it."""

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from trainer.errors import TrainerError
from trainer.quality import doubts
from trainer.quality.evaluation import Answer, Evaluation

# Above it there is no confusion matrix, which nobody could look at, and which for
# 65,536 classes would take 32 GiB.
MATRIX_CLASSES = 1000
MISTAKES = 40  # Kept of an evaluation, and shown in a report.
_SCORES = 1 << 26  # Probabilities that are kept for the AUC, in 256 MiB.
_SUREST = 100  # Classes of which the surest right answer is kept.
_TINY = float(np.finfo(np.float32).tiny)


def evaluate(
    model: keras.Model,
    batches: Iterable[tuple[Any, Any]],
    label_names: Sequence[str],
    mistakes: int = MISTAKES,
    balanced: bool = False,
) -> Evaluation:
    """Evaluates a model in one pass, and keeps no images but those of mistakes.

    Args:
      model: from images to class probabilities, one for each name.
      batches: images uint8 `(n, height, width, channels)` and labels int64 `(n,)`,
        each n of at least 1.
      label_names: names of the classes, in the order of their labels.
      mistakes: how many of the most confident ones to keep.
      balanced: whether the model was trained for classes that weigh alike.

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
    answered: list[tuple[np.ndarray, ...]] = []  # Confidence, right or wrong, label.
    scores: list[np.ndarray] | None = [] if classes <= MATRIX_CLASSES else None
    surest: dict[int, Answer] = {}
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
        answered.append((confidence, right, labels))
        if scores is not None:
            scores.append(probabilities)
            if (examples + len(labels)) * classes > _SCORES:
                scores = None
        (wrong,) = np.nonzero(~right)
        for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:mistakes]:
            # No two have the same index, so that no comparison reaches the image.
            rank = float(confidence[row]), -(examples + int(row))
            if len(worst) == mistakes and rank < worst[0][:2]:
                break
            entry = (*rank, images[row].copy(), int(labels[row]), int(predicted[row]))
            push = heapq.heappush if len(worst) < mistakes else heapq.heappushpop
            push(worst, entry)
        for label in np.unique(predicted[right & (predicted < _SUREST)]).tolist():
            row = int(np.where(right & (predicted == label), confidence, -1).argmax())
            given_it = float(confidence[row])
            if label not in surest or given_it > surest[label].probability:
                place, image = examples + row, images[row].copy()
                surest[label] = Answer(place, image, label, label, given_it)
        examples += len(labels)
    if not examples:
        raise ValueError("There is nothing to evaluate on: no batches.")
    sure, hits, truths = map(np.concatenate, zip(*answered, strict=True))
    finite = math.isfinite(loss)
    return Evaluation(
        label_names=tuple(label_names),
        examples=examples,
        loss=loss / examples,
        class_examples=count,
        class_correct=correct,
        class_predicted=answers,
        confusion=confusion,
        auc=doubts.auc(np.concatenate(scores), truths) if scores and finite else None,
        reliability=doubts.bins(sure, hits) if finite else (),
        mistakes=tuple(
            Answer(-index, image, label, predicted, probability)
            for probability, index, image, label, predicted in sorted(
                worst, key=lambda entry: entry[:2], reverse=True
            )
        ),
        balanced=balanced,
        surest=tuple(surest[label] for label in sorted(surest)),
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
