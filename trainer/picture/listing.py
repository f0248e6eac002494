"""Pictures in folders, and in folders in these."""

import os
from collections.abc import Callable, Iterable, Iterator

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures.folder import walk


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
        for picture in walk(os.path.expanduser(file), lambda e: complain(str(e))):
            found = True
            yield picture
        if not found:
            complain(str(idx.error(file, "folder", "at least one picture", "none")))
