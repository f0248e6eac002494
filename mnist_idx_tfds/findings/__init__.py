"""What is odd about a set of images, before time is spent on it.

A finding is not an error: the set is whole and can be trained on, but the accuracy that
comes of it may not mean what it seems to.
"""

from collections.abc import Callable, Iterable, Sequence

from mnist_idx_tfds import idx
from mnist_idx_tfds.findings import classes, images
from mnist_idx_tfds.findings.finding import Finding, Place
from mnist_idx_tfds.findings.tally import Tally


def find(
    train: Tally,
    test: Tally,
    num_classes: int,
    names: Sequence[str] | None = None,
    pictures: Callable[[str], Iterable[str] | None] = lambda _: None,
) -> list[Finding]:
    """Returns what is odd about a set, the gravest first.

    Args:
      train: of the split to train on.
      test: of the split to test on.
      num_classes: labels are 0 to `num_classes - 1`.
      names: of the classes, in the order of their labels, if they have any.
      pictures: gives the files that the images of a split were, if that is known.
    """
    found = [
        *classes.find(train, test, num_classes, names),
        *images.find(train, test, names),
    ]
    found = sorted(found, key=lambda finding: not finding.grave)
    files = {part: _files(part, found, pictures) for part in ("train", "test")}
    return [finding.with_files(files) for finding in found]


def _files(
    part: str, found: list[Finding], pictures: Callable[[str], Iterable[str] | None]
) -> dict[int, str]:
    """Returns the files of the images of a part that are named, by their positions."""
    places = (place for f in found for same in f.items for place in same)
    wanted = {place.index for place in places if place.split == part}
    try:
        paths = (wanted and pictures(part)) or ()
        return {n: path for n, path in enumerate(paths) if n in wanted}
    except idx.IdxError:
        return {}  # Whoever reads the set says what is wrong with that file.
