"""From what to train on, and how, as people say it, to a trained network."""

import numbers
import operator
import pathlib
import shlex
from collections.abc import Sequence

from mnist_idx_tfds.foreign import shown
from trainer import settings
from trainer.data import arrays, damage, overlap, pipeline, source
from trainer.data.split import Split
from trainer.errors import TrainerError
from trainer.machine import device, peers, shares
from trainer.machine.device import Device
from trainer.network import adopted, models, parallel, saved
from trainer.run import budget, loop
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
    batch_size: int | None = None,
    learning_rate: float | None = None,
    log_every: int = 20,
    seed: int = 0,
    train_split: str = "train",
    eval_split: str = "test",
    feed: str = "auto",
    workdir: str | None = None,
    target_accuracy: float | None = None,
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
      batch_size: examples a step; None for the network's own.
      learning_rate: at its peak; None for the network's own.
      log_every: as of `Hyperparameters`.
      seed: as of `Hyperparameters`.
      train_split: TFDS split to train on.
      eval_split: TFDS split to evaluate on.
      feed: as for `pipeline.of`; "auto" goes on as a run was begun.
      workdir: as for `loop.run`.
      target_accuracy: as for `loop.run`.

    Raises:
      TrainerError: a value cannot be used, or as of `source.prepare`, `Split` and
        `loop.run`.
      mnist_idx_tfds.idx.IdxError: as of `source.prepare`.
      signals.Interrupted: as of `loop.run`.
    """
    given = dict(locals())
    _check(given)
    # NumPy's numbers, too, which JSON does not take.
    epochs = None if epochs is None else _whole("epochs", epochs, 1)
    batch_size = None if batch_size is None else _whole("batch_size", batch_size, 1)
    log_every, seed = _whole("log_every", log_every, 0), _whole("seed", seed, 0)
    if learning_rate is not None:
        learning_rate = _above_0("learning_rate", learning_rate)
    if target_accuracy is not None:
        target_accuracy = _above_0("target_accuracy", target_accuracy, 1)
    is_mnist = budget.is_mnist(idx_dir, dataset)
    begun, digests = saved.origin(from_model) if from_model else ({}, {})
    name = model or str(begun.get(settings.MODEL))
    if name not in models.MODELS:
        name = "cnn" if is_mnist else ""  # Else the images decide.
        name = models.FROM_MODEL if from_model else name
    if pixels and name != models.FROM_MODEL:
        raise TrainerError(
            "pixels: expected none with a network that scales them itself, found "
            f"{pixels}"
        )
    if name:
        # Before TensorFlow computes anything. The networks for one's own images have
        # all cores for each operation, as they are.
        known = models.of(name)
        count = parallel.parts(known, selected.cores, batch_size or known.batch_size)
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
    name, advice = (name, "") if name else models.default(train.image_shape)
    network = models.of(name)
    batch_size = batch_size or network.batch_size
    shares.check(batch_size, selected.devices)
    network.check_batch_size(batch_size, name)
    length = budget.of(
        train.examples,
        train.image_shape,
        epochs,
        network.epochs if is_mnist else None,
        network.length,
    )
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
    )
    is_augmented = augment == "on"
    if augment == "auto":
        is_augmented = length.epochs * length.passes >= network.augmented_from
    with damage.named(builder):
        data = pipeline.of(
            train,
            evaluation,
            feed=peers.first_says(lambda: _feed(feed, workdir)),
            batch_size=how.batch_size,
            seed=how.seed,
            passes=length.passes,
            augment=is_augmented,
            devices=selected.devices,
        )
        why = length.why + (advice and f"  {advice}")
        return loop.run(how, data, selected, why, workdir, target_accuracy)


def _check(given: dict[str, object]) -> None:
    """Raises an error for texts that the flags of the program would not take."""
    arrays.check_said(None, given)
    for name, choices in _CHOICES.items():
        if given[name] not in choices:
            names = ", ".join(map(str, filter(None, choices)))
            raise TrainerError(f"{name}: expected {names}, found {given[name]!r}")


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


def _feed(feed: str, workdir: str | None) -> str:
    """Returns what was asked for, or how a run that goes on was begun.

    The order of the examples is another one from memory than from a stream.
    """
    if feed != "auto" or not workdir:
        return feed
    begun = settings.read(pathlib.Path(workdir).expanduser())
    return str(begun.get(settings.FEED, "auto"))


def _print_findings(findings: Sequence[str], idx_dir: str | None) -> None:
    """Says what is odd about the data set, the gravest of it."""
    for finding in findings[:_FINDINGS]:
        print(f"odd: {shown(finding)}", flush=True)
    if (more := len(findings) - _FINDINGS) > 0:
        folder = shlex.quote(idx_dir) if idx_dir else "DIR"
        print(f"... {more} more: python -m mnist_idx_tfds.idx {folder}", flush=True)
