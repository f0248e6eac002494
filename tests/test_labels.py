"""The names of the classes beside a network."""

import pytest

from trainer import labels
from trainer.errors import TrainerError


def test_what_was_written_is_read(tmp_path):
    names = ("ant", "Bombus terrestris", "café")
    labels.write(tmp_path, names)
    assert labels.read(tmp_path, 3) == names
    text = (tmp_path / "labels.txt").read_bytes()
    assert text == "ant\nBombus terrestris\ncafé\n".encode()


def test_without_a_file_classes_are_numbers(tmp_path):
    assert labels.read(tmp_path, 3) == ("0", "1", "2")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"ant\nbee\n", "names: expected 3, one for each class of the model, found 2"),
        (b"ant\nbee\n\xff\n", "file: expected UTF-8 text, found other bytes"),
        (None, "file: expected UTF-8 text, found an error: is a directory"),
    ],
)
def test_another_networks_or_a_damaged_file_is_an_error(tmp_path, data, says):
    path = tmp_path / "labels.txt"
    path.mkdir() if data is None else path.write_bytes(data)
    with pytest.raises(TrainerError) as error:
        labels.read(tmp_path, 3)
    assert str(error.value).startswith(f"{path}: {says}")
