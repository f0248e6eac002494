"""The images that a network gets wrong, as pictures in folders by class."""

import contextlib
import csv
import os
import pathlib
import tempfile
from collections.abc import Iterator

from mnist_idx_tfds import class_folders, whole_files
from mnist_idx_tfds.foreign import cell
from mnist_idx_tfds.pictures import making
from trainer.errors import TrainerError
from trainer.quality.evaluation import Evaluation

TABLE = "mistakes.csv"
_COLUMNS = ("index", "true", "predicted", "probability", "source", "file")


def check(folder: str | os.PathLike[str]) -> None:
    """Tries to write where `write` is to, and leaves nothing there.

    Raises:
      TrainerError: the folder holds something, or is none.
      OSError: it cannot be written.
    """
    with _made(pathlib.Path(folder)) as path:
        whole_files.check(path / TABLE)


def write(folder: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Writes TRUE/PREDICTED/INDEX.png for each mistake, and a table of them all.

    Folders have the names of the classes, as far as a file system takes these; the
    table, `mistakes.csv`, has them as they are, but for formulas. It comes last: where it is, all is.

    Args:
      folder: made where missing, with those that it is in.
      evaluation: with the mistakes to write.

    Raises:
      TrainerError: the folder holds something, or is none.
      OSError: it cannot be written.
    """
    names = class_folders.names(evaluation.label_names, [TABLE])
    with (
        _made(pathlib.Path(folder)) as path,
        tempfile.TemporaryDirectory(prefix=".mistakes-", dir=path) as temporary,
    ):
        draft = pathlib.Path(temporary)
        # Paths of pictures may not be in UTF-8.
        with (draft / TABLE).open(
            "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(_COLUMNS)
            for mistake in evaluation.mistakes:
                true, predicted = mistake.label, mistake.predicted
                file = pathlib.PurePosixPath(
                    names[true], names[predicted], f"{mistake.index}.png"
                )
                (draft / file).parent.mkdir(parents=True, exist_ok=True)
                making.of_pixels(mistake.image).save(draft / file)
                table.writerow(
                    [
                        mistake.index,
                        cell(evaluation.label_names[true]),
                        cell(evaluation.label_names[predicted]),
                        mistake.probability,
                        cell(mistake.source or ""),
                        # A path must stay one, to the same file.
                        f"./{file}" if cell(f"{file}") != f"{file}" else file,
                    ]
                )
        for part in sorted(draft.iterdir(), key=lambda part: part.name == TABLE):
            part.rename(path / part.name)


@contextlib.contextmanager
def _made(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Makes an empty folder, which is gone again if nothing is in it at the end."""
    if path.exists() and not path.is_dir():
        found = "a file"
    else:
        found = f"{next(path.iterdir()).name} in it" if _holds(path) else ""
    if found:
        raise TrainerError(
            f"--mistakes={path}: expected an empty folder, or none, found {found}. "
            "Choose another, or remove what is there."
        )
    made = [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        for folder in made:
            if not _holds(folder):
                folder.rmdir()


def _holds(folder: pathlib.Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
