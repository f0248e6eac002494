"""What a model gets right and wrong."""

import json
import math
import tracemalloc

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import architectures
from trainer.quality import measures

SHAPE = (16, 17, 1)
NAMES = tuple("abcde")


class Table:
    """Stands in for a model: an image's first pixels are its answer, in percent."""

    def __init__(self, classes):
        self._classes = classes

    def predict_on_batch(self, images):
        rows = np.asarray(images).reshape(len(images), -1)[:, : self._classes]
        return rows.astype(np.float32) / 100


def answers(*rows):
    """Returns images that `Table` answers with these percentages."""
    images = np.zeros((len(rows), 4, 4, 1), np.uint8)
    for image, row in zip(images, rows, strict=True):
        image.ravel()[: len(row)] = row
    return images


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (103, *SHAPE), np.uint8), rng.integers(0, 4, 103)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    cnn = architectures.cnn(SHAPE, 5)
    cnn.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return cnn


def batches(images, labels, size=10):
    for start in range(0, len(labels), size):
        yield images[start : start + size], labels[start : start + size]


@pytest.fixture(scope="module")
def result(network, examples):
    return measures.evaluate(network, batches(*examples), NAMES)


def test_loss_and_accuracy_are_those_of_keras(network, examples, result):
    loss, accuracy = network.evaluate(*examples, verbose=0)
    assert result.loss == pytest.approx(loss, rel=1e-5)
    assert result.accuracy == pytest.approx(accuracy)
    assert result.examples == 103


def test_a_mistake_that_is_all_but_certain_costs_what_keras_says_by_the_logits():
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    kernel = np.zeros((16, 2), np.float32)
    kernel[0, 0] = 40  # The second class has a probability of e^-40.
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(inputs, head(flat))
    head.set_weights([kernel, np.zeros(2, np.float32)])
    model.compile(loss="sparse_categorical_crossentropy")
    images, labels = answers([1, 0]), np.array([1])
    expected = model.evaluate(images, labels, verbose=0)
    assert expected == pytest.approx(40)
    result = measures.evaluate(model, [(images, labels)], "ab")
    assert result.loss == pytest.approx(expected, rel=1e-5)


def test_a_certain_mistake_has_a_finite_cost():
    """Its probability of the truth is 0, whose logarithm there is none of."""
    images, labels = answers([100, 0]), np.array([1])
    result = measures.evaluate(Table(2), [(images, labels)], "ab")
    assert 50 < result.loss < 100


@pytest.mark.parametrize("balanced", [False, True])
def test_balanced_accuracy_and_the_interval_of_what_it_is_trained_for(balanced):
    images, labels = answers(*[[90, 10]] * 4), np.array([0, 0, 0, 1])
    found = measures.evaluate(Table(2), [(images, labels)], "ab", balanced=balanced)
    assert (found.accuracy, found.balanced_accuracy) == (0.75, 0.5)
    judged = found.by_classes if balanced else found.by_accuracy
    assert found.interval == judged.interval
    assert found.by_classes.interval != found.by_accuracy.interval


def test_confusion_has_true_classes_as_rows(network, examples, result):
    images, labels = examples
    expected = np.zeros((5, 5), np.int64)
    for label, predicted in zip(
        labels, network.predict(images, verbose=0).argmax(1), strict=True
    ):
        expected[label, predicted] += 1
    np.testing.assert_array_equal(result.confusion, expected)
    assert result.confusion.dtype == np.int64


def test_classes_are_counted_and_an_empty_one_has_no_accuracy(examples, result):
    np.testing.assert_array_equal(
        result.class_examples, np.bincount(examples[1], minlength=5)
    )
    np.testing.assert_array_equal(result.class_correct, result.confusion.diagonal())
    assert np.isnan(result.class_accuracy[4])
    expected = result.class_correct[:4] / result.class_examples[:4]
    np.testing.assert_array_equal(result.class_accuracy[:4], expected)


