"""What is known of data sets of TFDS by their names."""

import pytest

from mnist_idx_tfds import by_name


@pytest.mark.parametrize(
    ("name", "transposed"),
    [
        ("emnist", True),
        ("emnist/letters", True),
        ("emnist/byclass/3.1.0", True),
        ("emnist:3.1.0", True),
        ("emnist_mine/letters", False),
        ("mnist_idx_tfds/emnist-letters/1.0.0", False),
        ("kmnist/3.0.1", False),
    ],
)
def test_emnist_alone_is_stored_on_its_side(name, transposed):
    assert by_name.is_transposed(name) == transposed
