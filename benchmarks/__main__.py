"""Measures this project against its peers, in pairs on the same files.

    python -m benchmarks [PART ...] [--flags]

The parts, in this order, and about how long each takes on two cores, 40 minutes in all:

    idx           1 min   the four files to arrays, and idx2numpy and torchvision
    build         3 min   the four files to a TFDS data set, and TFDS's own mnist
    first_pass    2 min   over the training images, and TFDS's Keras guide
    later_passes  1 min   over the training images, and TFDS's Keras guide
    augmentation  1 min   images changed at random, and the network that they are for
    train         4 min   an epoch of fit, and plain fit on NumPy arrays and the guide,
                          and PyTorch
    jax_steps     3 min   an epoch of fit on JAX, and the same a step at a time
    to_99         5 min   until the test split is at 99%, and keras.io's convnet, and
                          PyTorch
    whole         5 min   the same, from the command to its end
    start         1 min   to the help and to the first step, and the imports alone
    scale         5 min   60,000 to 1,000,000 rendered images, and ours in proportion
    stream        9 min   1,000,000 rendered images from disk, and from memory, and the
                          guide without its cache
    beam          3 min   1,000,000 rendered images to a TFDS data set, by two workers of
                          Apache Beam, and without it

and one that must be named, whose time is that of its sets, minutes each:

    accuracy              on each set in the folder --sets, and what needs no tuning

The files of all but the last are those of the folder that the environment variable
MNIST_IDX_DIR names, the four published ones, or rendered digits. Nothing is downloaded.
Peers that are not installed are left out, and said to be under the table.
Everything is computed on the CPU; other work on the machine spoils the times.

In the table, a ratio is how many times as fast as the peer one pair is, and memory the
most that a whole process held at once. accuracy has a table of its own.
"""

import contextlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import signal
import sys
import tempfile

from absl import app, flags

from benchmarks import (
    accuracy,
    augmentation,
    beam,
    build,
    first_pass,
    idx,
    jax_steps,
    later_passes,
    measure,
    scale,
    start,
    stream,
    to_99,
    train,
    whole,
)
from benchmarks.files import Setup
from mnist_idx_tfds import machine, render_digits
from mnist_idx_tfds.idx import IdxError
from trainer.errors import TrainerError

_PARTS = {
    "idx": idx.run,
    "build": build.run,
    "first_pass": first_pass.run,
    "later_passes": later_passes.run,
    "augmentation": augmentation.run,
    "train": train.run,
    "jax_steps": jax_steps.run,
    "to_99": to_99.run,
    "whole": whole.run,
    "start": start.run,
    "scale": scale.run,
    "stream": stream.run,
    "beam": beam.run,
}

_ACCURACY = "accuracy"  # Not one of all: its peers are no pairs, and it takes hours.

_PAIRS = flags.DEFINE_integer("pairs", 5, "Measured pairs a part.", lower_bound=1)
_WARM_UP = flags.DEFINE_bool(
    "warm_up", True, "Once more before these, where it is not counted."
)
_JSON = flags.DEFINE_string("json", None, "File to write all timings to, as JSON.")
_TMP_DIR = flags.DEFINE_string(
    "tmp_dir", None, "Where to make the folder that all is written to, and removed."
)
_TRAIN = flags.DEFINE_integer(
    "train_examples", 60_000, "Training digits to render, without MNIST_IDX_DIR."
)
_TEST = flags.DEFINE_integer(
    "test_examples", 10_000, "Test digits to render, without MNIST_IDX_DIR."
)
_TARGET = flags.DEFINE_float("target", 0.99, "Test accuracy that to_99 goes for.")
_SIZES = flags.DEFINE_list(
    "sizes",
    ["60000", "240000", "1000000"],
    "Numbers of training digits of scale; stream and beam have the largest.",
)
_SETS = flags.DEFINE_string(
    "sets",
    None,
    "Folder of sets for accuracy, each a folder of four IDX files; without it, rendered "
    "digits and those of scikit-learn.",
)
_SEEDS = flags.DEFINE_integer(
    "seeds", 3, "Runs of accuracy on each set.", lower_bound=1
)
_ONLY = flags.DEFINE_multi_enum(
    "only",
    list(accuracy.COLUMNS),
    list(accuracy.COLUMNS),
    "Column of accuracy to run; may be given several times.",
)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "File that accuracy appends each run to, as a line of JSON; what it has already is "
    "not run again.",
)
_TRAINER_FLAGS = flags.DEFINE_string(
    "trainer_flags", "", "Further flags of our runs in accuracy, such as --epochs=1."
)


