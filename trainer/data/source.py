"""The data set to train on: found, or built on first use."""

import contextlib
import difflib
import hashlib
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds
from etils import epath

import mnist_idx_tfds
from mnist_idx_tfds import by_name, idx_set, mirrors
from trainer import settings
from trainer.data import features
from trainer.errors import TrainerError

MNIST = "mnist_idx_tfds"
_FIRST, _LONGEST = 2, 32  # Seconds between signs of life.
# What the code of a data set raises of itself, whatever it is asked for.
_DEFECTS = (
    *(ArithmeticError, AttributeError, LookupError, NameError),
    *(NotImplementedError, RecursionError, TypeError),
)


def prepare(
    data_dir: str | None,
    manual_dir: str | None,
    idx_dir: str | None,
    dataset: str = MNIST,
    transpose: str = "auto",
) -> tfds.core.DatasetBuilder:
    """Builds the data set unless it is there already, and returns its builder.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default.
      manual_dir: folder with files to use instead of a download: for MNIST, the four
        published ones; for another data set, what its page at TFDS asks for.
      idx_dir: folder of four IDX files, instead of `dataset`.
      dataset: "name", "name/config" or either with ":version" or "/version", of a
        data set that TFDS knows or that is built in `data_dir`; by default MNIST.
      transpose: whether the images in `idx_dir` are stored with rows as columns; see
        `mnist_idx_tfds.IdxConfig`.

    Raises:
      TrainerError: the data set cannot be had, or is not one of images with a label
        each; see `features`.
      mnist_idx_tfds.idx.IdxError: an IDX file cannot be used.
    """
    _check_data_dir(data_dir)
    if idx_dir:
        config = _folder_config(idx_dir, transpose)
        builder = mnist_idx_tfds.Builder(data_dir=data_dir, config=config)
    else:
        builder = _find(dataset, data_dir)
    features.find(builder.info)  # Before a download that would be in vain.
    if builder.is_prepared():
        if isinstance(builder, mnist_idx_tfds.Builder):
            builder.download_and_prepare()  # Which says whether all of it was built.
        by_name.complete(builder)
        return builder
    if manual_dir and isinstance(builder, mnist_idx_tfds.Builder):
        _check_manual_dir(epath.Path(manual_dir).expanduser(), builder)
    config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
    with _announced(builder, idx_dir or manual_dir):
        if isinstance(builder, mnist_idx_tfds.Builder):
            builder.download_and_prepare(download_config=config)
            return builder
        try:
            with mirrors.bounded_requests():
                builder.download_and_prepare(download_config=config)
        except Exception as e:  # Whatever the code of that data set may raise.
            raise TrainerError(
                f"--dataset={dataset}: expected TFDS to build it in {builder.data_dir}, "
                f"found {type(e).__name__}: {by_name.reason(e)}.{_where(e)}"
            ) from e
    return builder


def prepare_for(
    recorded: dict[str, Any],
    data_dir: str | None,
    manual_dir: str | None,
    idx_dir: str | None,
    dataset: str | None,
    transpose: str = "auto",
) -> tuple[tfds.core.DatasetBuilder, dict[str, Any]]:
    """Builds, unless it is there, the data set that a model is to be asked about.

    Where none is given, it is that of the model's run, or MNIST; where `data_dir` is
    None, it is where the run had it, if that is still there. `recorded` are settings of
    the run, empty where they are not known; all else is as for `prepare`.

    Returns:
      The builder, and what of the settings holds for it: all, or nothing.

    Raises:
      TrainerError: as for `prepare`.
      mnist_idx_tfds.idx.IdxError: as for `prepare`.
    """
    # What is said of the run's data set does not hold for another.
    run = {} if dataset or idx_dir else recorded
    name, _, version = str(run.get(settings.DATASET, "")).rpartition("/")
    folder = str(run.get(settings.DATA_DIR) or "")
    if not data_dir and folder and epath.Path(folder).is_dir():
        data_dir = folder
    dataset = dataset or (name and f"{name}:{version}") or MNIST
    try:
        return prepare(data_dir, manual_dir, idx_dir, dataset, transpose), run
    except TrainerError as e:
        if not run:
            raise
        raise TrainerError(
            f"data set of the model's run: expected {run[settings.DATASET]} here, found "
            "none. Give --idx_dir or --dataset to ask it about other images. In detail: "
            f"{e}"
        ) from e


