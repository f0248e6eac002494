"""Files that are there as a whole or not at all."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator

PathLike = str | os.PathLike[str]


@contextlib.contextmanager
def replaced(path: PathLike) -> Iterator[pathlib.Path]:
    """Yields where to write a draft, which takes the file's place when that is done.

    After an error, a kill or a full disk at any moment, the file is what it was. Where
    the path is a symbolic link, the file that it leads to is replaced, and it stays.

    Args:
      path: the file, on this machine. The draft has its name, in a folder of its own
        beside it, which a kill may leave behind.

    Raises:
      OSError: it cannot be written, or is a folder, a pipe or a device.
    """
    target = _target(path)
    with _folder_beside(target, path) as folder:
        draft = pathlib.Path(folder, pathlib.Path(path).name)
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())  # Else a crash could leave the name without bytes.
        draft.replace(target)


def check(path: PathLike) -> None:
    """Tries to write where a file is to be, before there is anything to lose.

    Raises:
      OSError: it could not be written.
    """
    with _folder_beside(_target(path), path) as folder:
        pathlib.Path(folder, "file").touch()


def _folder_beside(
    target: pathlib.Path, path: PathLike
) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=".draft-", dir=target.parent)
    except OSError as e:  # It names a folder that nobody knows.
        raise OSError(e.errno, e.strerror, f"{path}") from e


def _target(path: PathLike) -> pathlib.Path:
    """Returns the file itself, which may not be there yet, behind symbolic links."""
    target = pathlib.Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", f"{path}")
    with contextlib.suppress(FileNotFoundError):
        target.stat()  # Of links in a circle, this is the error.
        if not target.is_file():
            raise OSError(errno.EINVAL, "is no regular file", f"{path}")
    return target