@pytest.mark.parametrize("classes", [5, 1001])
def test_scores_of_the_classes_are_those_of_scikit_learn(classes):
    """With classes that are empty, never predicted, or neither; with and without matrix."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, predicted = rng.choice([0, 1, 4], 200), rng.choice([0, 1, 2], 200)

    class Fixed:
        def predict_on_batch(self, images):
            return np.eye(classes, dtype=np.float32)[images[:, 0, 0, 0]]

    images = predicted.astype(np.uint8).reshape(-1, 1, 1, 1)
    names = [str(n) for n in range(classes)]
    result = measures.evaluate(Fixed(), batches(images, labels), names)
    found = result.to_json()
    expected = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0
    )
    keys = ("precision", "recall", "f1", "examples")
    for key, values in zip(keys, expected, strict=True):
        assert [c[key] for c in found["classes"]] == pytest.approx(values), key
    counts = np.bincount(predicted, minlength=classes).tolist()
    assert [c["predicted"] for c in found["classes"]] == counts
    # It warns of predictions outside of the true classes, as are meant here.
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        balanced = metrics.balanced_accuracy_score(labels, predicted)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    assert found["majority_share"] == np.bincount(labels).max() / 200


def test_a_network_is_judged_by_what_it_was_trained_for():
    images, labels = answers(*[[90, 10]] * 5), np.array([0, 0, 0, 1, 1])
    for balanced, name, found in (
        (False, "accuracy", 0.6),
        (True, "balanced acc", 0.5),
    ):
        result = measures.evaluate(
            Table(2), [(images, labels)], "ab", balanced=balanced
        )
        assert result.verdict.name.startswith(name)
        assert result.verdict.value == found == result.verdict.constant
        assert result.figures().startswith(f"{name}")
        read = result.to_json()
        assert read["judged_by"] == result.verdict.name
        assert f"{found:.4f} is no better than {found:.4f}" in read["note"]


def test_of_each_class_the_surest_right_answer_is_kept():
    """Of those that are equal the first one; none of a class that is never right."""
    images = answers([60, 40], [80, 20], [80, 20], [70, 30], [1, 99], [40, 60])
    labels = np.array([0, 0, 0, 1, 0, 1])
    result = measures.evaluate(Table(2), batches(images, labels, 2), "ab")
    found = [(a.index, a.label, a.predicted) for a in result.surest]
    assert found == [(1, 0, 0), (5, 1, 1)]
    np.testing.assert_array_equal(result.surest[0].image, images[1])
    never = measures.evaluate(Table(2), [(images[:3], np.array([1, 0, 0]))], "ab")
    assert [a.label for a in never.surest] == [0]


def test_mistakes_are_the_most_confident_ones_in_order():
    images = answers([20, 80], [70, 30], [10, 90], [1, 99], [40, 60], [20, 80])
    labels = np.array([0, 0, 0, 1, 0, 0])
    result = measures.evaluate(Table(2), batches(images, labels, 2), "ab", mistakes=3)
    assert [m.index for m in result.mistakes] == [2, 0, 5]
    assert [m.probability for m in result.mistakes] == pytest.approx([0.9, 0.8, 0.8])
    assert {(m.label, m.predicted) for m in result.mistakes} == {(0, 1)}
    for mistake in result.mistakes:
        np.testing.assert_array_equal(mistake.image, images[mistake.index])


def test_the_size_of_the_batches_changes_nothing(network, examples, result):
    other = measures.evaluate(network, batches(*examples, size=103), NAMES)
    assert other.auc == pytest.approx(result.auc)
    assert other.calibration_error == pytest.approx(result.calibration_error)
    assert other.loss == pytest.approx(result.loss, rel=1e-6)
    indices = [[m.index for m in e.mistakes] for e in (result, other)]
    assert indices[0] == indices[1]
    assert len(indices[0]) == 40


def test_memory_does_not_grow_with_the_split():
    def peak(count):
        batch = np.zeros((100, 64, 64, 1), np.uint8), np.ones(100, np.int64)
        batch[0][:, 0, 0] = 100
        tracemalloc.start()
        measures.evaluate(Table(2), (batch for _ in range(count)), "ab")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # What is made once.
    # The other 19,800 images have 81 MB.
    assert peak(200) < peak(2) + 1_000_000


def test_no_mistakes_are_none():
    images, labels = answers([90, 10], [10, 90]), np.array([0, 1])
    result = measures.evaluate(Table(2), [(images, labels)], "ab")
    assert result.mistakes == ()
    assert result.accuracy == 1
    assert result.verdict.interval[1] == 1


def test_above_a_thousand_classes_there_is_no_matrix():
    names = [str(n) for n in range(1001)]
    images = np.zeros((1, 32, 32, 1), np.uint8)
    images[0, 0, 0] = 100
    result = measures.evaluate(Table(1001), [(images, np.array([1000]))], names)
    assert result.confusion is result.auc is None
    assert result.class_examples[1000] == 1


def test_too_many_probabilities_to_keep_have_no_auc(examples, network, monkeypatch):
    for most, there_is in ((103 * 5, True), (103 * 5 - 1, False)):
        monkeypatch.setattr(measures, "_SCORES", most)
        result = measures.evaluate(network, batches(*examples), NAMES)
        assert (result.auc is not None) == there_is
        assert result.calibration_error


def test_a_model_that_diverged_has_a_loss_that_is_no_number(examples):
    class Diverged:
        def predict_on_batch(self, images):
            return np.full((len(images), 5), np.nan, np.float32)

    result = measures.evaluate(Diverged(), batches(*examples), NAMES)
    assert math.isnan(result.loss)
    read = result.to_json()
    assert read["loss"] is read["auc"] is read["calibration_error"] is None
    assert len(result.mistakes) == 40


@pytest.mark.parametrize("answer", [[50, 40], [0, 0], [100, 100]])
def test_outputs_that_are_no_probabilities_are_an_error(answer):
    batch = answers([40, 60], answer), np.array([0, 1])
    with pytest.raises(TrainerError, match=r"expected probabilities, .* a softmax"):
        measures.evaluate(Table(2), [batch], "ab")


def test_nothing_to_evaluate_on_is_an_error():
    with pytest.raises(ValueError, match="no batches"):
        measures.evaluate(Table(2), [], "ab")


def test_json_has_everything_but_the_images(result):
    read = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert read["accuracy_interval"] == list(result.verdict.interval)
    assert read["auc"] == result.auc
    assert read["calibration_error"] == result.calibration_error
    assert sum(one["examples"] for one in read["reliability"]) == 103
    assert read["confusion"] == result.confusion.tolist()
    assert read["classes"][4] == {
        "name": "e",
        "examples": 0,
        "predicted": int(result.confusion[:, 4].sum()),
        "correct": 0,
        "accuracy": None,
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
    }
    assert len(read["mistakes"]) == 40
    assert read["mistakes"][0]["index"] == result.mistakes[0].index
    assert read["mistakes"][0]["label"] in NAMES
