"""Which pictures are found in folders, and in which order."""

import os

import pytest

from trainer.picture import listing


@pytest.fixture
def root(tmp_path):
    for name in ("b/2.png", "b/1.png", "a.png", "c/d/3.png"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "root"


def opened(*files):
    said = []
    return list(listing.opened(map(str, files), said.append)), said


def test_files_stay_and_folders_become_what_is_in_them_sorted(root):
    names = ("a.png", "b/1.png", "b/2.png", "c/d/3.png")
    expected = ["gone.png", *[f"{root / name}" for name in names], f"{root}/a.png"]
    assert opened("gone.png", root, root / "a.png") == (expected, [])


def test_what_is_hidden_is_passed_over(root):
    for name in (".DS_Store", ".git/x.png", "THUMBS.DB", "b/Desktop.ini", "@eaDir/x"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    assert len(opened(root)[0]) == 4


def test_the_home_folder_is_known_by_its_sign(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root))
    assert opened("~/c")[0] == [f"{root}/c/d/3.png"]


def test_links_to_folders_are_followed_but_not_to_those_above(root, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "4.png").touch()
    (root / "e").symlink_to(tmp_path / "other")
    (root / "c" / "d" / "up").symlink_to(root)
    found, said = opened(root)
    assert len(found) == 5
    assert found[-1] == f"{root}/e/4.png"
    expected = f"no link to a folder that it is in, found one to {root.resolve()}"
    assert said == [f"{root}/c/d/up: folder: expected {expected}. Remove it."]


def test_a_folder_without_pictures_is_said(tmp_path):
    expected = f"{tmp_path}: folder: expected at least one picture, found none."
    assert opened(tmp_path) == ([], [expected])


def test_a_folder_that_cannot_be_read_is_said_and_the_rest_found(root, monkeypatch):
    """By the error of the system, since for root no folder is closed."""
    scandir = os.scandir

    def refused(path):
        if path == f"{root}/b":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found, said = opened(root)
    assert found == [f"{root}/a.png", f"{root}/c/d/3.png"]
    expected = "one that can be read, found an error: permission denied"
    assert said == [f"{root}/b: folder: expected {expected}."]
