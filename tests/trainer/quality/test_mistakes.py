"""Mistakes as pictures in folders."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from trainer.errors import TrainerError
from trainer.quality import measures, mistakes


def evaluation(names, shape=(4, 3, 1), sources=None):
    """One image of each class, each taken for the class after it."""
    count = len(names)
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)

    class Next:
        def predict_on_batch(self, images):
            return np.roll(np.eye(count, dtype=np.float32), 1, axis=1)

    result = measures.evaluate(Next(), [(images, np.arange(count))], names)
    return result.with_sources(sources or [None] * count)


def rows(folder):
    with (folder / "mistakes.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_mistake_is_a_picture_by_true_and_predicted_class(tmp_path, channels):
    result = evaluation(("ant", "bee", "café"), (4, 3, channels))
    mistakes.write(tmp_path / "a" / "b", result)
    found = {p.relative_to(tmp_path / "a" / "b").as_posix(): p for p in files(tmp_path)}
    assert set(found) == {
        *("ant/bee/0.png", "bee/café/1.png", "café/ant/2.png", "mistakes.csv")
    }
    for mistake in result.mistakes:
        (path,) = (p for name, p in found.items() if f"/{mistake.index}." in name)
        pixels = np.asarray(Image.open(path)).reshape(mistake.image.shape)
        np.testing.assert_array_equal(pixels, mistake.image)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_table_has_all_that_is_known(tmp_path):
    names = ("a, b", 'say "c"')
    mistakes.write(
        tmp_path, evaluation(names, sources=["x.gz item 7: \udcff.png", None])
    )
    text = (tmp_path / "mistakes.csv").read_text("utf-8")
    assert text.startswith("index,true,predicted,probability,source,file\n")
    first, second = rows(tmp_path)
    file = first.pop("file")
    assert first == {
        **{"index": "0", "true": names[0], "predicted": names[1]},
        **{"probability": "1.0", "source": "x.gz item 7: \\udcff.png"},
    }
    assert (tmp_path / file).is_file()
    assert second["source"] == ""


def test_names_that_no_folder_can_have_stay_in_the_folder(tmp_path):
    names = (
        "a/b",
        "..",
        "",
        "/etc",
        "a_b",
        "A_B",
        "mistakes.csv",
        "x" * 300,
        "\0\ud800",
    )
    out = tmp_path / "out"
    mistakes.write(out, evaluation(names))
    assert files(tmp_path) == files(out)
    table = rows(out)
    assert len(files(out)) == len(names) + 1
    assert {(out / row["file"]).is_file() for row in table} == {True}
    assert [row["true"] for row in table][:7] == list(names)[:7]
    folders = [row["file"].split("/")[0].casefold() for row in table]
    assert len(set(folders)) == len(names)
    assert folders[0] == "a_b-0"


def test_no_mistakes_are_a_table_of_none(tmp_path):
    mistakes.write(tmp_path, evaluation(("a", "b")).with_surest(0))
    assert [path.name for path in tmp_path.iterdir()] == ["mistakes.csv"]
    assert rows(tmp_path) == []


@pytest.mark.parametrize("step", [mistakes.check, mistakes.write])
@pytest.mark.parametrize("there", ["a file", "notes.txt in it"])
def test_a_folder_with_something_in_it_is_refused(tmp_path, step, there):
    path = tmp_path / "out"
    if there == "a file":
        path.touch()
    else:
        path.mkdir()
        (path / "notes.txt").touch()
    before = files(tmp_path)
    arguments = (path,) if step is mistakes.check else (path, evaluation(("a", "b")))
    message = f"--mistakes={path}: expected an empty folder, or none, found {there}"
    with pytest.raises(TrainerError, match=message):
        step(*arguments)
    assert files(tmp_path) == before


def test_a_check_leaves_nothing(tmp_path):
    mistakes.check(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    mistakes.check(tmp_path)
    assert tmp_path.is_dir()


def test_a_check_finds_what_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        mistakes.check(tmp_path / "file" / "out")


@pytest.mark.parametrize("saves", [0, 1])
def test_a_failure_to_write_leaves_nothing(tmp_path, monkeypatch, saves):
    save, left = Image.Image.save, [None] * saves

    def fail(image, path):
        if not left:
            raise OSError(28, "No space left on device")
        left.pop()
        save(image, path)

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        mistakes.write(tmp_path / "out", evaluation(("a", "b")))
    assert os.listdir(tmp_path) == []


def test_no_cell_of_the_table_is_a_formula_and_every_path_leads_to_its_file(tmp_path):
    names = ("=1+1", "@SUM(A1)", "-")
    mistakes.write(tmp_path, evaluation(names, sources=["=A1", None, "x"]))
    table = rows(tmp_path)
    found = [(row["true"], row["predicted"], row["source"]) for row in table]
    assert found == [
        ("'=1+1", "'@SUM(A1)", "'=A1"),
        ("'@SUM(A1)", "-", ""),
        ("-", "'=1+1", "x"),
    ]
    assert not any(row["file"].startswith(tuple("=@")) for row in table)
    assert all((tmp_path / row["file"]).is_file() for row in table)
