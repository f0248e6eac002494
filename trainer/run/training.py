"""From what to train on, and how, as people say it, to a trained network."""

import dataclasses
import functools
import math
import numbers
import operator
import pathlib
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

from mnist_idx_tfds.foreign import shown
from trainer import settings
from trainer.data import arrays, damage, ground, overlap, pipeline, source
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine import device, peers, shares
from trainer.machine.device import Device
from trainer.network import adopted, models, parallel, precision, saved
from trainer.run import budget, loop, sharpening, trial
from trainer.run.budget import Budget
from trainer.run.hyperparameters import Hyperparameters

_FINDINGS = 3  # Lines on what is odd about the data set.
_CHOICES = {
    "augment": ("auto", "on", "off"),
    "class_weight": ("auto", "balanced", "none"),
    "feed": ("auto", "memory", "stream"),
    "model": (None, *models.MODELS),
    "pixels": (None, *adopted.RANGES),
}
_MOST = 2**31 - 1  # Of any number, as for the flags.
_MOST_MINUTES = 10**6
# Of a run's time, what its trial takes: so much of all, and no fewer or more seconds.
_TRIAL, _LEAST_TRIAL, _MOST_TRIAL = 0.02, 2, 20
# Seconds that the end of a run takes beside an evaluation, without and with a report.
_END, _REPORTED = 2, 6
# A run is so much slower than its trial, in the middle of two that differed by a fifth.
_SLOWER = 1.05


def train(
    selected: Device,
    *,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    idx_dir: str | None = None,
    dataset: str | None = None,
    transpose: str = "auto",
    model: str | None = None,
    from_model: str | None = None,
    pixels: str | None = None,
    augment: str = "auto",
    class_weight: str = "auto",
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    log_every: int = 20,
    seed: int = 0,
    train_split: str = "train",
    eval_split: str = "test",
    feed: str = "auto",
    workdir: str | None = None,
    target_accuracy: float | None = None,
    since: float | None = None,
) -> loop.Result:
    """Trains as the flags of `python -m trainer` say, which have the same names.

    Args:
      selected: what to compute on.
      data_dir: as for `source.prepare`.
      manual_dir: as for `source.prepare`.
      idx_dir: as for `source.prepare`.
      dataset: as for `source.prepare`; None for MNIST.
      transpose: as for `source.prepare`.
      model: name of the network; None for the one that is best for the data.
      from_model: path of a network whose weights to begin with.
      pixels: the range that it takes, where it is none of the trainer's; see `adopted`.
      augment: "auto", "on" or "off", whether to change images at random.
      class_weight: as of `Hyperparameters`.
      epochs: passes over the training split; None for what `budget.of` says.
      minutes: for all of it, instead, as far as this machine is alike all the time; a
        run that goes on keeps the epochs that it was begun with.
      batch_size: examples a step; None for the network's own.
      learning_rate: at its peak; None for the network's own.
      log_every: as of `Hyperparameters`.
      seed: as of `Hyperparameters`.
      train_split: TFDS split to train on.
      eval_split: TFDS split to evaluate on.
      feed: as for `pipeline.of`; "auto" goes on as a run was begun.
      workdir: as for `loop.run`.
      target_accuracy: as for `loop.run`.
      since: `time.monotonic()` from which the minutes count; None for now.

    Raises:
      TrainerError: a value cannot be used, or as of `source.prepare`, `Split` and
        `loop.run`.
      mnist_idx_tfds.idx.IdxError: as of `source.prepare`.
      signals.Interrupted: as of `loop.run`.
    """
    given = dict(locals())
    since = time.monotonic() if since is None else since
    _check(given)
    # NumPy's numbers, too, which JSON does not take.
    epochs = None if epochs is None else _whole("epochs", epochs, 1)
    batch_size = None if batch_size is None else _whole("batch_size", batch_size, 1)
    if minutes is not None:
        minutes = _above_0("minutes", minutes, _MOST_MINUTES)
        if epochs is not None:
            raise TrainerError("minutes: expected none with epochs, found both")
    log_every, seed = _whole("log_every", log_every, 0), _whole("seed", seed, 0)
    if learning_rate is not None:
        learning_rate = _above_0("learning_rate", learning_rate)
    if target_accuracy is not None:
        target_accuracy = _above_0("target_accuracy", target_accuracy, 1)
    is_mnist = budget.is_mnist(idx_dir, dataset)
    begun, digests = saved.origin(from_model) if from_model else ({}, {})
    name = model or str(begun.get(settings.MODEL))
    if name not in models.MODELS:
        name = "cnn" if is_mnist and minutes is None else ""  # Else the images decide.
        name = models.FROM_MODEL if from_model else name
    if pixels and name != models.FROM_MODEL:
        raise TrainerError(
            "pixels: expected none with a network that scales them itself, found "
            f"{pixels}"
        )
    if name:
        batch_size = _batch_size(name, batch_size, selected)
        # Before TensorFlow computes anything. The networks for one's own images have
        # all cores for each operation, as they are.
        count = parallel.parts(models.of(name), selected.cores, batch_size)
        device.share_cores(selected, count)
    builder = peers.after_first(
        lambda: source.prepare(
            data_dir, manual_dir, idx_dir, dataset or source.MNIST, transpose
        )
    )
    _print_findings(source.findings(builder), idx_dir)
    train = Split(builder, train_split, "--train_split")
    evaluation = Split(builder, eval_split, "--eval_split")
    if seen := overlap.said(builder, eval_split, begun, digests):
        print(f"odd: {seen}", flush=True)
    advice = ""
    if not name:
        with damage.named(builder):
            measured = functools.partial(ground.share, train)
            name, advice = models.default(train.image_shape, measured)
    network = models.of(name)
    batch_size = _batch_size(name, batch_size, selected)
    pipeline.check_apart(train, evaluation)  # As they were given.
    with damage.named(builder):
        train, held = sharpening.held_back(train, network)
    length = budget.of(
        train.examples,
        train.image_shape,
        epochs,
        network.epochs if is_mnist else None,
        network.length,
    )
    kept = peers.first_says(lambda: _kept(workdir))
    how = Hyperparameters(
        model=name,
        epochs=length.epochs,
        batch_size=batch_size,
        learning_rate=learning_rate or network.learning_rate,
        log_every=log_every,
        seed=seed,
        class_weight=class_weight,
        from_model=from_model,
        pixels=pixels,
        precision=kept.get(settings.PRECISION) or precision.of(network, selected),
        minutes=minutes,
    )
    is_augmented = augment == "on"
    if augment == "auto":
        passes = math.inf if minutes else length.epochs * length.passes
        is_augmented = passes >= network.augmented_from
    fed = functools.partial(
        pipeline.of,
        train,
        evaluation,
        held=held,
        # The order of the examples is another one from memory than from a stream.
        feed=str(kept.get(settings.FEED, "auto")) if feed == "auto" else feed,
        batch_size=how.batch_size,
        seed=how.seed,
        augment=is_augmented,
        devices=selected.devices,
    )
    with damage.named(builder):
        if minutes:
            length = _begun(kept, minutes) or _in_time(
                how,
                fed,
                selected,
                minutes,
                train.examples,
                since,
                _REPORTED if workdir else _END,
            )
            how = dataclasses.replace(how, epochs=length.epochs)
        data = fed(passes=length.passes)
        why = length.why + (advice and f"  {advice}")
        return loop.run(how, data, selected, why, workdir, target_accuracy)


