"""The benchmarks run, on a few digits; how long anything takes is not tested."""

import contextlib
import io
import json

import pytest
from absl import flags
from absl.testing import flagsaver

from benchmarks import __main__ as main
from benchmarks import measure

pytestmark = pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")

ROWS = {
    "build": ["build"],
    "first_pass": ["first_pass"],
    "later_passes": ["later_passes, batches of 100", "later_passes, batches of 128"],
    "train": ["train, NumPy", "train, guide"],
    "to_99": ["to_99"],
    "start": ["start, help", "start, first step"],
    "scale": [
        "scale, build 100",
        "scale, build 200",
        "scale, pass 100",
        "scale, pass 200",
    ],
}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What one run of all parts printed, and its JSON file."""
    from tensorflow_datasets.image_classification import mnist

    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "tmp").mkdir()
    stdout = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        flagsaver.flagsaver(),
        contextlib.redirect_stdout(stdout),
    ):
        patch.delenv("MNIST_IDX_DIR", raising=False)
        # In this process, to spare the imports. What that would change is put back.
        patch.setattr(measure, "fresh", lambda function, *args: (function(*args), 1))
        patch.setattr(mnist.MNIST, "URL", mnist.MNIST.URL)
        for name in ("_TRAIN_EXAMPLES", "_TEST_EXAMPLES"):
            patch.setattr(mnist, name, getattr(mnist, name))
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        options = {
            "train_examples": 256,
            "test_examples": 100,
            "pairs": 1,
            "warm_up": "false",
            "target": 0,
            "sizes": "100,200",
            "tmp_dir": folder / "tmp",
            "json": folder / "result.json",
        }
        flags.FLAGS(["benchmarks", *(f"--{k}={v}" for k, v in options.items())])
        main.main(["benchmarks"])
    assert list((folder / "tmp").iterdir()) == []
    return stdout.getvalue(), json.loads((folder / "result.json").read_text())


@pytest.mark.parametrize("part", ROWS)
def test_part_has_its_rows_in_table_and_json(output, part):
    text, result = output
    table = [line.split("|")[1:-1] for line in text.splitlines() if line[:1] == "|"]
    assert len({len(cells) for cells in table}) == 1
    records = {record["part"]: record for record in result["rows"]}
    for name in ROWS[part]:
        assert [cells[0].strip() for cells in table].count(name) == 1
        (ours,), (peer,) = records[name]["ours"], records[name]["peer"]
        assert ours > 0
        assert records[name]["ratio"]["median"] == pytest.approx(peer / ours)


def test_every_part_is_tested(output):
    assert len(output[1]["rows"]) == sum(map(len, ROWS.values()))
    assert list(ROWS) == list(main._PARTS)


def test_output_says_what_was_measured_where(output):
    line = output[0].partition("\n\n| part ")[0].splitlines()[-1]
    assert line.startswith("256 and 100 images (rendered digits); ")
    assert output[1]["facts"]["keras"] in line


def test_function_runs_in_a_process_of_its_own_without_noise(capfd):
    result, memory = measure.fresh(str, 7)
    assert result == "7"
    assert memory > 1 << 20
    assert capfd.readouterr() == ("", "")


def test_unknown_part_is_one_line():
    with pytest.raises(SystemExit, match=r"^benchmarks: scales: expected one"):
        main.main(["benchmarks", "build", "scales"])


def test_missing_files_are_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_IDX_DIR", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with flagsaver.flagsaver():
        flags.FLAGS(["benchmarks", f"--tmp_dir={tmp_path}"])
        with pytest.raises(SystemExit, match=r"^benchmarks: .*: train images: exp"):
            main.main(["benchmarks", "build"])
    assert list(tmp_path.iterdir()) == []


def test_table_shows_median_extremes_and_whether_the_floor_is_held():
    rows = [
        measure.Row("slow", [1.0, 2.0, 4.0], [2.0, 2.0, 2.0], floor=1.5),
        measure.Row("fast", [1.0], [3.0], floor=2.0, notes="Why.", memory=(2**20, 0)),
        measure.Row("long", [1.0], [3.0], limit="5 s", within=False),
    ]
    lines = measure.table(rows).splitlines()
    slow, fast, long = ([c.strip() for c in line.split("|")] for line in lines[2:5])
    assert slow[2:9] == [
        "3",
        "2 s",
        "2 s",
        "1.00x",
        "0.50 to 2.00",
        "1.5x",
        "NO",
    ]
    assert fast[5:11] == ["3.00x", "3.00 to 3.00", "2x", "yes", "", "1 MiB and 0 MiB"]
    assert long[7:9] == ["5 s", "NO"]
    assert lines[-1] == "fast: Why."
