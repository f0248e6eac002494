"""Pictures in folders, and in folders in these."""

import os
from collections.abc import Callable, Iterable, Iterator

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures.folder import entries


def opened(files: Iterable[str], complain: Callable[[str], None]) -> Iterator[str]:
    """Yields files, and in the place of a folder the files in it, sorted by their names.

    As for `mnist_idx_tfds.pack`, what is hidden is passed over. Links are followed.

    Args:
      files: paths of files and folders.
      complain: is told, in a line, of each folder that cannot be used.
    """
    for file in files:
        if not os.path.isdir(os.path.expanduser(file)):
            yield file
            continue
        found = False
        for picture in _files(os.path.expanduser(file), (), complain):
            found = True
            yield picture
        if not found:
            complain(str(idx.error(file, "folder", "at least one picture", "none")))


def _files(
    folder: str, above: tuple[str, ...], complain: Callable[[str], None]
) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:
        expected, found = "no link to a folder that it is in", f"one to {real}"
        complain(str(idx.error(folder, "folder", expected, found, "Remove it.")))
        return
    try:
        visible = list(entries(folder))
    except OSError as e:
        found = f"an error: {(e.strerror or str(e)).lower()}"
        complain(str(idx.error(folder, "folder", "one that can be read", found)))
        return
    for entry in visible:
        if entry.is_dir():
            yield from _files(entry.path, (*above, real), complain)
        else:
            yield entry.path
