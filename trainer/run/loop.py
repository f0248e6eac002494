"""One training run."""

import dataclasses
import hashlib
import importlib.metadata
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from keras import ops

from trainer import settings as keys
from trainer import signals
from trainer.data.pipeline import Data
from trainer.errors import NotFiniteError
from trainer.machine import peers, shares
from trainer.machine.device import Device
from trainer.network import parallel, saved, transfer
from trainer.network.architectures import MODELS
from trainer.network.optimizer import adamw
from trainer.quality import measures
from trainer.run import callbacks
from trainer.run.callbacks import Record
from trainer.run.lines import Progress
from trainer.run.workdir import Workdir, give_state

if TYPE_CHECKING:
    from trainer.quality.board import Writer

_BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
_FEW_STEPS = 100
_MOST = 0.8  # Share of one class above which the others have little part in the loss.
_OWN = {keys.DATA_DIR, keys.IDX_DIR, "device"}  # Of each process of several.
_RECORD_EVERY = 20  # Steps between records of a run that logs epochs only.


@dataclasses.dataclass(frozen=True)
class Settings:
    """What decides the outcome of a run, beside the data.

    Attributes:
      model: name of the network, a key of `architectures.MODELS`.
      epochs: passes over the training split.
      batch_size: examples a step.
      learning_rate: AdamW's peak rate, reached after a tenth of all steps and then
        decayed by a cosine to zero.
      log_every: steps between lines of the log; 0 for a line an epoch.
      seed: of the initial weights, the order of examples and their augmentation.
      class_weight: "balanced" for classes that weigh alike in the loss, "none" for
        examples that do, "auto" for classes where one has most of the examples.
      from_model: path of a network to begin with, see `transfer`.
    """

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    log_every: int
    seed: int
    class_weight: str = "auto"
    from_model: str | None = None


class Result(NamedTuple):
    """What a run ended with.

    Attributes:
      model: the trained network.
      loss: of it on the evaluation split.
      accuracy: of it on the evaluation split, 0 to 1.
    """

    model: keras.Model
    loss: float
    accuracy: float


