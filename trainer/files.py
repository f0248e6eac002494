"""Files that are there as a whole or not at all."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields where to write a draft, which takes the file's place when that is done.

    After an error, a kill or a full disk at any moment, the file is what it was.

    Args:
      path: the file, on this machine; the draft's name ends as its name does.

    Raises:
      OSError: it cannot be written.
    """
    path = pathlib.Path(path)
    draft = path.with_name(f".{path.name}")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())  # Else a crash could leave the name without bytes.
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def check(path: str | os.PathLike[str]) -> None:
    """Tries to write where a file is to be, before there is anything to lose.

    Raises:
      OSError: it could not be written.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", f"{path}")
    with tempfile.TemporaryFile(dir=path.parent):
        pass
