"""How long a set is trained on where no flag says it."""

import pytest

from trainer.errors import TrainerError
from trainer.network import models
from trainer.run import budget
from trainer.run.trial import Speed

SHAPE = (28, 28, 1)
COUNTS = [1, 2, 10, 100, 312, 400, 1000, 6250, 10_000, 20_000, 60_000, 266_666, 10**6]
SHAPES = [(8, 8, 1), (16, 16, 1), SHAPE, (64, 64, 3), (150, 150, 3), (1000, 800, 3)]


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        # 100,000 images at least.
        (10, (20, 500)),
        (1000, (20, 5)),
        (6250, (16, 1)),
        # Sixteen passes.
        (10_000, (16, 1)),
        (20_000, (16, 1)),
        # 400,000 images at most.
        (60_000, (7, 1)),
        # And one pass at least.
        (1_000_000, (1, 1)),
    ],
)
def test_passes_of_mnists_size_by_number(examples, expected):
    assert budget.of(examples, SHAPE)[:2] == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        # 2.5 times as many of 16 x 16, and 5.4 times of 8 x 8: a step is not free.
        ((16, 16, 1), (20, 2)),
        ((8, 8, 1), (17, 5)),
        # Color costs next to nothing, unlike the size.
        ((28, 28, 3), (16, 1)),
        ((64, 64, 3), (12, 1)),
        ((150, 150, 1), (8, 1)),
        ((300, 300, 1), (5, 1)),
    ],
)
def test_passes_of_ten_thousand_by_size(shape, expected):
    assert budget.of(10_000, shape)[:2] == expected


@pytest.mark.parametrize(
    ("examples", "shape", "expected"),
    [
        # Ten, of 10,000 images at least and 24,000 at most, of 28 x 28 as of 64 x 64.
        (1080, (28, 28, 3), (10, 1)),
        (2000, (64, 64, 1), (10, 1)),
        (500, (64, 64, 3), (20, 1)),
        (4800, (28, 28, 1), (5, 1)),
        # Of 96 x 96 fewer.
        (554, (96, 96, 3), (12, 1)),
        (50_000, (96, 96, 3), (1, 1)),
    ],
)
def test_passes_of_photographs_by_number_and_size(examples, shape, expected):
    length = models.MODELS["photo"].length
    assert budget.of(examples, shape, length=length)[:2] == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("examples", COUNTS)
def test_there_is_a_pass_and_no_more_than_20_epochs(examples, shape):
    epochs, passes, _ = budget.of(examples, shape)
    assert 1 <= epochs <= 20
    assert passes >= 1
    # More than one only where twenty epochs of one would be too few.
    assert passes == 1 or epochs > 10


@pytest.mark.parametrize("examples", COUNTS)
def test_what_is_seen_in_all_is_within_bounds_or_one_pass(examples):
    """But for passes that are whole: a half of one, and one in twenty-one."""
    epochs, passes, _ = budget.of(examples, SHAPE)
    seen = epochs * passes * examples
    assert seen >= 100_000 * 20 / 21
    assert seen <= 400_000 * 4 / 3 or (epochs, passes) == (1, 1)


@pytest.mark.parametrize("examples", COUNTS)
def test_larger_images_have_no_more_passes(examples):
    lengths = [budget.of(examples, shape) for shape in SHAPES]
    seen = [length.epochs * length.passes for length in lengths]
    assert sorted(seen, reverse=True) == seen


@pytest.mark.parametrize(
    ("idx_dir", "dataset", "expected"),
    [
        (None, None, True),
        (None, "mnist_idx_tfds", True),
        (None, "mnist_idx_tfds/mnist", True),
        (None, "mnist_idx_tfds/mnist/1.0.0", True),  # As a run's first line has it.
        (None, "mnist_idx_tfds/mnist:1.0.0", True),
        (None, "mnist_idx_tfds:1.*.*", True),
        (None, "mnist_idx_tfds/own-0123456789ab", False),
        (None, "mnist", False),
        ("own", None, False),
    ],
)
def test_mnist_itself_is_known_by_every_name_it_has(idx_dir, dataset, expected):
    assert budget.is_mnist(idx_dir, dataset) == expected


def test_flag_and_tutorial_come_before_the_number_of_images():
    assert budget.of(60_000, SHAPE, 3, 4)[:2] == (3, 1)
    assert budget.of(60_000, SHAPE, None, 4)[:2] == (4, 1)


@pytest.mark.parametrize("evaluation", [0, 0.1, 2, 30])
@pytest.mark.parametrize("step", [0.0005, 0.01])
@pytest.mark.parametrize("left", [20, 600, 36_000])
@pytest.mark.parametrize("examples", [797, 60_000])
def test_minutes_are_used_to_their_end(examples, left, step, evaluation):
    """Whatever a pass takes, and seldom on evaluations."""
    speed = Speed(5, step, evaluation)
    if step * examples / 48 + evaluation > left:
        with pytest.raises(TrainerError, match="expected time for a pass over"):
            budget.in_time(1, left, speed, examples, 48)
        return
    epochs, passes, _ = budget.in_time(1, left, speed, examples, 48)
    assert 1 <= epochs <= 20
    assert passes >= 1
    used = epochs * (passes * examples * step / 48 + evaluation)
    assert 0.98 * left <= used <= left * (1 + 1e-9)
    assert epochs * evaluation <= 0.1 * left or epochs == 1


def test_minutes_that_are_too_short_are_told_which_are_not():
    speed = Speed(5, 0.01, 2)
    with pytest.raises(TrainerError) as caught:
        budget.in_time(0.15, 9 - 8, speed, 6000, 48)
    assert "\n" not in f"{caught.value}"
    assert "Give --minutes=1, or fewer images" in f"{caught.value}"
    assert budget.in_time(1, 60 - 8, speed, 6000, 48).epochs > 1
