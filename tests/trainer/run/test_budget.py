"""How long a set is trained on where no flag says it."""

import pytest

from trainer.run import budget

SHAPE = (28, 28, 1)
COUNTS = [1, 2, 10, 100, 375, 400, 1000, 7500, 10_000, 20_000, 60_000, 319_999, 10**6]
SHAPES = [(8, 8, 1), (16, 16, 1), SHAPE, (64, 64, 3), (150, 150, 3), (1000, 800, 3)]


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        # 120,000 images at least.
        (10, (20, 600)),
        (1000, (20, 6)),
        (7500, (16, 1)),
        # Sixteen passes.
        (10_000, (16, 1)),
        (20_000, (16, 1)),
        # 480,000 images at most.
        (60_000, (8, 1)),
        # And one pass at least.
        (1_000_000, (1, 1)),
    ],
)
def test_passes_of_mnists_size_by_number(examples, expected):
    assert budget.of(examples, SHAPE) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        # 3.1 times as many of 16 x 16, which smaller ones take as long as.
        ((16, 16, 1), (16, 3)),
        ((8, 8, 1), (16, 3)),
        # Color costs next to nothing, unlike the size.
        ((28, 28, 3), (16, 1)),
        ((64, 64, 3), (7, 1)),
        ((150, 150, 1), (6, 1)),
        ((300, 300, 1), (3, 1)),
    ],
)
def test_passes_of_ten_thousand_by_size(shape, expected):
    assert budget.of(10_000, shape) == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("examples", COUNTS)
def test_there_is_a_pass_and_no_more_than_20_epochs(examples, shape):
    epochs, passes = budget.of(examples, shape)
    assert 1 <= epochs <= 20
    assert passes >= 1
    # More than one only where twenty epochs of one would be too few.
    assert passes == 1 or epochs > 10


@pytest.mark.parametrize("examples", COUNTS)
def test_what_is_seen_in_all_is_within_bounds_or_one_pass(examples):
    """But for passes that are whole: a half of one, and one in twenty-one."""
    epochs, passes = budget.of(examples, SHAPE)
    seen = epochs * passes * examples
    assert seen >= 120_000 * 20 / 21
    assert seen <= 480_000 * 4 / 3 or (epochs, passes) == (1, 1)


@pytest.mark.parametrize("examples", COUNTS)
def test_larger_images_have_no_more_passes(examples):
    seen = [epochs * passes for epochs, passes in (budget.of(examples, s) for s in SHAPES)]
    assert sorted(seen, reverse=True) == seen
