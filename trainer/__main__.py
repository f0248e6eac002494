"""Trains a convolutional network on image classification data in IDX files.

`python -m trainer` trains on MNIST, which it downloads on first use;
`python -m trainer --idx_dir=DIR` on a folder of four IDX files.
"""

import time

from absl import flags

from trainer import cli
from trainer.errors import TargetMissedError
from trainer.machine import launch

_SINCE = time.monotonic()
_MOST = 2**31 - 1  # Of any number, as TensorFlow and JAX have 32 bits for it.

cli.define_device(several=True)
cli.define_data("train on", "MNIST")
_MODEL = flags.DEFINE_enum(
    "model",
    None,
    ["cnn", "deep", "photo", "strong"],
    "The tutorial's small network, mnist-node's deeper and slower one, one for any "
    "images, or one for photographs that has learned from a million of them, with the "
    "extra photo (default: photo for photographs, where the extra is installed, else "
    "strong; cnn for MNIST itself). What is in color is taken for photographs, and so are "
    "gray images with little plain ground.",
)
_FROM_MODEL = flags.DEFINE_string(
    "from_model",
    None,
    "Trained network, a .keras file, whose weights to begin with; with other classes, "
    "the last layer is new. Any classifier of images that Keras 3 saved will do.",
)
_PIXELS = flags.DEFINE_enum(
    "pixels",
    None,
    ["0..255", "0..1", "-1..1", "torch", "caffe"],
    "With a --from_model of somebody else's: the range of pixels that it was trained on, or "
    "ImageNet's as Keras calls it (default: as is found in the network).",
)
_AUGMENT = flags.DEFINE_enum(
    "augment",
    "auto",
    ["auto", "on", "off"],
    "Change training images a little at random, anew in each pass; auto does it for the "
    "models strong and photo, and for the others in runs of 12 passes and more.",
)
_CLASS_WEIGHT = flags.DEFINE_enum(
    "class_weight",
    "auto",
    ["auto", "balanced", "none"],
    "Weigh all classes alike in the loss, whatever their numbers of examples, but none a "
    "hundred times as much as another; auto does it where more than 80% of the "
    "examples are of one class.",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs",
    None,
    "Passes over the training split, with an evaluation after each (default: by the "
    "number of images and their size; for MNIST itself the model's own).",
    lower_bound=1,
    upper_bound=_MOST,
)
_MINUTES = flags.DEFINE_float(
    "minutes",
    None,
    "Instead of --epochs: train as long as ends in so many minutes, by the speed of a "
    "short trial; with --augment=auto changed images, and strong for MNIST, too. A run "
    "that goes on keeps the length that it was begun with.",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Training examples a step (default: 48; deep 128, photo 32); strong takes 3 at "
    "least.",
    lower_bound=1,
    upper_bound=_MOST,
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate",
    None,
    "Peak learning rate; it is warmed up, then decayed to zero (default: 0.006; cnn "
    "0.01, deep 0.002, photo 0.0002).",
)
_LOG_EVERY = flags.DEFINE_integer(
    "log_every",
    20,
    "Steps between lines of the log; 0: a line an epoch.",
    lower_bound=0,
    upper_bound=_MOST,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Decides the initial weights, the order of the examples and their changes.",
    lower_bound=0,
    upper_bound=_MOST,
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
    "minutes",
    lambda minutes: minutes is None or 0 < minutes <= 10**6,
    "expected more than 0, at most 1000000",
)
flags.register_multi_flags_validator(
    ["epochs", "minutes"],
    lambda given: None in given.values(),
    "give --epochs or --minutes, not both",
)
flags.register_validator(
    "target_accuracy",
    lambda accuracy: accuracy is None or 0 < accuracy <= 1,
    "expected more than 0, at most 1",
)


def main(_: list[str]) -> None:
    """Trains as the flags say."""
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device, peers

    selected = device.select(flags.FLAGS.device)  # Before others use TensorFlow.
    from trainer.run import callbacks, training

    if _EXPORT_DIR.value and peers.is_first():
        from trainer.network import exported

        exported.check(_EXPORT_DIR.value)  # Before a training that would be lost.
    target = _TARGET_ACCURACY.value
    result = training.train(
        selected,
        **cli.data(),
        model=_MODEL.value,
        from_model=_FROM_MODEL.value,
        pixels=_PIXELS.value,
        augment=_AUGMENT.value,
        class_weight=_CLASS_WEIGHT.value,
        epochs=_EPOCHS.value,
        minutes=_MINUTES.value,
        batch_size=_BATCH_SIZE.value,
        learning_rate=_LEARNING_RATE.value,
        log_every=_LOG_EVERY.value,
        seed=_SEED.value,
        train_split=_TRAIN_SPLIT.value,
        eval_split=_EVAL_SPLIT.value,
        feed=_FEED.value,
        workdir=_WORKDIR.value,
        target_accuracy=target,
        since=_SINCE,
    )
    if _EXPORT_DIR.value and peers.is_first():
        folder = exported.write(result.model, result.card(), _EXPORT_DIR.value)
        print(f"exported to {folder}")
    peers.all_say(None)  # Others wait for the first process, which writes.
    if target and not callbacks.reaches(result.accuracy, target):
        raise TargetMissedError(
            f"--target_accuracy: expected at least {target}, found {result.accuracy:.4f}."
        )


if __name__ == "__main__":
    with launch.at_once():
        cli.run("trainer", main, instead=launch.watch)
