"""The benchmarks run, on a few digits; how long anything takes is not tested."""

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from idx_files import write_set
from processes import run

from benchmarks import __main__ as main
from benchmarks import accuracy, measure, pytorch

pytestmark = pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")

_TORCH, _TORCHVISION = (
    measure.installed(package) for package in ("torch", "torchvision")
)
ROWS = {
    "idx": ["idx, gzip, idx2numpy", "idx, plain, idx2numpy"]
    + ["idx, gzip, torchvision", "idx, plain, torchvision"] * _TORCHVISION,
    "build": ["build"],
    "first_pass": ["first_pass"],
    "later_passes": ["later_passes, batches of 100", "later_passes, batches of 128"],
    "augmentation": ["augmentation"],
    "train": ["train, NumPy", "train, guide"] + ["train, PyTorch"] * _TORCH,
    "jax_steps": ["jax_steps"] * measure.installed("jax"),
    "to_99": ["to_99, convnet"] + ["to_99, PyTorch"] * _TORCH,
    "whole": ["whole"],
    "start": ["start, help", "start, first step"],
    "scale": [
        "scale, build 100",
        "scale, build 200",
        "scale, pass 100",
        "scale, pass 200",
    ],
    "stream": ["stream, memory", "stream, guide", "stream, cnn", "stream, deep"],
    "beam": ["beam, 200"],
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
        patch.setattr(
            measure, "fresh", lambda function, *args, **_: (function(*args), 1)
        )
        patch.setattr(mnist.MNIST, "URL", mnist.MNIST.URL)
        for name in ("_TRAIN_EXAMPLES", "_TEST_EXAMPLES"):
            patch.setattr(mnist, name, getattr(mnist, name))
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        options = {
            "train_examples": 256,
            "test_examples": 100,
            "pairs": 1,
            "warm_up": "false",
            "target": 1e-6,
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
        assert min(ours, peer) > 0


def test_every_part_is_tested(output):
    assert len(output[1]["rows"]) == sum(map(len, ROWS.values()))
    assert list(ROWS) == list(main._PARTS)


@pytest.mark.parametrize(
    ("name", "part", "installed"),
    [
        ("torchvision", "idx", _TORCHVISION),
        ("PyTorch", "train", _TORCH),
        ("PyTorch", "to_99", _TORCH),
    ],
)
def test_peer_that_is_not_installed_is_said_under_the_table(
    output, name, part, installed
):
    notes = [line for line in output[0].splitlines() if line.startswith(f"{part}, ")]
    note = (
        f"{name} is not installed, and left out; pip install -e '.[bench]' brings it."
    )
    assert any(note in line for line in notes) != installed


def test_output_says_what_was_measured_where(output):
    line = output[0].partition("\n\n| part ")[0].splitlines()[-1]
    assert line.startswith("256 and 100 images (rendered digits); ")
    assert output[1]["facts"]["keras"] in line


def test_peer_in_pytorch_is_our_network_with_our_rates():
    torch = pytest.importorskip("torch")
    from trainer.network import architectures, optimizer

    ours = architectures.cnn((28, 28, 1), 10, pixels=(0.0, 0.5))  # As they come.
    theirs = pytorch.network()
    kernels = iter(p for p in theirs.parameters() if p.ndim > 1)
    for layer in ours.layers:
        if hasattr(layer, "kernel"):
            kernel = torch.tensor(layer.kernel.numpy())
            if kernel.ndim == 4:
                kernel = kernel.permute(3, 2, 0, 1)
            else:  # Of rows of 16 channels, where PyTorch has channels of 4 x 4.
                kernel = kernel.T.reshape(-1, 4, 4, 16).permute(0, 3, 1, 2).flatten(1)
            next(kernels).data = kernel
    images = np.random.default_rng(0).integers(0, 2, (5, 28, 28, 1), np.uint8)
    logits = theirs(torch.tensor(images).permute(0, 3, 1, 2).float())
    assert next(kernels, None) is None
    assert logits.softmax(1).detach().numpy() == pytest.approx(
        ours(images).numpy(), abs=1e-5
    )
    schedule = optimizer.Schedule(1.0, 50)
    assert [pytorch.share_of_peak(step, 50) for step in range(50)] == pytest.approx(
        [float(schedule(step)) for step in range(50)], abs=1e-6
    )


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


def test_ratio_is_how_many_times_as_fast_as_the_peer_pair_by_pair():
    """Its median is not the ratio of the medians, 4 / 2."""
    row = measure.Row("any", ours=[2.0, 1.0, 4.0], peer=[3.0, 4.0, 20.0], floor=5.0)
    assert row.ratios == [1.5, 4.0, 5.0]
    record = measure.record(row)
    assert record["ratio"] == {"median": 4.0, "min": 1.5, "max": 5.0}
    assert record["held"] is False


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


def _accuracy(*args):
    """Runs `python -m benchmarks accuracy`; returns it and the cells of its tables."""
    done = run("benchmarks", "accuracy", *args)
    tables = [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
        for text in done.stdout.split("\n\n")
        if text.startswith("| set")
    ]
    return done, tables


def _column(table, name):
    at = table[0].index(name)
    return [row[at] for row in table[2:]]


def test_accuracy_has_every_column_and_keeps_each_run(tmp_path):
    pytest.importorskip("sklearn")
    write_set(tmp_path / "sets" / "three", num_classes=3, shape=(16, 16), train=30)
    done, (accuracies, costs) = _accuracy(
        f"--sets={tmp_path / 'sets'}",
        "--seeds=1",
        "--trainer_flags=--epochs=1",
        f"--out={tmp_path / 'runs'}",
    )
    assert done.returncode == 0, done.stderr
    assert accuracies[0] == [
        "set",
        "train images",
        "classes",
        "majority",
        "SVC(C=10)",
        "ExtraTrees(300)",
        "keras.io's convnet",
        "ours",
        "ours, --model=cnn",
    ]
    assert [row[:3] for row in accuracies[2:]] == [["three", "30", "3"]]
    assert costs[0][1:] == accuracies[0][4:]
    lines = (tmp_path / "runs").read_text().splitlines()
    runs = [json.loads(line) for line in lines]
    assert [r["set"] for r in runs] == ["three"] * 5
    assert all(r["seconds"] > 0 and r["memory"] > 1 << 25 for r in runs)
    for name, column in zip(accuracies[0][4:], accuracy.COLUMNS, strict=True):
        found = [f"{r['accuracy']:.4f}" for r in runs if r["column"] == column]
        assert _column(accuracies, name) == found


def test_accuracy_runs_only_what_its_file_lacks(tmp_path):
    write_set(tmp_path / "sets" / "one", shape=(16, 16))
    out = tmp_path / "runs"
    recorded = accuracy.Run("one", "ours", 0, [], 0.25, 3.0, 1 << 30)
    out.write_text(json.dumps(dataclasses.asdict(recorded)) + "\n")
    done, (accuracies, costs) = _accuracy(
        f"--sets={tmp_path / 'sets'}", "--seeds=1", "--only=ours", f"--out={out}"
    )
    assert done.returncode == 0, done.stderr
    assert _column(accuracies, "ours") == ["0.2500"]
    assert _column(costs, "ours") == ["3 s, 1,024 MiB"]
    assert len(out.read_text().splitlines()) == 1


def test_accuracy_says_which_run_failed_and_why(tmp_path):
    write_set(tmp_path / "sets" / "tiny", shape=(2, 2))  # Too small for the network.
    out = tmp_path / "runs"
    done, _ = _accuracy(
        f"--sets={tmp_path / 'sets'}", "--seeds=1", "--only=cnn", f"--out={out}"
    )
    assert "tiny: ours, --model=cnn with seed 0 failed: trainer: " in done.stdout
    assert not out.exists()


def test_majority_is_the_training_parts_most_frequent_answer(tmp_path):
    write_set(tmp_path / "sets" / "one", num_classes=3, train=10, test=4)
    (one,) = accuracy._sets(tmp_path / "sets", tmp_path)
    # Labels are 2, 1, 0, 2, 1, 0 ...: of ten four are 2, of the test's four two.
    assert (one.train_images, one.classes, one.majority) == (10, 3, 0.5)


def test_accuracy_table_shows_mean_lowest_and_highest_of_the_seeds():
    one = accuracy.Set("one", None, 10, 3, 0.5)
    runs = [
        accuracy.Run("one", "ours", seed, [], value, seconds, memory << 20)
        for seed, value, seconds, memory in ((0, 0.5, 1, 7), (1, 0.75, 2, 5))
    ]
    text = accuracy.table([one], runs, 3, ["A note."])
    assert "| 0.6250 (0.5000 to 0.7500) |" in text
    assert "| 1.5 s, 7 MiB |" in text
    assert text.splitlines()[-2:] == ["A note.", "one: ours of 2 seeds."]


def test_accuracy_skips_svc_on_many_images_and_says_so(monkeypatch, capsys, tmp_path):
    pytest.importorskip("sklearn")
    write_set(tmp_path / "sets" / "one", train=10)
    columns = accuracy._COLUMNS
    limited = dataclasses.replace(columns["svc"], most_images=9)
    monkeypatch.setitem(columns, "svc", limited)
    accuracy.run(tmp_path / "sets", tmp_path, 1, ["svc"], [], None)
    assert "one: no SVC(C=10), which would take hours" in capsys.readouterr().out


def test_accuracy_without_sets_takes_those_at_hand(tmp_path):
    pytest.importorskip("sklearn")
    done, (accuracies, _) = _accuracy("--seeds=1", "--only=svc")
    assert done.returncode == 0, done.stderr
    assert [row[:3] for row in accuracies[2:]] == [
        ["rendered digits", "4,000", "10"],
        ["load_digits", "1,437", "10"],
    ]
    assert all(float(found) > 0.9 for found in _column(accuracies, "SVC(C=10)"))


def test_accuracy_without_scikit_learn_says_so(monkeypatch, capsys, tmp_path):
    write_set(tmp_path / "sets" / "one")
    monkeypatch.setattr(accuracy, "_SKLEARN", False)
    accuracy.run(tmp_path / "sets", tmp_path, 1, ["svc", "trees"], [], None)
    assert "pip install '.[bench]'" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["missing", "empty", "no_set"])
def test_folder_without_sets_is_one_line(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no_set" / "one").mkdir(parents=True)
    done, _ = _accuracy(f"--sets={tmp_path / folder}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"benchmarks: {tmp_path / folder}")
    assert done.stderr.count("\n") == 1


def test_lines_of_another_file_are_one_line(tmp_path):
    write_set(tmp_path / "sets" / "one")
    (tmp_path / "runs").write_text("{}\n")
    done, _ = _accuracy(f"--sets={tmp_path / 'sets'}", f"--out={tmp_path / 'runs'}")
    assert done.stderr.startswith(f"benchmarks: {tmp_path / 'runs'}: --out: expected")
