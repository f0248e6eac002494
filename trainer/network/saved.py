"""A saved network with its card, in one file; or with what lies beside it instead."""

import dataclasses
import hashlib
import os
import pathlib
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from mnist_idx_tfds import idx_set, whole_files
from trainer import settings
from trainer.errors import TrainerError
from trainer.network import card as cards
from trainer.network.card import Card

LABELS = idx_set.NAMES_FILE  # UTF-8, a line for each class, in the order of the labels.
_WEIGHTS = "model.weights.h5"  # Keras's member for them; the card has its digest.


class Saved(NamedTuple):
    """A network, and what must be known to use it.

    Attributes:
      network: from images `(batch, height, width, channels)` to class probabilities
        `(batch, classes)`; not compiled.
      card: of the network.
    """

    network: keras.Model
    card: Card


def load(path: str | os.PathLike[str]) -> Saved:
    """Reads a saved model, to predict with; nothing in the file is executed.

    A file without a card, which Keras or a run of version 1.1.0 wrote, is taken with
    the names and settings that lie beside it, if they do.

    Args:
      path: a `.keras` file, as a run with `--workdir` or Keras's `Model.save` writes.

    Raises:
      TrainerError: the file is not there, or is not such a model, or its card or what
        lies beside it is damaged or another model's.
      idx.IdxError: `labels.txt` beside it cannot be read.
    """
    path = pathlib.Path(path).expanduser()
    with _opened(path) as archive:
        read = cards.read(archive, path)  # Before Keras unpacks all members.
        network = _load_network(path)
        digest = hashlib.sha256(archive.read(_WEIGHTS)).hexdigest() if read else ""
    if read:
        card, fields = read
        _check_fits(card, network, f"{path}: {cards.MEMBER}")
        if fields.get("weights") != digest:
            raise TrainerError(
                f"{path}: {cards.MEMBER}: expected the card of these weights, found "
                "that of others. Write it by Classifier.save, not by hand."
            )
        return Saved(network, card)
    run = settings.read(path.parent)
    card = Card(
        label_names=read_labels(path.parent, network.output_shape[-1]),
        image_shape=network.input_shape[1:],
        fit=_fit_of(run),
        settings=run,
    )
    if isinstance(shape := run.get("image_shape"), list):
        said = dataclasses.replace(card, image_shape=tuple(shape))
        _check_fits(said, network, f"{path.parent / settings.NAME}")
    return Saved(network, card)


def origin(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns what run a model is from, and of which files, without loading it.

    Args:
      path: as of `load`.

    Returns:
      The settings of the run, and the digests of the files that it was trained on, as a
      card has them; empty where they are not known.

    Raises:
      TrainerError: as of `load`.
    """
    path = pathlib.Path(path).expanduser()
    with _opened(path) as archive:
        read = cards.read(archive, path)
    if read is None:
        return settings.read(path.parent), {}
    return read[0].settings, read[0].digests


def save(path: str | os.PathLike[str], network: keras.Model, card: Card) -> None:
    """Writes a network and its card as one `.keras` file, as a whole or not at all.

    Args:
      path: of the file, on this machine.
      network: what `load` returns.
      card: of the network.

    Raises:
      TrainerError: the file is not called `.keras`, or the card is another network's.
      OSError: it cannot be written.
    """
    path = pathlib.Path(path).expanduser()
    if path.suffix != ".keras":
        raise TrainerError(
            f"{path}: name: expected one that ends in .keras, found none"
        )
    _check_fits(card, network, f"{path}: {cards.MEMBER}")
    with whole_files.replaced(path) as draft:
        network.save(draft)
        with zipfile.ZipFile(draft, "a") as archive:
            digest = hashlib.sha256(archive.read(_WEIGHTS)).hexdigest()
            archive.writestr(cards.MEMBER, card.to_json(weights=digest))


def _check_fits(card: Card, network: keras.Model, where: str) -> None:
    own = *network.input_shape[1:], network.output_shape[-1]
    said = *card.image_shape, len(card.label_names)
    if own != said:
        own_text, said_text = (
            f"images of {cards.by(sizes[:-1])} in {sizes[-1]} classes"
            for sizes in (own, said)
        )
        raise TrainerError(
            f"{where}: expected what is said of this model, {own_text}, found another "
            f"model's, {said_text}"
        )


def _fit_of(run: dict[str, object]) -> str | None:
    """Returns how pictures were fitted to the networks of version 1.1.0's runs."""
    dataset = str(run.get(settings.DATASET, ""))
    if dataset.startswith("mnist_idx_tfds/"):
        return "ink" if dataset.startswith("mnist_idx_tfds/mnist/") else "whole"
    return None


def _opened(path: pathlib.Path) -> zipfile.ZipFile:
    if not path.exists():
        raise TrainerError(f"{path}: file: expected a .keras model, found no such file")
    try:
        # By its content, too, because Keras calls what is not a zip file not found.
        if path.suffix == ".keras":
            return zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        pass  # As for a file of another format.
    raise TrainerError(
        f"{path}: format: expected a whole .keras file, as Keras 3 saves models, "
        "found none. Is it of another format, or cut short?"
    )


def _load_network(path: pathlib.Path) -> keras.Model:
    try:
        with warnings.catch_warnings():
            # Layers whose weights are not in the file would keep random ones.
            warnings.filterwarnings("error", "Skipping nested container")
            network = keras.saving.load_model(path, compile=False)
    except Exception as e:  # There is no end to what damage makes Keras raise.
        reason = f"{type(e).__name__}: {e}".rpartition("Exception encountered: ")[2]
        reason = reason.splitlines()[0].partition(". ")[0]
        raise TrainerError(
            f"{path}: model: expected Keras's own layers with their weights, found "
            f"{reason.rstrip('.')}. It may be damaged, or hold code, which is not run."
        ) from e
    shapes = [
        [tensor.shape for tensor in getattr(network, side, None) or ()]
        for side in ("inputs", "outputs")
    ]
    if [[len(shape) for shape in side] for side in shapes] != [[4], [2]]:
        found = " to ".join(", ".join(map(str, side)) or "nothing" for side in shapes)
        raise TrainerError(
            f"{path}: shapes: expected (batch, height, width, channels) to (batch, "
            f"classes), found {found}. This is no classifier of images."
        )
    # A Sequential of a file has no output of its own; of others it may be a list of one.
    output = getattr(network, "output", None)
    if not isinstance(output, keras.KerasTensor):
        name = network.name
        network = keras.Model(network.inputs[0], network.outputs[0], name=name)
    return network


def write_labels(folder: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Writes `labels.txt`.

    Args:
      folder: where the network is saved.
      names: of the classes, in the order of their labels.

    Raises:
      OSError: the file cannot be written.
    """
    idx_set.write_names(pathlib.Path(folder) / LABELS, names)


def read_labels(folder: str | os.PathLike[str], num_classes: int) -> tuple[str, ...]:
    """Reads `labels.txt`; without it, classes go by their labels' numbers.

    Args:
      folder: where the network is saved.
      num_classes: how many classes the network has.

    Raises:
      TrainerError: the file is another network's.
      idx.IdxError: the file cannot be read.
    """
    path = pathlib.Path(folder) / LABELS
    if not path.exists():
        return tuple(map(str, range(num_classes)))
    names = tuple(idx_set.read_names(path))
    if len(names) != num_classes:
        raise TrainerError(
            f"{path}: names: expected {num_classes}, one for each class of the model, "
            f"found {len(names)}. Is it another model's? Without it, classes are numbers."
        )
    return names
