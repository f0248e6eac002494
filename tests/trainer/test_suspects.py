"""`python -m trainer.suspects`: what it names, and that `pack` takes it back."""

import csv

import numpy as np
import processes
import pytest
from idx_files import bars, write_arrays

from mnist_idx_tfds import idx_set
from mnist_idx_tfds.idx import IdxError
from trainer import suspects
from trainer.errors import TrainerError
from trainer.run import folds, trial

NAMES = ("top", "@middle", "bottom")
WRONG = {"train": (4, 31), "test": (7,)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder, with a set of bars in `DIR`, three of whose labels are wrong."""
    folder = tmp_path_factory.mktemp("user")
    arrays = {"train": bars(48), "test": bars(12, 1)}
    for part, items in WRONG.items():
        labels = arrays[part][1]
        labels[[*items]] = (labels[[*items]] + 1) % 3
    write_arrays(folder / "DIR", arrays)
    (folder / "DIR" / "labels.txt").write_text("".join(f"{n}\n" for n in NAMES))
    return folder


@pytest.fixture
def look(monkeypatch, folder):
    """Looks for wrong labels in a folder, with networks that are small and quick."""
    short = folds._LENGTH._replace(passes=1, least=2000, most=2000)
    monkeypatch.setattr(folds, "_LENGTH", short)
    monkeypatch.setattr(folds, "_MODEL", "cnn")
    monkeypatch.setattr(folds, "_TRIAL", 0.1)
    monkeypatch.setattr(trial, "_STEPS", 2)

    def look(out, idx_dir="DIR"):
        given = {"data_dir": f"{folder / 'data'}", "device": "cpu"}
        suspects.look(f"{folder / idx_dir}", f"{out}", **given)

    return look


def rows_of(out):
    with (out / "suspects.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def examples(folder):
    """Part, pixels and class of each image of a set, sorted."""
    opened = idx_set.IdxSet(folder)
    return sorted(
        (part, image.tobytes(), opened.names[label].lstrip("'"))
        for part in opened.parts
        for image, label in zip(*opened[part].load(), strict=True)
    )


@pytest.fixture(scope="module")
def found(folder):
    """Where the first test writes what the others read."""
    return folder / "OUT"


def test_wrong_labels_are_named_first_and_the_time_beforehand(look, found, capsys):
    look(found)
    out = capsys.readouterr().out
    said = (
        "4 networks, each trained on three of 4 parts and asked about the fourth: about"
    )
    assert out.index(said) < out.index("network 1 of 4")
    rows = rows_of(found)
    assert len(rows) == 60
    named = {
        (row["split"], int(row["path"].split("/")[-1].removesuffix(".png")))
        for row in rows[:3]
    }
    assert named == {(part, n) for part, items in WRONG.items() for n in items}
    assert all(row["label"] == row["given"] for row in rows)
    assert all(row["suggested"] != row["given"] for row in rows[:3])
    page = (found / "suspects.html").read_text(encoding="utf-8")
    assert page.count("<img ") == sum(row["suggested"] != row["given"] for row in rows)
    assert "given <b>bottom</b>" in page
    assert str(found / "suspects.csv") in page


def test_pack_takes_the_table_back(found, folder, run_module):
    """As it is, or with all that is suggested."""
    table, packed = found / "suspects.csv", []
    for name, flags in (("SAME", ()), ("SUGGESTED", ("--label_column=suggested",))):
        code, _, err = run_module("mnist_idx_tfds.pack", table, folder / name, *flags)
        assert (code, err) == (0, "")
        packed.append(examples(folder / name))
    assert packed[0] == examples(folder / "DIR")
    right = {"train": bars(48), "test": bars(12, 1)}
    assert packed[1] == sorted(
        (part, image.tobytes(), NAMES[label])
        for part, (images, labels) in right.items()
        for image, label in zip(images[..., None], labels, strict=True)
    )


def test_the_same_seed_gives_the_same_table(look, found, tmp_path):
    look(tmp_path / "OUT")
    again, first = (path / "suspects.csv" for path in (tmp_path / "OUT", found))
    assert again.read_bytes() == first.read_bytes()


def test_classes_are_not_weighed_however_uneven_they_are(look, tmp_path, capsys):
    """Of the smallest the wrong labels would weigh the most."""
    images, labels = bars(96)
    picked = np.flatnonzero((labels == 0) | (np.arange(96) % 24 == 1))
    uneven = images[picked], labels[picked]
    assert (uneven[1] == 0).mean() > 0.8
    write_arrays(tmp_path / "uneven", {"train": uneven, "test": uneven})
    look(tmp_path / "out", tmp_path / "uneven")
    assert "weighed alike" not in capsys.readouterr().out


def test_a_folder_that_holds_something_is_refused_before_training(look, found, capsys):
    with pytest.raises(IdxError, match="folder: expected an empty folder, or none"):
        look(found)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(48, int), "expected two classes"),
        (
            np.arange(48) // 24 + (np.arange(48) > 45),
            "expected 4 images of each class, one for each of 4 folds, found 2 of 2. Add",
        ),
        (np.arange(48) // 3, "found 3 of 0 and of 14 more classes"),
    ],
)
def test_what_cannot_be_shared_out_is_one_line(look, tmp_path, labels, says):
    images, _ = bars(48)
    test = images[:12], np.full(12, min(1, labels.max()))
    write_arrays(tmp_path / "DIR", {"train": (images, labels), "test": test})
    with pytest.raises(TrainerError) as caught:
        look(tmp_path / "OUT", tmp_path / "DIR")
    assert says in f"{caught.value}"
    assert "\n" not in f"{caught.value}"


def test_a_test_part_smaller_than_the_folds_is_shared_out_too(look, tmp_path):
    write_arrays(tmp_path / "DIR", {"train": bars(24), "test": bars(1, 1)})
    look(tmp_path / "OUT", tmp_path / "DIR")
    assert len(rows_of(tmp_path / "OUT")) == 25


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--out=x"], "--idx_dir"),
        (["--idx_dir=x"], "--out"),
        (["--idx_dir=x", "--out="], "--out"),
        (["--idx_dir=x", "--out=y", "--seed=-1"], "--seed=-1"),
        (["--idx_dir=x", "--out=y", "z"], "unexpected argument 'z'"),
    ],
)
def test_a_wrong_command_is_one_line_before_anything_heavy(
    nothing_heavy, args, message
):
    result = processes.run("trainer.suspects", *args, path=nothing_heavy)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.suspects: ")
    assert message in line
