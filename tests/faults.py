"""Faults by the dozen: kills, signals, full disks, two at once. Prints a table.

`python tests/faults.py [RIG ...] [--trials=20]`; a few trials of each are in the suite.
"""

import argparse
import functools
import json
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import tensorflow_datasets as tfds

sys.path.insert(0, str(pathlib.Path(__file__).with_name("helpers")))  # As pytest does.

import kept_runs
import processes
from idx_files import write_set

_ATTEMPTS = 5  # To kill a process before its end.
_BUILT = "mnist_idx_tfds/tiny/1.0.0"


class Survivor:
    """A folder with tiny files to train on, and runs of them that meet faults.

    What was expected and not found is an AssertionError.

    Args:
      folder: an empty one.
      model: name of the network.
    """

    def __init__(self, folder: pathlib.Path, model: str):
        self.folder = folder
        self.arrays = write_set(folder / "files", train=600, test=100, shape=(20, 20))
        self._model = model

    def _options(self, workdir: str, data: str = "data") -> tuple[str, ...]:
        """Returns the trainer's, always the same for a work directory."""
        return (
            *("--device=cpu", "--epochs=4", "--batch_size=32", "--log_every=3"),
            f"--model={self._model}",
            f"--idx_dir={self.folder / 'files'}",
            f"--data_dir={self.folder / data}",
            f"--workdir={self.folder / workdir}",
        )

    def start(self, workdir: str, data: str = "data", **kwargs) -> subprocess.Popen:
        """Starts the trainer."""
        return processes.start("-m", "trainer", *self._options(workdir, data), **kwargs)

    def run(self, workdir: str) -> None:
        """Runs the trainer to its end."""
        _expect_good(processes.run("trainer", *self._options(workdir)))

    @functools.cached_property
    def whole(self) -> tuple[float, tuple[list[bytes], list[dict]]]:
        """Seconds from the first step on, and state, of a run that meets no fault."""
        self.run("first")  # Builds the data set.
        process = self.start("whole")
        _read_to(" step 3/", process)
        begin = time.monotonic()
        _end(process)
        return time.monotonic() - begin, self.state("whole")

    def state(self, workdir: str) -> tuple[list[bytes], list[dict]]:
        """Returns all bits of a run's checkpoint, and its metrics but for the speed."""
        arrays = kept_runs.bits(self.folder / workdir)
        records = kept_runs.records(self.folder / workdir)
        for record in records:
            record.pop("images_per_second", None)
        return arrays, records

    def ends_as_the_whole(self, workdir: str) -> None:
        """Runs to the end, which must be the one of a run that met no fault."""
        self.run(workdir)
        _, whole = self.whole
        _expect(self.state(workdir) == whole, f"{workdir}: another end")

    def kill_training(self, trial: int, moment: float) -> None:
        """SIGKILL at a share of a run's time after its first step, then the same again."""

        def start() -> subprocess.Popen:
            process = self.start(f"killed{trial}")
            _read_to(" step 3/", process)
            return process

        seconds, _ = self.whole
        last = self.folder / f"killed{trial}" / "report.html"
        _kill(start, last, moment * seconds)
        self.ends_as_the_whole(f"killed{trial}")

    def signal_training(self, trial: int, moment: float) -> None:
        """SIGINT or SIGTERM after a share of the lines, then the same command again."""
        number = (signal.SIGINT, signal.SIGTERM)[trial % 2]
        process = self.start(f"signalled{trial}")
        for _ in range(1 + int(moment * 30)):
            process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate()
        _expect(process.returncode == 128 + number, f"{process.returncode}: {err}")
        self.ends_as_the_whole(f"signalled{trial}")

    def fill_disk_in_training(self, trial: int, moment: float) -> None:
        """A checkpoint that finds no room, after one that did."""
        name = f"full{trial}"
        process = self.start(name)
        _read_to(" step 3/", process)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        before = self.state(name)
        err = _fail(self.start(name, preexec_fn=_limit(20_000)))
        _expect("file too large" in err, err)
        _expect(self.state(name)[0] == before[0], "the checkpoint changed")
        self.ends_as_the_whole(name)

    def kill_build(self, trial: int, moment: float) -> None:
        """SIGKILL at a share of a build's time after its first step, then a build."""
        data = self.folder / f"killed{trial}"
        start = functools.partial(self._begun_build, data)
        _kill(start, data / _BUILT, moment * self._build_seconds)
        _end(self._build(data))
        self._is_good(data)

    def fill_disk_in_build(self, trial: int, moment: float) -> None:
        """A build that finds no room, then one that does."""
        data = self.folder / f"full{trial}"
        err = _fail(self._build(data, preexec_fn=_limit(100_000)))
        _expect("Nothing half built was kept" in err, err)
        _expect(not list(data.glob("*/*/*1.0.0*")), "something was kept")
        _end(self._build(data))
        self._is_good(data)

    def two_builds(self, trial: int, moment: float) -> None:
        """Two builds of the same data at once."""
        data = self.folder / f"two{trial}"
        for process in [self._build(data) for _ in range(2)]:
            _end(process)
        self._is_good(data)

    def two_trainers(self, trial: int, moment: float) -> None:
        """Two runs at once that both find their data missing."""
        both = [self.start(f"two{trial}{i}", f"two{trial}") for i in range(2)]
        for process in both:
            _end(process)
        _expect(self.state(f"two{trial}0") == self.whole[1], "another end")
        _expect(self.state(f"two{trial}1") == self.whole[1], "another end")

    def bad_servers(self, trial: int, moment: float) -> None:
        """A page, a short file, a reset, silence and others, from a server on loopback."""
        _end(
            processes.start(
                "-m", "pytest", "-n0", "tests/mnist_idx_tfds/test_mirrors.py"
            )
        )

    @functools.cached_property
    def _build_seconds(self) -> float:
        data = self.folder / "unkilled"
        process = self._begun_build(data)
        begin = time.monotonic()
        _await(data, _BUILT, process)
        seconds = time.monotonic() - begin
        _end(process)
        return seconds

    def _begun_build(self, data: pathlib.Path) -> subprocess.Popen:
        """Starts a build, and returns when it has a folder to write to."""
        process = self._build(data)
        _await(data, "mnist_idx_tfds/tiny/*1.0.0", process)
        return process

    def _build(self, data: pathlib.Path, **kwargs) -> subprocess.Popen:
        config = json.dumps({"name": "tiny", "idx_dir": f"{self.folder / 'files'}"})
        main = "tensorflow_datasets.scripts.cli.main"
        args = ("build", "mnist_idx_tfds", f"--config={config}", f"--data_dir={data}")
        return processes.start("-m", main, *args, **kwargs)

    def _is_good(self, data: pathlib.Path) -> None:
        """Every pixel and label of a data set that was built is that of the files."""
        builder = tfds.builder("mnist_idx_tfds/tiny", data_dir=data)
        for split, (images, labels) in self.arrays.items():
            loaded = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
            found = sorted(
                (image.tobytes(), int(label))
                for image, label in zip(loaded["image"], loaded["label"], strict=True)
            )
            expected = sorted(
                (image.tobytes(), int(label))
                for image, label in zip(images, labels, strict=True)
            )
            _expect(found == expected, f"{data}: {split} is not that of the files")


