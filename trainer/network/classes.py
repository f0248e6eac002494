"""Which of a network's classes those of a data set are."""

import os
from collections.abc import Sequence

import numpy as np

from trainer.errors import TrainerError
from trainer.network.card import Card, by


def fitted(
    path: str | os.PathLike[str],
    card: Card,
    data: str,
    image_shape: tuple[int, int, int],
    data_names: Sequence[str],
) -> tuple[Sequence[str], np.ndarray]:
    """Checks that a network can be asked about a data set, and matches their classes.

    Args:
      path: as of `matched`.
      card: of the network.
      data: as of `matched`.
      image_shape: of the data set's images.
      data_names: as of `matched`.

    Returns:
      As `matched`.

    Raises:
      TrainerError: the images are of another shape, or as of `matched`.
    """
    taken = card.image_shape
    if any(t not in (None, g) for t, g in zip(taken, image_shape, strict=True)):
        found, expected = map(by, (taken, image_shape))
        raise TrainerError(
            f"{path}: images: expected {expected}, as in {data}, found a model of "
            f"{found}. Is it trained on other data?"
        )
    return matched(path, card.label_names, data_names, data)


def matched(
    path: str | os.PathLike[str],
    model_names: Sequence[str],
    data_names: Sequence[str],
    data: str,
) -> tuple[Sequence[str], np.ndarray]:
    """Finds the classes of a data set among those of a network.

    Classes go by name. By their labels they go only where no name is the same, and one
    side has no names but its labels.

    Args:
      path: of the network, for errors.
      model_names: names of its classes, or their labels as text.
      data_names: the same of the data set's.
      data: what the data set is called, for errors.

    Returns:
      Names for the network's classes, and the network's label for each of the data
      set's, int64 `(classes of the data set,)`.

    Raises:
      TrainerError: there is a class that the network does not know.
    """
    model, given = tuple(model_names), tuple(data_names)
    label_of = {name: label for label, name in enumerate(model)}
    are_named = _are_names(model) and _are_names(given)
    if are_named or not label_of.keys().isdisjoint(given):
        if unknown := [name for name in given if name not in label_of]:
            more = f" and {len(unknown) - 3:,} more" if unknown[3:] else ""
            raise TrainerError(
                f"{path}: classes: expected a model that knows those of {data}, "
                f"found none of the name {', '.join(unknown[:3])}{more}. Is it trained "
                "on other data?"
            )
        return model, np.array([label_of[name] for name in given], np.int64)
    if len(given) > len(model):
        raise TrainerError(
            f"{path}: classes: expected {len(given):,}, as in {data}, found a "
            f"model of {len(model):,}. Is it trained on other data?"
        )
    names = model if _are_names(model) else given + model[len(given) :]
    return names, np.arange(len(given))


def _are_names(names: tuple[str, ...]) -> bool:
    """Whether classes have names, not only the labels that stand for them."""
    return names != tuple(map(str, range(len(names))))
