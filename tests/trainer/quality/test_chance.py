"""Whether a network is better than one that has learned nothing."""

import numpy as np
import pytest

from trainer.quality import chance


@pytest.mark.parametrize(
    ("correct", "most", "examples", "words"),
    [
        (361, 361, 525, "Accuracy 0.6876 is no better than 0.6876"),
        (315, 361, 525, "Accuracy 0.6000 is no better than 0.6876"),
        # One in 500 more than the majority is what chance gives.
        (345, 344, 500, "Accuracy 0.6900 is not clearly better than 0.6880"),
        (0, 2, 10, "no better"),
        # What differs looks different.
        (34_001, 34_000, 100_000, "0.34001 is not clearly better than 0.34000"),
    ],
)
def test_no_better_than_the_majority_is_said_with_what_to_try(
    correct, most, examples, words
):
    note = chance.of_accuracy(correct, most, examples).note
    assert words in note
    for flag in ("--epochs", "--learning_rate", "--class_weight", "--workdir"):
        assert flag in note
    assert "python -m mnist_idx_tfds.idx DIR" in note
    assert "\n" not in note


@pytest.mark.parametrize(
    ("correct", "most", "examples"),
    [
        (375, 344, 500),
        (9940, 9900, 10_000),
        (54, 20, 2720),
        # Few, but right throughout.
        (10, 9, 10),
        # One class alone, where any constant answer would do.
        (10, 10, 10),
        (5, 10, 10),
    ],
)
def test_nothing_is_said_of_a_model_that_is_better(correct, most, examples):
    assert chance.of_accuracy(correct, most, examples).note is None


def of_classes(correct, examples):
    return chance.of_classes(np.array(correct), np.array(examples))


def test_where_classes_weigh_alike_each_has_an_equal_part():
    """Accuracy is .88 where always the first class is .94, and the rare one is seen."""
    verdict = of_classes([840, 45, 0], [940, 60, 0])
    assert verdict.value == pytest.approx((840 / 940 + 45 / 60) / 2)
    assert verdict.constant == 1 / 2  # Nobody has the third.
    assert verdict.note is None
    assert chance.of_accuracy(885, 940, 1000).note
    for correct in ([940, 0, 0], [0, 60, 0], [920, 2, 0]):
        note = of_classes(correct, [940, 60, 0]).note
        assert note.startswith("Balanced accuracy 0.5")
        assert "0.5000, that of always giving one class" in note


@pytest.mark.parametrize(
    ("correct", "examples"), [([3], [9]), ([4, 0], [9, 0]), ([9, 1], [9, 1])]
)
def test_nothing_is_said_of_one_class_or_what_is_right_throughout(correct, examples):
    assert of_classes(correct, examples).note is None


def test_the_interval_of_one_class_is_wilsons_and_few_examples_widen_it():
    assert of_classes([0, 15], [0, 148]).interval == pytest.approx(
        chance.wilson(15, 148)
    )
    few, many = (of_classes([90, 9 * n], [100, 10 * n]).interval for n in (1, 10))
    assert few[0] < many[0] < 0.9 < many[1] < few[1]


def test_95_of_100_intervals_hold_the_balanced_accuracy():
    """Of classes of 1,000 and of 40 examples, right with probabilities .9 and .7."""
    random = np.random.default_rng(0)
    correct = random.binomial([1000, 40], [0.9, 0.7], (2000, 2))
    ends = np.array([of_classes(row, [1000, 40]).interval for row in correct])
    held = (ends[:, 0] < 0.8) & (ends[:, 1] > 0.8)
    assert held.mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("correct", "examples", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (20, 20, 0.8389, 1),
    ],
)
def test_interval_is_wilsons(correct, examples, low, high):
    """Against the values of Newcombe's comparison of seven methods, 1998."""
    found = chance.wilson(correct, examples)
    assert found == pytest.approx((low, high), abs=5e-5)
