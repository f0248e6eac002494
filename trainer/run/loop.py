"""One training run."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from mnist_idx_tfds.foreign import shown
from trainer import signals
from trainer.data.pipeline import Data
from trainer.errors import NotFiniteError
from trainer.machine import peers
from trainer.machine.device import Device
from trainer.network import models, parallel, saved, transfer
from trainer.network.card import Card
from trainer.quality import chance, measures
from trainer.quality.evaluation import Evaluation
from trainer.run import callbacks, cards, class_weights, lines, sharpening
from trainer.run.callbacks import Record
from trainer.run.checkpoint import give_state
from trainer.run.class_weights import ClassWeights
from trainer.run.compiling import compiled, execution
from trainer.run.hyperparameters import OWN, Hyperparameters, described

if TYPE_CHECKING:
    from trainer.run.kept import Kept


class Result(NamedTuple):
    """What a run ended with.

    Attributes:
      model: the trained network.
      loss: of it on the evaluation split.
      accuracy: of it on the evaluation split, 0 to 1.
      card: returns what is to be said of it where it is saved; reads some images.
    """

    model: keras.Model
    loss: float
    accuracy: float
    card: Callable[[], Card]


def run(
    how: Hyperparameters,
    data: Data,
    device: Device,
    why: str = "",
    workdir: str | None = None,
    target_accuracy: float | None = None,
) -> Result:
    """Trains a network, printing as it goes, and evaluates it after each epoch.

    Args:
      how: to train.
      data: what to train and evaluate on.
      device: what to compute on.
      why: the run is as long as it is, for its first line.
      workdir: folder to keep the run in. Where it holds the same run already, that
        goes on from its checkpoint, to the same bits as if it had never stopped.
      target_accuracy: on the evaluation split; the first epoch to reach it is the
        last.

    Returns:
      The trained network with its evaluation.

    Raises:
      TrainerError: the images are too small for the network, or the work directory
        cannot be used.
      NotFiniteError: the loss became infinite or not a number.
      signals.Interrupted: SIGINT or SIGTERM ended the run.
    """
    keras.utils.set_random_seed(how.seed)
    parallel.distribute(device)
    network, begun = built(how, data)
    weights = class_weights.of(how.class_weight, data)
    how = dataclasses.replace(how, class_weight=weights.kind)
    print(lines.opening(how, data, device, begun, weights.said, why), flush=True)
    trained = compiled(network, how, data, device)
    what: dict[str, Any] = {}
    if workdir or peers.count() > 1:  # Else the versions need not be looked up.
        what = described(how, data, device)
        peers.check_same({key: what[key] for key in what if key not in OWN})

    @functools.cache
    def card() -> Card:
        whole = _on_one(network, device)
        return cards.of(whole, what or described(how, data, device), data)

    with contextlib.ExitStack() as stack:
        kept = None
        if workdir and peers.is_first():
            # Its imports take a while, which a run that is not kept need not wait for.
            from trainer.run.kept import Kept

            kept = Kept(workdir, what, data.train.label_names)
            stack.callback(kept.close)
            for line in kept.notes:
                print(f"{kept.folder}: {shown(line)}", flush=True)
        last = _train(trained, how, data, weights, kept, f"{workdir}", target_accuracy)
        loss, accuracy = last["test_loss"], last["test_accuracy"]
        kind = models.of(how.model)
        if is_sharpened := bool(kind.new_images or data.held):
            times = peers.first_says(
                lambda: sharpening.factor(_on_one(network, device), data, kind)
            )
            sharpening.sharpen(network, times)
        if peers.is_first():
            result, balanced = None, weights.by_label is not None
            with signals.held_back():
                if kept or balanced or is_sharpened:
                    result = measures.evaluate(
                        _on_one(network, device) if device.devices > 1 else trained,
                        data.eval_batches,
                        data.evaluation.label_names,
                        balanced=balanced,
                    )
                    loss = result.loss
                final = f"final  test_loss {loss:.4f}  test_accuracy {accuracy:.4f}"
                print(final, flush=True)
                if kept and result:
                    from trainer.run import outcome

                    outcome.write(kept, network, result, data, card())
                else:
                    _say_verdict(result, data, accuracy)
    return Result(network, loss, accuracy, card)


def built(how: Hyperparameters, data: Data) -> tuple[keras.Model, str]:
    """Returns the network as the run begins with it, and what its first line says."""
    build, path = models.of(how.model).build, how.from_model
    names, shape = data.train.label_names, data.train.image_shape
    if not path:
        network = build(shape, len(names), data.pixels)
        return network, _counted(network)
    start, card = saved.load(path)
    if how.model == models.FROM_MODEL:
        same = names == card.label_names
        network, is_new, pixels, why = build(
            start, shape, len(names), path=path, pixels=how.pixels, same_classes=same
        )
        taken = f", pixels {pixels} {why}"
    else:
        network, taken = build(shape, len(names), data.pixels), ""
        is_new = transfer.begin(network, names, start, card.label_names, path)
    last = ", with a new last layer" if is_new else ""
    return network, f"{_counted(network)}, begun from {path}{last}{taken}"


def _counted(network: keras.Model) -> str:
    text = f"{network.name} with {network.count_params():,} parameters"
    if all(layer.trainable for layer in network.layers):
        return text
    trained = sum(math.prod(v.shape) for v in network.trainable_variables)
    return f"{text}, {trained:,} of them trained"


def _on_one(network: keras.Model, device: Device) -> keras.Model:
    """Returns a network of its weights that is on one device."""
    return parallel.alone(network) if device.devices > 1 else network


def _say_verdict(result: Evaluation | None, data: Data, accuracy: float) -> None:
    """Says of a run that is not kept how good its network is, if that must be said."""
    if not result:
        examples = data.evaluation.examples
        most = int(data.evaluation.class_counts.max())
        note = chance.of_accuracy(round(accuracy * examples), most, examples).note
    else:
        if result.balanced:  # Accuracy alone says little of what was trained for.
            print(result.figures(), flush=True)
        note = result.verdict.note
    if note:
        print(note, flush=True)


def _train(
    model: keras.Model,
    how: Hyperparameters,
    data: Data,
    weights: ClassWeights,
    kept: "Kept | None",
    workdir: str,
    target_accuracy: float | None,
) -> Record:
    """Goes on to the end of the run from where it is, and returns its last record."""
    step = peers.first_says(lambda: kept.step if kept else 0)
    last: Record = peers.first_says(lambda: kept.records[-1] if kept and step else {})
    if kept:
        kept.restore(model)
    elif step:
        give_state(model)
    if step == how.steps(data) or callbacks.reaches(
        last.get("test_accuracy", 0), target_accuracy
    ):
        print(f"{workdir}: the run is finished.", flush=True)
        return last
    if step:
        print(f"{workdir}: the run goes on after step {step:,}.", flush=True)
    return fit(model, how, data, weights, kept, target_accuracy)


def fit(
    model: keras.Model,
    how: Hyperparameters,
    data: Data,
    weights: ClassWeights,
    kept: "Kept | None" = None,
    target_accuracy: float | None = None,
) -> Record:
    """Trains to the end of the run, and returns its last record.

    Args:
      model: as `compiled` returns it, in its state of now.
      how: to train.
      data: what to train and evaluate on.
      weights: of the classes.
      kept: gets records and checkpoints.
      target_accuracy: see `run`.

    Raises:
      NotFiniteError: as `run`.
      signals.Interrupted: as `run`.
    """
    records: list[Record] = []
    sinks: list[Callable[[Record], None]] = [
        lines.Progress(how.epochs, data.steps, windows=how.log_every > 0),
        records.append,
    ]
    if kept:
        sinks.append(kept.record)

    def write(record: Record) -> None:
        for sink in sinks:
            sink(record)

    def fit_some(batches: Any, epoch: int, epochs: int) -> None:
        windows = callbacks.WindowLog(
            write,
            data.epoch_examples,
            how.batch_size,
            data.steps,
            how.log_every or execution(0),
        )
        model.fit(
            batches,
            initial_epoch=epoch,
            epochs=epochs,
            validation_data=data.eval_shared,
            shuffle=False,  # The pipeline has done it.
            verbose=0,
            class_weight=weights.by_label,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: data.set_epoch(epoch)
                ),
                windows,
                callbacks.EvaluationLog(write),
                callbacks.StopAtAccuracy(target_accuracy),
                callbacks.Checkpoint(kept.save if kept else None, windows.record),
            ],
        )

    epoch, skipped = divmod(int(model.optimizer.iterations), data.steps)
    try:
        with signals.held_back():
            if skipped:
                fit_some(data.train_batches.skip(skipped), epoch, epoch + 1)
                epoch += 1
            if epoch < how.epochs and not model.stop_training:
                fit_some(data.train_batches, epoch, how.epochs)
    except NotFiniteError as e:
        if not kept:
            raise
        raise NotFiniteError(
            f"{e} It needs another --workdir: {kept.folder} keeps the run as it was "
            f"after step {kept.step:,}."
        ) from e
    return records[-1]
