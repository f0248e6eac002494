"""How accurate is it on anyone's images, in what time and memory?

Ours is `python -m trainer --idx_dir=SET` with its defaults, and with `--model=cnn`; the
peers are in `classifiers.py`, and the majority: always the most frequent answer of the
training part. Each run is a process of its own, trains on the four IDX files of a set
and is graded on its test part. The seconds are from its start to its end, the first use
of the files included; the memory is the most that it held at once.
"""

import dataclasses
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from benchmarks import measure, trainer_log
from mnist_idx_tfds import idx, idx_set

_SVC_IMAGES = 30_000  # Above, its time, which grows with the square, is hours.
_FINAL = re.compile(r"^final  .*test_accuracy (\S+)", re.MULTILINE)
_SKLEARN = measure.installed("sklearn")


@dataclasses.dataclass(frozen=True)
class _Column:
    title: str
    seeded: bool = True
    of_sklearn: bool = False
    most_images: int | None = None


_COLUMNS = {
    "svc": _Column("SVC(C=10)", False, True, _SVC_IMAGES),
    "trees": _Column("ExtraTrees(300)", of_sklearn=True),
    "convnet": _Column("keras.io's convnet"),
    "ours": _Column("ours"),
    "cnn": _Column("ours, --model=cnn"),
}
COLUMNS = tuple(_COLUMNS)


@dataclasses.dataclass(frozen=True)
class Set:
    """A set to train on.

    Attributes:
      name: what the table calls it.
      folder: of its four IDX files.
      train_images: number of training images.
      classes: number of classes.
      majority: accuracy of always giving the most frequent answer.
    """

    name: str
    folder: pathlib.Path
    train_images: int
    classes: int
    majority: float


@dataclasses.dataclass(frozen=True)
class Run:
    """What one process came to.

    Attributes:
      set: name of the set.
      column: one of `COLUMNS`.
      seed: of the run.
      flags: further flags, of ours alone.
      accuracy: on the test part, from 0 to 1.
      seconds: from the start of the process to its end.
      memory: the most that it held at once, in bytes.
    """

    set: str
    column: str
    seed: int
    flags: list[str]
    accuracy: float
    seconds: float
    memory: int


def run(
    sets_dir: pathlib.Path | None,
    work: pathlib.Path,
    seeds: int,
    only: Sequence[str],
    flags: Sequence[str],
    out: pathlib.Path | None,
) -> None:
    """Runs what `out` does not have yet, and prints the table of all.

    Args:
      sets_dir: folder whose sub-folders are sets; None for the sets at hand.
      work: folder for everything else that is written.
      seeds: number of runs of each column on each set, but for SVC.
      only: columns to run; the table has those of earlier runs, too.
      flags: further flags of the trainer.
      out: file with a line of JSON for each run, to read and to append to.

    Raises:
      IdxError: there is no such folder, or a sub-folder is not a set.
    """
    sets = _sets(sets_dir, work)
    runs = _recorded(out, list(flags))
    notes = []
    if not _SKLEARN:
        notes.append(
            "Without scikit-learn's columns and digits, because it is not installed: "
            "pip install '.[bench]'."
        )
    try:
        for one in sets:
            for name in only:
                _fill(one, name, seeds, list(flags), work, out, runs, notes)
    finally:  # Worth having, whatever happened next.
        print(table(sets, runs, seeds, notes))


def _fill(
    one: Set,
    name: str,
    seeds: int,
    flags: list[str],
    work: pathlib.Path,
    out: pathlib.Path | None,
    runs: list[Run],
    notes: list[str],
) -> None:
    """Runs a column on a set with each seed that `runs` does not have, and adds it."""
    column = _COLUMNS[name]
    if column.of_sklearn and not _SKLEARN:
        return
    if column.most_images and one.train_images > column.most_images:
        notes.append(
            f"{one.name}: no {column.title}, which would take hours on more than "
            f"{column.most_images:,} images."
        )
        return
    have = {(r.set, r.column, r.seed) for r in runs}
    for seed in range(seeds if column.seeded else 1):
        if (one.name, name, seed) in have:
            continue
        measure.progress("accuracy", one.name, column.title, f"seed {seed}")
        try:
            with tempfile.TemporaryDirectory(dir=work) as data_dir:
                command = _command(one, name, seed, flags, data_dir)
                accuracy, seconds, memory = _process(command)
        except subprocess.CalledProcessError as e:
            notes.append(
                f"{one.name}: {column.title} with seed {seed} failed: {e.output}"
            )
            continue
        runs.append(Run(one.name, name, seed, flags, accuracy, seconds, memory))
        if out:
            with out.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(dataclasses.asdict(runs[-1])) + "\n")


def _command(
    one: Set, name: str, seed: int, flags: list[str], data_dir: str
) -> list[str]:
    if name not in ("ours", "cnn"):
        return ["benchmarks.classifiers", name, str(one.folder), f"{seed}"]
    model = ["--model=cnn"] if name == "cnn" else []
    return [
        "trainer",
        f"--idx_dir={one.folder}",
        f"--data_dir={data_dir}",
        "--device=cpu",
        f"--seed={seed}",
        *model,
        *flags,
    ]


