"""Trains a convolutional network on image classification data in IDX files.

`python -m trainer` trains on MNIST, which it downloads on first use;
`python -m trainer --idx_dir=DIR` on a folder of four IDX files.
"""

import pathlib
import shlex
from collections.abc import Sequence

from absl import flags

from trainer import cli
from trainer.errors import TargetMissedError
from trainer.machine import launch

_FINDINGS = 3  # Lines on what is odd about the data set.

cli.define_device(several=True)
cli.define_data("train on", "MNIST")
_MODEL = flags.DEFINE_enum(
    "model",
    None,
    ["cnn", "deep", "strong"],
    "The tutorial's small network, mnist-node's deeper and slower one, or one for any "
    "images (default: strong; cnn for MNIST itself).",
)
_FROM_MODEL = flags.DEFINE_string(
    "from_model",
    None,
    "Trained network, a .keras file, whose weights to begin with; with other classes, "
    "the last layer is new.",
)
_AUGMENT = flags.DEFINE_enum(
    "augment",
    "auto",
    ["auto", "on", "off"],
    "Change training images a little at random, anew in each pass; auto does it for the "
    "model strong, and for the others in runs of 12 passes and more.",
)
_CLASS_WEIGHT = flags.DEFINE_enum(
    "class_weight",
    "auto",
    ["auto", "balanced", "none"],
    "Weigh all classes alike in the loss, whatever their numbers of examples; auto does "
    "it where more than 80% of the examples are of one class.",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs",
    None,
    "Passes over the training split, with an evaluation after each (default: by the "
    "number of images and their size; for MNIST itself the model's own).",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Training examples a step (default: the model's own).",
    lower_bound=1,
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate",
    None,
    "Peak learning rate; it is warmed up, then decayed to zero (default: the model's "
    "own).",
)
_LOG_EVERY = flags.DEFINE_integer(
    "log_every",
    20,
    "Steps between lines of the log; 0: a line an epoch.",
    lower_bound=0,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Decides the initial weights, the order of the examples and their changes.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
_TRAIN_SPLIT = flags.DEFINE_string(
    "train_split", "train", "TFDS split to train on, such as train[:85%]."
)
_EVAL_SPLIT = flags.DEFINE_string(
    "eval_split", "test", "TFDS split to evaluate on, such as train[85%:]."
)
_FEED = flags.DEFINE_enum(
    "feed",
    "auto",
    ["auto", "memory", "stream"],
    "Read the training split once and keep it in memory, or stream it from disk; auto "
    "streams what is too large for the memory that is left when the run begins.",
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder to keep the run in: settings, metrics, checkpoint, model. The same command "
    "goes on with a run that was stopped.",
)
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir",
    None,
    "Folder for the trained network as a SavedModel and a LiteRT file.",
)
_TARGET_ACCURACY = flags.DEFINE_float(
    "target_accuracy",
    None,
    "End after the first epoch that reaches it on the evaluation split; if none does, "
    "exit with 3.",
)

flags.register_validator(
    "learning_rate",
    lambda rate: rate is None or 0 < rate < float("inf"),
    "expected more than 0",
)
flags.register_validator(
    "target_accuracy",
    lambda accuracy: accuracy is None or 0 < accuracy <= 1,
    "expected more than 0, at most 1",
)


def main(_: list[str]) -> None:
    """Trains as the flags say."""
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device, peers, shares

    f = flags.FLAGS
    selected = device.select(f.device)  # Before others use TensorFlow.
    from trainer.data import damage, pipeline, source
    from trainer.data.split import Split
    from trainer.network import parallel
    from trainer.network.architectures import MODELS
    from trainer.run import budget, callbacks, loop
    from trainer.run.hyperparameters import Hyperparameters

    if _EXPORT_DIR.value and peers.is_first():
        from trainer.network import exported

        exported.check(_EXPORT_DIR.value)  # Before a training that would be lost.
    is_mnist = budget.is_mnist(f.idx_dir, f.dataset)
    name = _MODEL.value or ("cnn" if is_mnist else "strong")
    if _FROM_MODEL.value and not _MODEL.value:
        name = _model_of(_FROM_MODEL.value) or name
    model = MODELS[name]
    batch_size = _BATCH_SIZE.value or model.batch_size
    shares.check(batch_size, selected.devices)
    device.share_cores(selected, parallel.parts(selected.cores, batch_size))
    builder = peers.after_first(
        lambda: source.prepare(
            f.data_dir, f.manual_dir, f.idx_dir, f.dataset or source.MNIST
        )
    )
    _print_findings(source.findings(builder), f.idx_dir)
    target = _TARGET_ACCURACY.value
    train = Split(builder, _TRAIN_SPLIT.value, "--train_split")
    evaluation = Split(builder, _EVAL_SPLIT.value, "--eval_split")
    length = budget.of(
        train.examples,
        train.image_shape,
        _EPOCHS.value,
        model.epochs if is_mnist else None,
    )
    how = Hyperparameters(
        model=name,
        epochs=length.epochs,
        batch_size=batch_size,
        learning_rate=_LEARNING_RATE.value or model.learning_rate,
        log_every=_LOG_EVERY.value,
        seed=_SEED.value,
        class_weight=_CLASS_WEIGHT.value,
        from_model=_FROM_MODEL.value,
    )
    augment = _AUGMENT.value == "on"
    if _AUGMENT.value == "auto":
        augment = length.epochs * length.passes >= model.augmented_from
    with damage.named(builder):
        data = pipeline.of(
            train,
            evaluation,
            feed=peers.first_says(_feed),
            batch_size=how.batch_size,
            seed=how.seed,
            passes=length.passes,
            augment=augment,
            devices=selected.devices,
        )
        result = loop.run(how, data, selected, length.why, _WORKDIR.value, target)
    if _EXPORT_DIR.value and peers.is_first():
        folder = exported.write(result.model, _EXPORT_DIR.value, train.label_names)
        print(f"exported to {folder}")
    peers.all_say(None)  # Others wait for the first process, which writes.
    if target and not callbacks.reaches(result.accuracy, target):
        raise TargetMissedError(
            f"--target_accuracy: expected at least {target}, found {result.accuracy:.4f}."
        )


def _feed() -> str:
    """Returns the flag's value, or how a run that goes on was begun.

    The order of the examples is another one from memory than from a stream.
    """
    from trainer import settings

    if _FEED.value != "auto" or not _WORKDIR.value:
        return _FEED.value
    begun = settings.read(pathlib.Path(_WORKDIR.value).expanduser())
    return str(begun.get(settings.FEED, "auto"))


def _model_of(path: str) -> str:
    """Returns the name of the network that a run has saved; empty if it is not known."""
    from trainer import settings
    from trainer.network.architectures import MODELS

    run = settings.read(pathlib.Path(path).expanduser().parent)
    name = str(run.get(settings.MODEL, ""))
    return name if name in MODELS else ""


def _print_findings(findings: Sequence[str], idx_dir: str | None) -> None:
    """Says what is odd about the data set, the gravest of it."""
    for finding in findings[:_FINDINGS]:
        print(f"odd: {finding}", flush=True)
    if (more := len(findings) - _FINDINGS) > 0:
        folder = shlex.quote(idx_dir) if idx_dir else "DIR"
        print(f"... {more} more: python -m mnist_idx_tfds.idx {folder}", flush=True)


if __name__ == "__main__":
    with launch.at_once():
        cli.run("trainer", main, instead=launch.watch)