def _check(given: dict[str, object]) -> None:
    """Raises an error for texts that the flags of the program would not take."""
    arrays.check_said(None, given)
    for name, choices in _CHOICES.items():
        if given[name] not in choices:
            names = ", ".join(map(str, filter(None, choices)))
            raise TrainerError(f"{name}: expected {names}, found {given[name]!r}")


def _batch_size(name: str, given: int | None, selected: Device) -> int:
    """Returns what was asked for, or a network's own, if it can be computed."""
    network = models.of(name)
    batch_size = given or network.batch_size
    shares.check(batch_size, selected.devices)
    network.check_batch_size(batch_size, name)
    return batch_size


def _whole(name: str, value: object, least: int) -> int:
    """Returns a whole number of any type, within the bounds of the flags."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = operator.index(value)
        if least <= number <= _MOST:
            return number
    raise TrainerError(
        f"{name}: expected a whole number from {least} to {_MOST}, found {value!r}"
    )


def _above_0(name: str, value: object, most: float = float("inf")) -> float:
    """Returns a finite number of any type, within the bounds of the flags."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = float(value)
        if 0 < number <= most and number < float("inf"):
            return number
    limit = f", at most {most}" if most < float("inf") else ""
    raise TrainerError(f"{name}: expected more than 0{limit}, found {value!r}")


def _kept(workdir: str | None) -> dict[str, Any]:
    """Returns how a run that goes on was begun; empty for others."""
    return settings.read(pathlib.Path(workdir).expanduser()) if workdir else {}


def _begun(kept: dict[str, Any], minutes: float) -> Budget | None:
    """Returns how long a run that goes on was to be; None for others."""
    epochs, passes = kept.get(settings.EPOCHS), kept.get(settings.PASSES)
    if isinstance(epochs, int) and isinstance(passes, int | float) and passes >= 1:
        return Budget(epochs, passes, f"by --minutes={minutes:g} as it was begun")
    return None


def _in_time(
    how: Hyperparameters,
    fed: Callable[..., pipeline.Data],
    selected: Device,
    minutes: float,
    examples: int,
    since: float,
    end: float,
) -> Budget:
    """Returns how long to train to end in time, as a trial says.

    Args:
      how: to train.
      fed: returns what a run is fed with, from passes an epoch.
      selected: what to compute on.
      minutes: for all of the run.
      examples: number of training examples.
      since: `time.monotonic()` from which they count.
      end: seconds that the end takes, beside an evaluation.
    """
    print("measuring how fast this machine trains", flush=True)
    seconds = 60 * minutes
    data = fed(passes=trial.passes(examples, how.batch_size))
    tried = min(max(_TRIAL * seconds, _LEAST_TRIAL), _MOST_TRIAL)
    speed = trial.measured(how, data, selected, tried)
    left = seconds - (time.monotonic() - since) - speed.start - end - speed.evaluation
    left = peers.first_says(lambda: left / _SLOWER)
    return budget.in_time(minutes, left, speed, examples, how.batch_size)


def _print_findings(findings: Sequence[str], idx_dir: str | None) -> None:
    """Says what is odd about the data set, the gravest of it."""
    for finding in findings[:_FINDINGS]:
        print(f"odd: {shown(finding)}", flush=True)
    if (more := len(findings) - _FINDINGS) > 0:
        folder = shlex.quote(idx_dir) if idx_dir else "DIR"
        print(f"... {more} more: python -m mnist_idx_tfds.idx {folder}", flush=True)