def _process(args: list[str]) -> tuple[float, float, int]:
    """Runs `python -m`, and returns the accuracy it prints, seconds and peak bytes.

    Raises:
      subprocess.CalledProcessError: it failed; `output` is its last line.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        cwd=trainer_log.ROOT,
    ) as process:
        try:
            output = process.stdout.read()
            # Not `wait`, which keeps what this process used to itself.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            process.kill()  # Where this one was interrupted.
    seconds = time.perf_counter() - start
    found = _FINAL.search(output)
    if process.returncode or not found:
        last = (output.strip().splitlines() or ["without a word"])[-1]
        raise subprocess.CalledProcessError(process.returncode, args, last)
    peak = usage.ru_maxrss
    return float(found[1]), seconds, peak if sys.platform == "darwin" else peak * 1024


def _sets(sets_dir: pathlib.Path | None, work: pathlib.Path) -> list[Set]:
    if sets_dir is None:
        folders = {
            "rendered digits": trainer_log.ROOT / "mnist_idx_tfds" / "dummy_data"
        }
        if _SKLEARN:
            measure.progress("accuracy", "write load_digits")
            folders["load_digits"] = work / "load_digits"
            measure.fresh(write_load_digits, folders["load_digits"])
    else:
        expected = "a folder whose sub-folders have four IDX files each"
        if not sets_dir.is_dir():
            found = "a file" if sets_dir.exists() else "nothing"
            raise idx.error(sets_dir, "--sets", expected, found)
        folders = {f.name: f for f in sorted(sets_dir.iterdir()) if f.is_dir()}
        if not folders:
            raise idx.error(sets_dir, "--sets", expected, "no sub-folder")
    return [_described(name, folder) for name, folder in folders.items()]


def _described(name: str, folder: pathlib.Path) -> Set:
    opened = idx_set.IdxSet(folder)
    train, test = (part.labels for part in opened.parts.values())
    return Set(
        name=name,
        folder=folder,
        train_images=len(train),
        classes=opened.num_classes,
        majority=float(np.mean(test == np.bincount(train).argmax())),
    )


def write_load_digits(folder: pathlib.Path) -> None:
    """Writes scikit-learn's digits as a set, a fifth of them to test on.

    Args:
      folder: to make. The images are enlarged from 8 x 8 to 16 x 16 pixels, and their
        values from 0 to 16 to 0 to 255.
    """
    from PIL import Image
    from sklearn import datasets, model_selection

    images, labels = datasets.load_digits(return_X_y=True)
    pixels = np.round(images.reshape(-1, 8, 8) * (255 / 16)).astype("u1")
    enlarged = [
        np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR))
        for image in pixels
    ]
    parts = model_selection.train_test_split(
        np.stack(enlarged), labels, test_size=0.2, stratify=labels, random_state=0
    )
    folder.mkdir()
    names = ("train-images", "t10k-images", "train-labels", "t10k-labels")
    for name, part in zip(names, parts, strict=True):
        path = folder / f"{name}-idx{part.ndim}-ubyte.gz"
        idx.save(path, part.astype("u1"))


def _recorded(out: pathlib.Path | None, flags: list[str]) -> list[Run]:
    """Returns the runs of a file whose flags of ours are these."""
    if not out or not out.exists():
        return []
    lines = out.read_text(encoding="utf-8").splitlines()
    try:
        runs = [Run(**json.loads(line)) for line in lines]
    except (ValueError, TypeError) as e:
        raise idx.error(out, "--out", "lines of an earlier run", "others") from e
    return [r for r in runs if r.flags == flags or r.column not in ("ours", "cnn")]


def table(
    sets: Sequence[Set], runs: Sequence[Run], seeds: int, notes: Sequence[str]
) -> str:
    """Returns accuracies, then seconds and memory, as two Markdown tables, with notes.

    Args:
      sets: a row each.
      runs: of these sets and others; a column that has none is left out.
      seeds: how many runs there should be; fewer are said in the notes.
      notes: lines to add.
    """
    names = {one.name for one in sets}
    by_cell = {}
    for r in runs:
        if r.set in names and r.seed < seeds:
            by_cell.setdefault((r.set, r.column), []).append(r)
    columns = [c for c in COLUMNS if any(c == column for _, column in by_cell)]
    titles = [_COLUMNS[c].title for c in columns]
    accuracies = [["set", "train images", "classes", "majority", *titles]]
    costs = [["set", *titles]]
    notes = [
        f"Accuracy on the test part; mean (lowest to highest) of {seeds} seeds; "
        "then seconds of a run's process, in the mean, and its most memory.",
        *notes,
    ]
    for one in sets:
        cells = [by_cell.get((one.name, c), []) for c in columns]
        size = [f"{one.train_images:,}", f"{one.classes}", f"{one.majority:.4f}"]
        accuracies.append([one.name, *size, *map(_accuracy, cells)])
        costs.append([one.name, *map(_cost, cells)])
        for column, cell in zip(columns, cells, strict=True):
            planned = seeds if _COLUMNS[column].seeded else 1
            if cell and len(cell) < planned:
                title = _COLUMNS[column].title
                notes.append(f"{one.name}: {title} of {len(cell)} seeds.")
    return "\n".join(
        [*measure.markdown(accuracies), "", *measure.markdown(costs), "", *notes]
    )


def _accuracy(runs: Sequence[Run]) -> str:
    found = [r.accuracy for r in runs]
    if len(found) < 2:
        return f"{found[0]:.4f}" if found else "-"
    return f"{statistics.mean(found):.4f} ({min(found):.4f} to {max(found):.4f})"


def _cost(runs: Sequence[Run]) -> str:
    if not runs:
        return "-"
    seconds = statistics.mean(r.seconds for r in runs)
    return f"{seconds:.3g} s, {max(r.memory for r in runs) / 2**20:,.0f} MiB"