def run(
    settings: Settings,
    data: Data,
    device: Device,
    why: str = "",
    workdir: str | None = None,
    target_accuracy: float | None = None,
) -> Result:
    """Trains a network, printing as it goes, and evaluates it after each epoch.

    Args:
      settings: what to do.
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
    keras.utils.set_random_seed(settings.seed)
    parallel.distribute(device)
    network = MODELS[settings.model].build(
        data.image_shape, len(data.label_names), data.pixels
    )
    weights, weighed = _weigh(settings.class_weight, data)
    settings = dataclasses.replace(
        settings, class_weight="balanced" if weights else "none"
    )
    begun = ""
    if settings.from_model:
        begun = _begin(network, settings.from_model, data.label_names)
    opening = [
        device.description,
        _BACKENDS[keras.backend.backend()],
        f"{data.name}: {data.train_examples:,} training and {data.eval_examples:,} "
        f"evaluation images, {'x'.join(map(str, data.image_shape))}, "
        f"{len(data.label_names)} classes, from {data.feed}"
        f"{data.why_feed and f' ({data.why_feed})'}",
        f"{settings.model} with {network.count_params():,} parameters{begun}",
        "augmented" if data.augmentation else "",
        weighed,
        _length(settings, data) + (why and f", {why}"),
    ]
    print("  ".join(filter(None, opening)), flush=True)
    total = _steps(settings, data)
    if total < _FEW_STEPS:
        print(
            f"{total} steps in all are few to learn from: a smaller --batch_size or more "
            "--epochs make more.",
            flush=True,
        )
    trained = _compiled(network, settings, data, device)
    if workdir or peers.count() > 1:  # Else the versions need not be looked up.
        described = _described(settings, data, device)
        peers.check_same({k: v for k, v in described.items() if k not in _OWN})
    kept = board = None
    if workdir and peers.is_first():
        # Their imports take a while, which a run that is not kept need not wait for.
        from trainer.quality.board import Writer
        from trainer.run import outcome

        kept = Workdir(workdir, described, data.label_names)
        for note in kept.notes:
            print(f"{kept.folder}: {note}", flush=True)
        board = Writer(kept.folder / "tensorboard")
        for record in kept.records:
            board.record(record)
    step = peers.first_says(lambda: kept.step if kept else 0)
    last = peers.first_says(lambda: kept.records[-1] if step else {})
    if kept:
        kept.restore(trained)
    elif step:
        give_state(trained)
    if step == total or callbacks.reaches(
        last.get("test_accuracy", 0), target_accuracy
    ):
        print(f"{workdir}: the run is finished.", flush=True)
    else:
        if step:
            print(f"{workdir}: the run goes on after step {step:,}.", flush=True)
        last = _fit(trained, settings, data, weights, kept, board, target_accuracy)
    loss, accuracy = last["test_loss"], last["test_accuracy"]
    print(f"final  test_loss {loss:.4f}  test_accuracy {accuracy:.4f}", flush=True)
    if not workdir:
        share = data.count_eval().max() / data.eval_examples
        if note := measures.majority_note(accuracy, share, data.eval_examples):
            print(note, flush=True)
    if kept:
        with signals.held_back():
            judge = parallel.alone(network) if device.devices > 1 else trained
            outcome.write(kept, network, judge, data, board)
        board.close()
        kept.close()
    return Result(network, loss, accuracy)


def _begin(network: keras.Model, path: str, label_names: tuple[str, ...]) -> str:
    """Gives a network the weights of another one, and says so."""
    start = saved.load(path)
    names = saved.read_labels(
        pathlib.Path(path).expanduser().parent, start.output_shape[-1]
    )
    is_new = transfer.begin(network, label_names, start, names, path)
    return f", begun from {path}{', with a new last layer' if is_new else ''}"


def _compiled(
    network: keras.Model,
    settings: Settings,
    data: Data,
    device: Device,
) -> keras.Model:
    """Returns a model of the network's weights for `fit`, with its optimizer."""
    # JAX computes nothing at speed without XLA. On a CPU TensorFlow is slower with it;
    # on a GPU it was not measured, and would compile anew for each shape.
    jit_compile = keras.backend.backend() == "jax"

    def judged() -> dict[str, Any]:
        return {
            "loss": "sparse_categorical_crossentropy",
            # Since "accuracy" would be another one where there is one class.
            "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        }

    # Saved so that it can be evaluated, alike on every machine; with an optimizer
    # that has no state.
    network.compile("sgd", **judged(), jit_compile=jit_compile)
    if device.devices > 1:
        examples = data.passes * data.train_examples
        model = parallel.shared(
            network,
            device.devices,
            (data.batch_size, shares.last_size(examples, data.batch_size)),
            (
                data.eval_batch_size,
                shares.last_size(data.eval_examples, data.eval_batch_size),
            ),
        )
    else:
        model = parallel.divided(network, device.cores, settings.batch_size)
    how = judged()
    model.smoothing = MODELS[settings.model].label_smoothing
    if model.smoothing:
        # For the log, whose losses else would be of labels that no one has.
        how["weighted_metrics"] = [
            keras.metrics.SparseCategoricalCrossentropy(name=callbacks.CROSSENTROPY)
        ]
    total = _steps(settings, data)
    decay = MODELS[settings.model].decay(total)
    model.compile(
        optimizer=adamw(settings.learning_rate, decay, total),
        **how,
        # Each execution ends with a wait for its logs: one a record.
        steps_per_execution=_record_every(settings, data),
        jit_compile=jit_compile,
    )
    # Variables that the first step would make would have it traced a second time.
    model.optimizer.build(model.trainable_variables)
    labels, outputs = ops.zeros(1), ops.zeros((1, len(data.label_names)))
    model.compute_metrics(None, labels, outputs)
    if keras.backend.backend() == "jax":
        # Its `fit` would read a batch to build the loss with.
        model.compute_loss(None, labels, outputs)
    model.reset_metrics()
    return model


def _fit(
    model: keras.Model,
    settings: Settings,
    data: Data,
    class_weight: dict[int, float] | None,
    kept: Workdir | None,
    board: "Writer | None",
    target_accuracy: float | None,
) -> Record:
    """Trains to the end of the run, and returns its last record."""
    records: list[Record] = []
    sinks: list[Callable[[Record], None]] = [
        Progress(settings.epochs, data.steps, windows=settings.log_every > 0),
        records.append,
    ]
    if kept:
        sinks += [kept.record, board.record]

    def write(record: Record) -> None:
        for sink in sinks:
            sink(record)

    def fit(batches: Any, epoch: int, epochs: int) -> None:
        model.fit(
            batches,
            initial_epoch=epoch,
            epochs=epochs,
            validation_data=data.evaluate_shared,
            shuffle=False,  # The pipeline has done it.
            verbose=0,
            class_weight=class_weight,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: data.set_epoch(epoch)
                ),
                callbacks.WindowLog(
                    write,
                    data.passes * data.train_examples,
                    settings.batch_size,
                    data.steps,
                    _record_every(settings, data),
                ),
                callbacks.EvaluationLog(write),
                callbacks.StopAtAccuracy(target_accuracy),
                callbacks.Checkpoint(kept.save if kept else None),
            ],
        )

    epoch, skipped = divmod(int(model.optimizer.iterations), data.steps)
    try:
        with signals.held_back():
            if skipped:
                fit(data.train.skip(skipped), epoch, epoch + 1)
                epoch += 1
            if epoch < settings.epochs and not model.stop_training:
                fit(data.train, epoch, settings.epochs)
    except NotFiniteError as e:
        if not kept:
            raise
        raise NotFiniteError(
            f"{e} It needs another --workdir: {kept.folder} keeps the run as it was "
            f"after step {kept.step:,}."
        ) from e
    return records[-1]


