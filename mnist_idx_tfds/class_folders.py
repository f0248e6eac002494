"""What the folder of a class is called."""

import re
from collections.abc import Iterable, Sequence

from mnist_idx_tfds.foreign import NO_NAME

_LONGEST = 120  # Bytes of a class's name in it; file systems take 255.


def names(classes: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """Returns a name for the folder of each class, each another in any case.

    A name that file systems take is as it is. In others what they do not take becomes
    "_", and the label follows, as it does where another class has that name already.

    Args:
      classes: their names, in the order of their labels.
      others: names of what lies beside these folders.
    """
    taken = {name.casefold() for name in others}
    folders = []
    for label, name in enumerate(classes):
        safe = re.sub(r'[\\/:*?"<>|]', "_", name)
        safe = NO_NAME.sub("_", safe)
        safe = safe.encode()[:_LONGEST].decode("utf-8", "ignore").strip(" .")
        folder = safe if safe and safe == name else f"{safe}-{label}".lstrip("-")
        while folder.casefold() in taken:
            folder = f"{folder}-{label}"
        taken.add(folder.casefold())
        folders.append(folder)
    return folders
