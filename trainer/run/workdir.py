"""The folder that holds one run, and from which the run goes on after a stop."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import keras
from etils import epath

from mnist_idx_tfds import whole_files
from trainer import settings as keys
from trainer.errors import TrainerError
from trainer.network import saved
from trainer.network.card import Card
from trainer.run.checkpoint import CheckpointFile

METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.npz"
MODEL = "model.keras"
REPORT = "report.html"
# Settings in which a run may go on otherwise than it was begun, and what to say.
_BITS = "; the last bits of the result may differ"
_FREE = {
    "log_every": "",
    "device": _BITS,
    "keras": _BITS,
    "tensorflow": _BITS,
    "jax": _BITS,
}
_NOTED = {
    keys.DATA_DIR,
    keys.IDX_DIR,
}  # Settings that are not of the run: for whoever evaluates it.


@contextlib.contextmanager
def written(path: epath.Path) -> Iterator[None]:
    """Says of an error in writing, such as a full disk, which file it is about.

    Raises:
      TrainerError: with the path and the reason, instead of an OSError.
    """
    try:
        yield
    except OSError as e:
        reason = (e.strerror or str(e)).lower()
        raise TrainerError(
            f"{path}: expected to write it, found an error: {reason}. What was saved "
            "before is good; mend this and run the same command to go on from there."
        ) from e


class Workdir:
    """A run's settings, metrics, checkpoint and model, in files of one folder.

    Only one process at a time has it. A file is replaced as a whole or not at all,
    so that a kill at any moment leaves the state of the last checkpoint.

    Args:
      folder: a folder on this machine, made if it is not there.
      settings: what decides the outcome of the run, as JSON has it.
      label_names: names of the classes, in the order of their labels.

    Attributes:
      folder: where the files are.
      settings: those of the run.
      notes: what differs from how the run was begun, for people; often empty.
      records: the metrics of the run up to its checkpoint, and since.

    Raises:
      TrainerError: the folder holds another run, or one that goes on right now, or
        cannot be written.
    """

    def __init__(
        self, folder: str, settings: dict[str, Any], label_names: tuple[str, ...]
    ):
        self.folder = epath.Path(folder).expanduser()
        self.settings = json.loads(json.dumps(settings))
        with written(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock()
        try:
            for path in (self.folder / MODEL, self.folder / REPORT):
                with written(path):
                    whole_files.check(path)
            self.notes = self._compare(self.settings)
            self._write(keys.NAME, json.dumps(self.settings, indent=2) + "\n")
            with written(self.folder / saved.LABELS):
                saved.write_labels(self.folder, label_names)
            self._checkpoint = CheckpointFile(self.folder / CHECKPOINT)
            self.records = list(self._read_metrics())
            self._check_metrics()
            self._write(METRICS, "".join(map(_line, self.records)))
        except TrainerError:
            self._locked.close()
            raise

    @property
    def step(self) -> int:
        """Training steps that the checkpoint has behind it; 0 without one."""
        return self._checkpoint.step

    def restore(self, network: keras.Model) -> None:
        """Gives a network, compiled as in the run, its state at the checkpoint."""
        self._checkpoint.restore(network)

    def record(self, record: dict[str, Any]) -> None:
        """Appends to the metrics."""
        self.records.append(record)
        path = self.folder / METRICS
        with written(path), path.open("a") as metrics:
            metrics.write(_line(record))

    def save(self, network: keras.Model) -> None:
        """Writes the checkpoint: weights, optimizer and random state, bit for bit."""
        path = self.folder / METRICS
        with written(path), path.open("a") as metrics:
            os.fsync(metrics.fileno())  # The records that a checkpoint needs.
        with written(self.folder / CHECKPOINT):
            self._checkpoint.save(network)

    def save_model(self, network: keras.Model, card: Card) -> epath.Path:
        """Writes the model, for any program with Keras, and returns its path."""
        path = self.folder / MODEL
        with written(path):
            saved.save(path, network, card)
        return path

    def close(self) -> None:
        """Lets another process have the folder."""
        self._locked.close()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError as e:
            raise TrainerError(
                f"--workdir={self.folder}: expected a system with file locks, such as "
                "Linux or macOS, found another. Run without --workdir."
            ) from e
        self._locked = (self.folder / ".lock").open("w")
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise TrainerError(
                f"--workdir={self.folder}: expected no other run in it, found one that "
                "goes on right now. Wait for it, or choose another folder."
            ) from e

    def _compare(self, settings: dict[str, Any]) -> list[str]:
        path = self.folder / keys.NAME
        if not path.exists():
            if any((self.folder / name).exists() for name in (METRICS, CHECKPOINT)):
                raise self._another(f"{keys.NAME} is missing")
            return []
        try:
            begun = keys.complete(json.loads(path.read_text()))
            settings = keys.complete(settings)
            different = {
                name: f"{name} {begun.get(name)} there, {settings.get(name)} now"
                for name in {**begun, **settings}
                if begun.get(name) != settings.get(name) and name not in _NOTED
            }
        except (ValueError, TypeError, AttributeError) as e:
            raise self._another(f"{keys.NAME} cannot be read") from e
        if fixed := [different[name] for name in different if name not in _FREE]:
            raise self._another(", ".join(fixed))
        return [different[name] + _FREE[name] for name in different]

    def _another(self, difference: str) -> TrainerError:
        return TrainerError(
            f"--workdir={self.folder}: expected no run or the same, found another: "
            f"{difference}. Choose another folder, or go on with the settings in "
            f"{keys.NAME}."
        )

    def _read_metrics(self) -> Iterator[dict[str, Any]]:
        """Yields the records of the checkpoint's steps.

        What a kill or a full disk cut short comes after them.
        """
        path = self.folder / METRICS
        if path.exists():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                for line in path.read_bytes().splitlines():
                    record = json.loads(line)
                    if record["step"] > self.step:
                        return
                    yield record

    def _check_metrics(self) -> None:
        """Raises an error unless the metrics reach the checkpoint, evaluation included."""
        last = self.records[-1] if self.records else {}
        steps = self.settings.get(keys.STEPS)
        if self.step and (
            last.get("step") != self.step
            or (steps and self.step % steps == 0 and "test_accuracy" not in last)
        ):
            raise TrainerError(
                f"{self.folder / METRICS}: expected the records of {self.step:,} steps, "
                f"as many as {CHECKPOINT} has, found {last.get('step', 0):,}. Delete "
                f"{CHECKPOINT} to begin the run again."
            )

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        with written(path), whole_files.replaced(path) as draft:
            draft.write_text(text, encoding="utf-8")


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"