def _length(settings: Settings, data: Data) -> str:
    """Says how long the run is: `1,200 steps in 10 epochs of 8 passes each`."""
    epochs = f"{settings.epochs:,} epoch{'s'[: settings.epochs > 1]}"
    passes = f" of {data.passes:,} passes each" if data.passes > 1 else ""
    return f"{_steps(settings, data):,} steps in {epochs}{passes}"


def _steps(settings: Settings, data: Data) -> int:
    """Returns the number of steps of the whole run."""
    return settings.epochs * data.steps


def _weigh(class_weight: str, data: Data) -> tuple[dict[int, float] | None, str]:
    """Returns the weights of the classes, None for none, and what to say of them."""
    if class_weight == "none":
        return None, ""  # To count would read a streamed split once more.
    counts = data.count_train()
    share = counts.max() / counts.sum()
    if class_weight == "auto" and not _MOST < share < 1:
        return None, ""
    most = data.label_names[counts.argmax()]
    return _weights(counts), f"classes weighed alike ({share:.0%} are {most})"


def _weights(counts: np.ndarray) -> dict[int, float]:
    """Returns a weight for each class, whose mean over the examples is 1."""
    present = int(np.count_nonzero(counts))
    total = int(counts.sum())
    return {
        label: total / (present * int(count)) if count else 0.0
        for label, count in enumerate(counts)
    }


def _record_every(settings: Settings, data: Data) -> int:
    return min(settings.log_every or _RECORD_EVERY, data.steps)


def _computing() -> list[str]:
    """Returns which packages have a part in the bits of the result."""
    return list(dict.fromkeys(["tensorflow", keras.backend.backend()]))


def _digest(path: str) -> str:
    """Returns the SHA-256 of a file, as hexadecimal digits."""
    with pathlib.Path(path).expanduser().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(settings: Settings, data: Data, device: Device) -> dict[str, Any]:
    """Returns what decides the outcome of a run, and what it runs on, as JSON has it."""
    return {
        keys.DATASET: data.name,
        keys.DATA_DIR: data.data_dir,
        **({keys.IDX_DIR: data.idx_dir} if data.idx_dir else {}),
        keys.TRAIN_SPLIT: data.train_split,
        keys.EVAL_SPLIT: data.eval_split,
        "train_examples": data.train_examples,
        "eval_examples": data.eval_examples,
        "image_shape": list(data.image_shape),
        "classes": len(data.label_names),
        keys.FEED: data.feed,
        "augmentation": data.augmentation and data.augmentation._asdict(),
        "passes_per_epoch": data.passes,
        **dataclasses.asdict(settings),
        "from_model": settings.from_model and _digest(settings.from_model),
        keys.LABEL_SMOOTHING: MODELS[settings.model].label_smoothing,
        keys.WEIGHT_DECAY: MODELS[settings.model].decay(_steps(settings, data)),
        keys.STEPS: data.steps,
        "device": device.description,
        keys.BACKEND: keras.backend.backend(),
        "keras": keras.__version__,
        **{name: importlib.metadata.version(name) for name in _computing()},
    }
