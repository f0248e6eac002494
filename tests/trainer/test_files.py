"""A file is replaced as a whole or not at all."""

import pytest

from trainer import files


def test_a_file_is_what_was_written_when_that_is_done(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("before")
    with files.replaced(path) as draft:
        draft.write_text("after")
        assert path.read_text() == "before"
        assert draft.suffix == ".json"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text() == "after"


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_after_an_error_it_is_what_it_was(tmp_path, error):
    path = tmp_path / "run.json"
    path.write_text("before")

    def fail():
        with files.replaced(path) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text() == "before"