def main(argv: list[str]) -> None:
    """Runs the parts that were named, or all."""
    names = argv[1:] or list(_PARTS)
    if unknown := set(names) - {*_PARTS, _ACCURACY}:
        parts = ", ".join([*_PARTS, _ACCURACY])
        sys.exit(f"benchmarks: {', '.join(unknown)}: expected one or more of {parts}.")
    # Keras would compile the peers for a GPU that it finds, even a hidden one.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with tempfile.TemporaryDirectory(
        prefix="benchmarks-", dir=_TMP_DIR.value
    ) as folder:
        try:
            if parts := [name for name in names if name in _PARTS]:
                _compare(parts, pathlib.Path(folder))
            if _ACCURACY in names:
                _grade(pathlib.Path(folder))
        except (IdxError, TrainerError) as e:
            sys.exit(f"benchmarks: {e}")


def _compare(names: list[str], folder: pathlib.Path) -> None:
    setup = _setup(folder)
    facts, rows = _facts(setup), []
    try:
        for name in names:
            rows += _PARTS[name](setup)
    finally:
        if rows:  # Worth having, whatever happened next.
            _report(facts, rows)


def _grade(folder: pathlib.Path) -> None:
    print("; ".join(_machine("scikit-learn").values()), "", sep="\n")
    accuracy.run(
        _SETS.value and pathlib.Path(_SETS.value).expanduser().resolve(),
        folder,
        _SEEDS.value,
        _ONLY.value,
        shlex.split(_TRAINER_FLAGS.value),
        _OUT.value and pathlib.Path(_OUT.value),
    )


def _report(facts: dict[str, str], rows: list[measure.Row]) -> None:
    print("; ".join(facts.values()), "", measure.table(rows), sep="\n")
    if _JSON.value:
        records = [measure.record(row) for row in rows]
        text = json.dumps({"facts": facts, "rows": records}, indent=2)
        pathlib.Path(_JSON.value).write_text(text + "\n")


def _setup(work: pathlib.Path) -> Setup:
    given = os.environ.get("MNIST_IDX_DIR")
    idx_dir = pathlib.Path(given).expanduser() if given else work / "digits"
    if not given:
        measure.progress("the digits", "render")
        render_digits.write_set(idx_dir, _TRAIN.value, _TEST.value, seed=0)
    return Setup(
        idx_dir=idx_dir,
        published=bool(given),
        work=work,
        pairs=_PAIRS.value,
        warm_up=_WARM_UP.value,
        target=_TARGET.value,
        sizes=sorted(map(int, _SIZES.value)),
    )


def _facts(setup: Setup) -> dict[str, str]:
    """Returns what the numbers depend on."""
    name = "MNIST" if setup.published else "rendered digits"
    counts = " and ".join(f"{count:,}" for count in setup.examples.values())
    return {
        "files": f"{counts} images ({name})",
        **_machine("tensorflow-datasets", "torch"),
    }


def _machine(*packages: str) -> dict[str, str]:
    """Returns what computes; of the packages those that are installed."""
    versions = {}
    for name in ("tensorflow", "keras", *packages):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = f"{name} {importlib.metadata.version(name)}"
    return {
        "cores": f"{machine.cores()} cores",
        "python": f"Python {platform.python_version()}",
        **versions,
    }


def _terminate(*_) -> None:
    """Ends the run so that what was measured is printed and the folder removed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # timeout sends it twice.
    sys.exit("benchmarks: terminated")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    app.run(main)
