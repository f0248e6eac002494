"""From a data set on disk to the batches of a run.

A split is read once, in batches, into one uint8 array; an epoch is a permutation of
that array, gathered batch by batch.
"""

import dataclasses
import hashlib
import re
import sys
from collections.abc import Callable, Iterator

import requests
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import mnist_idx_tfds
from mnist_idx_tfds import idx_set
from trainer.errors import TrainerError

_READ_BATCH = 512
_EVALUATION_BATCH = 1000
_NO_NETWORK = (
    "Without a network, --manual_dir=DIR takes the four published files, and "
    "--idx_dir=mnist_idx_tfds/dummy_data trains on the data that comes with this "
    "project."
)


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set, ready to train on.

    Attributes:
      name: TFDS name with configuration and version.
      image_shape: height, width and channels, in pixels.
      num_classes: number of classes.
      train_examples: number of training examples.
      eval_examples: number of evaluation examples.
      train: one epoch of batches, images uint8 `(batch, *image_shape)` and labels
        int64 `(batch,)`, in an order of its own for each epoch.
      evaluate: batches of the same form with every evaluation example once.
      set_epoch: tells `train` which epoch the next iteration is, counted from 0.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    train_examples: int
    eval_examples: int
    train: tf.data.Dataset
    evaluate: tf.data.Dataset
    set_epoch: Callable[[int], None]


def load(
    *,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    idx_dir: str | None = None,
    train_split: str = "train",
    eval_split: str = "test",
    batch_size: int,
    seed: int,
) -> Data:
    """Prepares the data set, if that is still to be done, and builds its pipelines.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default.
      manual_dir: folder with the four published MNIST files, instead of a download.
      idx_dir: folder of four IDX files to train on, instead of MNIST.
      train_split: TFDS split to train on, such as "train[:85%]".
      eval_split: TFDS split to evaluate on.
      batch_size: training examples a step.
      seed: decides, with the epoch's number, the order of the training examples.

    Returns:
      The data set with its pipelines.

    Raises:
      TrainerError: the data set cannot be had, or has no such splits.
      mnist_idx_tfds.idx.IdxError: an IDX file cannot be used.
    """
    builder = prepare(data_dir, manual_dir, idx_dir)
    images, labels = _read_split(builder, train_split, "--train_split")
    eval_images, eval_labels = _read_split(builder, eval_split, "--eval_split")
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
    return Data(
        name=builder.info.full_name,
        image_shape=tuple(images.shape[1:]),
        num_classes=builder.info.features["label"].num_classes,
        train_examples=len(images),
        eval_examples=len(eval_images),
        train=_shuffled(images, labels, batch_size, seed, epoch),
        evaluate=_in_order(eval_images, eval_labels, _EVALUATION_BATCH),
        set_epoch=epoch.assign,
    )


def prepare(
    data_dir: str | None, manual_dir: str | None, idx_dir: str | None
) -> tfds.core.DatasetBuilder:
    """Builds the data set unless it is there already, and returns its builder.

    Args:
      data_dir: as in `load`.
      manual_dir: as in `load`.
      idx_dir: as in `load`.

    Raises:
      TrainerError: the data set cannot be had.
      mnist_idx_tfds.idx.IdxError: an IDX file cannot be used.
    """
    config = _folder_config(idx_dir) if idx_dir else "mnist"
    builder = mnist_idx_tfds.Builder(data_dir=data_dir, config=config)
    if builder.is_prepared():
        return builder
    if manual_dir:
        _check_manual_dir(epath.Path(manual_dir).expanduser(), builder)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=manual_dir, try_download_gcs=False
            )
        )
    except (requests.RequestException, tfds.download.DownloadError) as e:
        raise TrainerError(f"MNIST could not be downloaded: {e}. {_NO_NETWORK}") from e
    return builder


def _folder_config(idx_dir: str) -> mnist_idx_tfds.IdxConfig:
    """Names a folder's files by their content, so that no other's data is reused."""
    pairs = idx_set.find(idx_dir)
    digest = hashlib.sha256("".join(idx_set.sha256(pairs).values()).encode())
    name = re.sub(r"[^\w.-]", "_", epath.Path(idx_dir).expanduser().resolve().name)
    return mnist_idx_tfds.IdxConfig(
        name=f"{name}-{digest.hexdigest()[:12]}", idx_dir=idx_dir
    )


def _check_manual_dir(
    manual_dir: epath.Path, builder: tfds.core.DatasetBuilder
) -> None:
    """Raises an error if a file is missing, which TFDS would go and download."""
    names = [info.filename for info in builder.url_infos.values()]
    missing = [name for name in names if not (manual_dir / name).exists()]
    if missing:
        raise TrainerError(
            f"--manual_dir={manual_dir}: expected the four published MNIST files, "
            f"did not find {', '.join(missing)}. For other files, use --idx_dir."
        )


def _read_split(
    builder: tfds.core.DatasetBuilder, split: str, flag: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns images uint8 `(n, height, width, channels)` and labels int64 `(n,)`."""
    try:
        batches = list(_decoded_batches(builder, split))
    except (ValueError, KeyError, AssertionError) as e:
        names = ", ".join(builder.info.splits)
        reason = str(e).splitlines()[0]
        raise TrainerError(
            f"{flag}={split}: expected a split such as 'train' or 'train[:85%]' of "
            f"{names}: {reason}"
        ) from e
    if not batches:
        raise TrainerError(f"{flag}={split}: expected examples, found none in it.")
    images, labels = zip(*batches, strict=True)
    return tf.concat(images, 0), tf.concat(labels, 0)


def _decoded_batches(
    builder: tfds.core.DatasetBuilder, split: str
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    # Undecoded, because images are decoded several times faster in batches.
    skip = {"image": tfds.decode.SkipDecoding()}
    shape = builder.info.features["image"].shape
    dataset = builder.as_dataset(split=split, decoders=skip, as_supervised=True)

    def decode(png):
        return tf.reshape(tf.io.decode_png(png, channels=shape[-1]), shape)

    def decode_batch(pngs, labels):
        spec = tf.TensorSpec(shape, tf.uint8)
        return tf.map_fn(decode, pngs, fn_output_signature=spec), labels

    dataset = dataset.batch(_READ_BATCH)
    return iter(dataset.map(decode_batch, num_parallel_calls=tf.data.AUTOTUNE))


def _shuffled(
    images: tf.Tensor, labels: tf.Tensor, batch_size: int, seed: int, epoch: tf.Variable
) -> tf.data.Dataset:
    """Batches every example once, in an order that seed and epoch alone decide."""
    examples = len(images)
    steps = -(-examples // batch_size)

    def one_epoch(_):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(examples), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )

        def batch(step):
            rows = order[step * batch_size : (step + 1) * batch_size]
            return tf.gather(images, rows), tf.gather(labels, rows)

        return tf.data.Dataset.range(steps).map(
            batch, num_parallel_calls=tf.data.AUTOTUNE
        )

    # The epoch is read from its variable as each iteration begins.
    dataset = tf.data.Dataset.range(1).flat_map(one_epoch)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _in_order(images: tf.Tensor, labels: tf.Tensor, batch_size: int) -> tf.data.Dataset:
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    return dataset.batch(batch_size).cache().prefetch(tf.data.AUTOTUNE)
