"""A file is replaced as a whole or not at all."""

import os

import pytest

from mnist_idx_tfds import whole_files


def test_a_file_is_what_was_written_when_that_is_done(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("before")
    with whole_files.replaced(path) as draft:
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
        with whole_files.replaced(path) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text() == "before"


@pytest.mark.parametrize("there", [True, False])
def test_behind_a_symbolic_link_it_is_the_file_that_is_replaced(tmp_path, there):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "file"
    if there:
        path.write_text("before")
    (tmp_path / "link.json").symlink_to(path)
    with whole_files.replaced(tmp_path / "link.json") as draft:
        assert draft.name == "link.json"  # Programs go by how a name ends.
        draft.write_text("after")
    assert (tmp_path / "link.json").readlink() == path
    assert path.read_text() == "after"
    assert list((tmp_path / "data").iterdir()) == [path]


def test_drafts_of_one_file_and_its_neighbors_are_apart(tmp_path):
    """Two who write the same file at once, and a file that is called as a draft was."""
    (tmp_path / ".run.json").write_text("another file")
    path = tmp_path / "run.json"
    with whole_files.replaced(path) as one:
        one.write_text("one")
        with whole_files.replaced(path) as two:
            two.write_text("two")
    assert path.read_text() == "one"
    assert (tmp_path / ".run.json").read_text() == "another file"


def test_its_bytes_are_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(file):
        fsync(file)
        done.append("synced")

    def replaced(source, target):
        replace(source, target)
        done.append("replaced")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with whole_files.replaced(tmp_path / "run.json") as draft:
        draft.write_text("after")
    assert done == ["synced", "replaced"]


def _pipe(path):
    os.mkfifo(path)


def _circle(path):
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkdir, "is a folder"),
        (_pipe, "is no regular file"),
        (_circle, "Too many levels of symbolic links"),
    ],
)
def test_what_is_no_file_is_refused_and_stays(tmp_path, make, says):
    path = tmp_path / "run.json"
    make(path)
    before = path.lstat()
    for write in (whole_files.check, whole_files.replaced(path).__enter__):
        with pytest.raises(OSError, match=f"{says}: '{path}'"):
            write(*[path] * (write is whole_files.check))
    assert path.lstat() == before


def test_a_folder_that_is_missing_is_named_by_the_path_that_was_asked_for(tmp_path):
    path = tmp_path / "missing" / "run.json"
    with pytest.raises(FileNotFoundError) as caught:
        whole_files.check(path)
    assert caught.value.filename == f"{path}"


def test_what_takes_a_name_is_on_the_disk_before(tmp_path, monkeypatch):
    """Else the name could be there without its bytes after a crash of the machine."""
    done = []
    monkeypatch.setattr(os, "fsync", lambda number: done.append("on the disk"))
    with whole_files.replaced(tmp_path / "run.json") as draft:
        draft.write_text("after")
        replace = type(draft).replace
        monkeypatch.setattr(
            type(draft), "replace", lambda *both: (done.append("named"), replace(*both))
        )
    assert done == ["on the disk", "named"]