RIGS = (
    Survivor.kill_training,
    Survivor.signal_training,
    Survivor.fill_disk_in_training,
    Survivor.kill_build,
    Survivor.fill_disk_in_build,
    Survivor.two_builds,
    Survivor.two_trainers,
    Survivor.bad_servers,
)


def _end(process: subprocess.Popen) -> None:
    _expect_good(processes.end(process))


def _expect_good(result: subprocess.CompletedProcess) -> None:
    _expect(result.returncode == 0, f"exit code {result.returncode}: {result.stderr}")


def _fail(process: subprocess.Popen) -> str:
    result = processes.end(process)
    _expect(result.returncode == 1, f"exit code {result.returncode}: {result.stderr}")
    return result.stderr.strip()


def _read_to(text: str, process: subprocess.Popen) -> None:
    """Reads a process's output to the line that has the text."""
    for line in process.stdout:
        if text in line:
            return
    _, err = process.communicate()
    raise AssertionError(f"ended without {text!r}: {err}")


def _await(folder: pathlib.Path, name: str, process: subprocess.Popen) -> None:
    """Waits until a process has made what goes by the name in a folder, or ends."""
    while not list(folder.glob(name)):
        _expect(process.poll() is None, f"{folder}: ended without {name}")
        time.sleep(0.001)


def _kill(
    start: Callable[[], subprocess.Popen], last: pathlib.Path, seconds: float
) -> None:
    """Kills a process between its first step and its last; other kills are no trial.

    Args:
      start: starts a process, and returns it when it is past its first step.
      last: what it writes last, in a folder of its own. After a kill that came too late,
        that folder is removed, and the next one comes after half the time.
      seconds: from the first step to the kill.
    """
    for _ in range(_ATTEMPTS):
        process = start()
        time.sleep(seconds)
        process.kill()  # Does nothing to one that has ended.
        _, err = process.communicate()
        code = process.returncode
        _expect(code in (0, -signal.SIGKILL), f"exit code {code}: {err}")
        if code and not last.exists():
            return
        shutil.rmtree(last.parent)
        seconds /= 2
    raise AssertionError(f"{last}: was there before each of {_ATTEMPTS} kills")


def _limit(size: int) -> Callable[[], None]:
    """Limits the size of a file, in bytes: the disk that a test can fill at will."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _expect(condition: bool, found: str) -> None:
    if not condition:
        raise AssertionError(found)


def main() -> None:
    """Runs the rigs and prints what was tried and survived."""
    names = {rig.__name__: rig for rig in RIGS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rigs", nargs="*", metavar="RIG", help=", ".join(names))
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--model", default="deep", choices=["cnn", "deep"])
    args = parser.parse_args()
    random.seed(0)
    print("| fault | tried | survived |\n|---|---|---|", flush=True)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        survivor = Survivor(pathlib.Path(folder), args.model)
        for name in args.rigs or names:
            survived = 0
            for trial in range(args.trials):
                try:
                    names[name](survivor, trial, random.random())
                    survived += 1
                except AssertionError as e:
                    failed.append(f"{name}, trial {trial}: {e}")
            fault = names[name].__doc__.splitlines()[0]
            print(f"| {fault} | {args.trials} | {survived} |", flush=True)
    sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
