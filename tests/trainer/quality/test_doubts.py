"""Whether probabilities put the right class first, and whether they hold."""

import numpy as np
import pytest

from trainer.quality import doubts


def answers(classes, examples=300):
    """Labels, and probabilities that are right mostly and often equal."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, examples)
    logits = rng.normal(size=(examples, classes)) + 2 * np.eye(classes)[labels]
    found = np.exp(logits.round(1))
    return (found / found.sum(axis=1, keepdims=True)).round(2), labels


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_auc_is_that_of_scikit_learn_with_ties_too(classes):
    metrics = pytest.importorskip("sklearn.metrics")
    probabilities, labels = answers(classes)
    areas = [
        metrics.roc_auc_score(labels == label, probabilities[:, label])
        for label in range(classes)
    ]
    found = doubts.auc(probabilities, labels)
    assert found == pytest.approx(np.mean(areas), rel=1e-12)
    exact = probabilities / probabilities.sum(axis=1, keepdims=True)
    score = exact if classes > 2 else exact[:, 1]
    expected = metrics.roc_auc_score(labels, score, multi_class="ovr", average="macro")
    assert doubts.auc(exact, labels) == pytest.approx(expected, rel=1e-12)


def test_a_class_without_examples_has_no_part_in_the_auc():
    probabilities, labels = answers(3)
    wider = np.insert(probabilities, 1, 0.5, axis=1)
    renamed = np.array([0, 2, 3])[labels]
    assert doubts.auc(wider, renamed) == doubts.auc(probabilities, labels)


def test_of_one_class_there_is_no_auc():
    probabilities, labels = answers(3)
    assert doubts.auc(probabilities, np.zeros_like(labels)) is None


def test_the_calibration_error_is_the_mean_distance_in_15_bins_of_equal_mass():
    rng = np.random.default_rng(0)
    confidence = rng.permutation(np.linspace(0.5, 1, 1500))
    right = rng.random(1500) < confidence**2
    found = doubts.bins(confidence, right)
    order = np.argsort(confidence)
    parts = np.split(order, 15)
    assert [one.examples for one in found] == [100] * 15
    distances = [abs(confidence[p].mean() - right[p].mean()) for p in parts]
    assert doubts.error(found) == pytest.approx(np.mean(distances))


def test_answers_of_the_same_confidence_are_in_one_bin_in_any_order():
    confidence = np.array([1.0] * 60 + [0.5] * 40)
    right = np.array([True] * 60 + [True, False] * 20)
    for order in (slice(None), slice(None, None, -1)):
        found = doubts.bins(confidence[order], right[order])
        assert found == ((40, 0.5, 0.5), (60, 1, 1))
        assert doubts.error(found) == 0
    assert doubts.error(doubts.bins(np.array([0.75]), np.array([False]))) == 0.75
