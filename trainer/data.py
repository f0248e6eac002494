"""The data set to train on: found, or built on first use."""

import hashlib
import re
import sys

import tensorflow_datasets as tfds
from etils import epath

import mnist_idx_tfds
from mnist_idx_tfds import idx_set
from trainer.errors import TrainerError


def prepare(
    data_dir: str | None, manual_dir: str | None, idx_dir: str | None
) -> tfds.core.DatasetBuilder:
    """Builds the data set unless it is there already, and returns its builder.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default.
      manual_dir: folder with the four published MNIST files, instead of a download.
      idx_dir: folder of four IDX files, instead of MNIST.

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
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=manual_dir, try_download_gcs=False
        )
    )
    return builder


def _folder_config(idx_dir: str) -> mnist_idx_tfds.IdxConfig:
    """Names a folder's files by their content, so that no other's data is reused."""
    paths = idx_set.files(idx_set.find(idx_dir))
    digest = hashlib.sha256("".join(map(idx_set.sha256, paths)).encode())
    name = re.sub(r"[^\w.-]", "_", epath.Path(idx_dir).expanduser().resolve().name)
    return mnist_idx_tfds.IdxConfig(
        name=f"{name}-{digest.hexdigest()[:12]}", idx_dir=idx_dir
    )


def _check_manual_dir(
    manual_dir: epath.Path, builder: tfds.core.DatasetBuilder
) -> None:
    """Raises an error if a file is missing, which TFDS would go and download."""
    names = sorted({info.filename for info in builder.url_infos.values()})
    missing = [name for name in names if not (manual_dir / name).exists()]
    if missing:
        raise TrainerError(
            f"--manual_dir={manual_dir}: expected the four published MNIST files, "
            f"did not find {', '.join(missing)}. For other files, use --idx_dir."
        )