@contextlib.contextmanager
def _announced(builder: tfds.core.DatasetBuilder, folder: str | None) -> Iterator[None]:
    """Says in a line what is built within, from what and where, and that it goes on.

    TFDS says it in two long lines, of sizes which it does not know; its bars are only
    for terminals.
    """
    size = builder.info.download_size
    if isinstance(builder, mnist_idx_tfds.Builder):
        files = {info.filename: info.size for info in builder.url_infos.values()}
        size = tfds.core.utils.Size(sum(files.values()))
    origin = folder or (f"a download of {size}" if size else "a download")
    name = builder.info.full_name
    print(f"building {name} from {origin} in {builder.data_dir}", flush=True)
    builder._log_download_bytes = builder._log_download_done = lambda: None
    tfds.display_progress_bar(sys.stderr.isatty())
    ended, begun = threading.Event(), time.monotonic()

    def tick() -> None:
        for pause in pauses():
            if ended.wait(pause):
                return
            seconds = round(time.monotonic() - begun)
            print(f"building {name} for {seconds} s", flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    if not sys.stderr.isatty():
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.ident:  # It was started; no line of it comes after what follows.
            thread.join()


def pauses() -> Iterator[int]:
    """Yields the seconds between signs of life, of which long work has fewer."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST)


def _check_data_dir(data_dir: str | None) -> None:
    folder = os.path.expanduser(data_dir or os.environ.get("TFDS_DATA_DIR") or "~")
    try:
        os.fspath(folder).encode()
    except UnicodeEncodeError as e:
        raise TrainerError(
            f"--data_dir={folder}: expected a path in UTF-8, since TFDS takes no other, "
            "found other bytes"
        ) from e


def findings(builder: tfds.core.DatasetBuilder) -> tuple[str, ...]:
    """Returns what is odd about a prepared data set, the gravest first, a line each.

    That is known of what `mnist_idx_tfds` built, see its `findings`; of other data sets
    it is empty.
    """
    return tuple(dict(builder.info.metadata or {}).get("findings", ()))


def digests(builder: tfds.core.DatasetBuilder) -> dict[str, str]:
    """Returns the SHA-256 of the files that a data set is built from, if it is known."""
    return dict(dict(builder.info.metadata or {}).get("sha256", {}))


def idx_dir(builder: tfds.core.DatasetBuilder) -> str | None:
    """Returns the folder of IDX files that a data set is built from, if it is known."""
    if not isinstance(builder, mnist_idx_tfds.Builder):
        return None  # It was found by name, which does not say.
    folder = builder.builder_config.idx_dir
    return f"{epath.Path(folder).expanduser().resolve()}" if folder else None


def data_dir(builder: tfds.core.DatasetBuilder) -> str:
    """Returns the folder that TFDS has a data set in, among others."""
    levels = builder.info.full_name.count("/")
    return f"{epath.Path(builder.data_dir).resolve().parents[levels]}"


def opened(builder: tfds.core.DatasetBuilder) -> idx_set.IdxSet | None:
    """Returns the set of IDX files that a data set is built from, where it is open."""
    is_ours = isinstance(builder, mnist_idx_tfds.Builder)
    return builder.builder_config.opened if is_ours else None


def _find(dataset: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    try:
        # A version as TFDS takes it, where it is as the full name of a set has it.
        name = re.sub(r"/(\d+\.\d+\.\d+)$", r":\1", dataset)
        return tfds.builder(name, data_dir=data_dir)
    except Exception as e:  # TFDS has no one class for what a name can have wrong.
        folder = mnist_idx_tfds.Builder(data_dir=data_dir).data_dir
        folder = epath.Path(folder).parents[2]
        close = difflib.get_close_matches(dataset, _known(dataset, folder))
        hint = f" Is it {' or '.join(close)}?" if close else ""
        raise TrainerError(
            f"--dataset={dataset}: expected a data set that TFDS knows or that is built "
            f"in {folder}, such as fashion_mnist, emnist/letters or mnist:3.0.1, found "
            f"none: {by_name.reason(e)}.{hint}{_where(e)}"
        ) from e


def _known(dataset: str, folder: epath.Path) -> set[str]:
    """Returns all names that would do, with the configurations of the one meant."""
    known = set(tfds.list_builders(with_community_datasets=False))
    name = re.split("[/:]", dataset)[0]
    if name in known:
        known |= {
            f"{name}/{config}" for config in tfds.builder_cls(name).builder_configs
        }
    for levels in ("*/*", "*/*/*"):  # With and without a configuration.
        for path in folder.glob(f"{levels}/features.json"):
            known.add("/".join(path.relative_to(folder).parts[:-2]))
    return known


def _where(e: Exception) -> str:
    """Returns how to see where an error comes from that is a defect of some code."""
    return " --verbosity=1 shows where." if isinstance(e, _DEFECTS) else ""


def _folder_config(idx_dir: str, transpose: str) -> mnist_idx_tfds.IdxConfig:
    """Names a folder's files by their content, so that no other's data is reused."""
    opened = idx_set.IdxSet(idx_dir, transpose)
    for note in opened.notes:
        print(note, file=sys.stderr, flush=True)
    content = "".join([*opened.sha256.values(), *opened.notes])
    digest = hashlib.sha256(content.encode())
    name = re.sub(r"[^\w.-]", "_", epath.Path(idx_dir).expanduser().resolve().name)
    return mnist_idx_tfds.IdxConfig(
        name=f"{name}-{digest.hexdigest()[:12]}",
        idx_dir=idx_dir,
        transpose=transpose,
        opened=opened,
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
