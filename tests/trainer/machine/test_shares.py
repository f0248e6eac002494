"""How large batches are, and how devices share them."""

import pytest

from trainer.errors import TrainerError
from trainer.machine import shares


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28, 1), 1000),
        ((64, 64, 1), 1000),
        ((64, 64, 3), 341),
        ((400, 400, 3), 8),
        ((1024, 1024, 3), 1),
        ((4000, 3000, 3), 1),
    ],
)
def test_a_network_is_asked_about_fewer_large_images_at_once(shape, expected):
    """A thousand of 400 x 400 in color took four gigabytes."""
    assert shares.at_once(shape, 1000) == expected


@pytest.mark.parametrize(
    ("size", "devices", "expected"),
    [(16, 4, 16), (12, 4, 12), (13, 4, 20), (1, 4, 4), (9, 4, 12), (15, 2, 18)],
)
def test_a_batch_is_filled_up_to_an_even_size_that_whole_ones_have_not(
    size, devices, expected
):
    assert shares.filled(size, 16, devices) == expected


@pytest.mark.parametrize(("examples", "expected"), [(32, 16), (33, 1), (15, 15)])
def test_the_last_batch_has_what_is_left_or_is_whole(examples, expected):
    assert shares.last_size(examples, 16) == expected


def test_a_batch_that_cannot_be_shared_is_refused_with_one_that_can():
    with pytest.raises(TrainerError, match=r"multiple of 3.* found 16\. 18 is one"):
        shares.check(16, 3)
