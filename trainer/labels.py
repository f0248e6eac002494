"""The names of the classes, in a file beside a network that predicts them."""

import os
import pathlib

from trainer.errors import TrainerError

FILE = "labels.txt"  # UTF-8, a line for each class, in the order of the labels.


def write(folder: str | os.PathLike, names: tuple[str, ...]) -> None:
    """Writes the file.

    Args:
      folder: where the network is saved.
      names: of the classes, in the order of their labels.

    Raises:
      OSError: the file cannot be written.
    """
    text = "".join(f"{name}\n" for name in names)
    (pathlib.Path(folder) / FILE).write_text(text, encoding="utf-8", newline="\n")


def read(folder: str | os.PathLike, num_classes: int) -> tuple[str, ...]:
    """Reads the file; where there is none, classes go by their labels' numbers.

    Args:
      folder: where the network is saved.
      num_classes: how many classes the network has.

    Raises:
      TrainerError: the file cannot be read, or is another network's.
    """
    path = pathlib.Path(folder) / FILE
    try:
        names = tuple(path.read_text(encoding="utf-8-sig").splitlines())
    except FileNotFoundError:
        return tuple(map(str, range(num_classes)))
    except (OSError, UnicodeDecodeError) as e:
        found = "other bytes"
        if isinstance(e, OSError):
            found = f"an error: {(e.strerror or str(e)).lower()}"
        raise TrainerError(f"{path}: file: expected UTF-8 text, found {found}") from e
    if len(names) != num_classes:
        raise TrainerError(
            f"{path}: names: expected {num_classes}, one for each class of the model, "
            f"found {len(names)}. Is it another model's? Without it, classes are numbers."
        )
    return names
