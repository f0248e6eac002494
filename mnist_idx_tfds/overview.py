"""What is in a set of four IDX files, for people: sizes, classes, and what is odd."""

from collections.abc import Iterator

import numpy as np

from mnist_idx_tfds import findings, idx_set, program

_COLUMNS = 80
_LONG = 20  # Classes in one column; of more there are as many columns as fit.
_NAME = 24  # Letters of a class's name.
_CLASSES = 1000  # Classes listed at all.


def of_set(opened: idx_set.IdxSet) -> tuple[list[str], list[findings.Finding]]:
    """Reads a whole set, with every check that building a data set does.

    Memory holds a chunk of images, and ten bytes for each that was read.

    Args:
      opened: the set; `train-files.txt` and `t10k-files.txt` are read, too, if its
        images were pictures.

    Returns:
      Lines that say what each split holds, class by class, and what is odd.

    Raises:
      idx.IdxError: the first thing found wrong with a file.
    """
    tallies = {part: findings.Tally(part) for part in opened.parts}
    lines = []
    for name, part in opened.parts.items():
        tally, path = tallies[name], part.images.path
        images = (images for images, _ in tally.watch(part.read()))
        for _ in program.progress(images, len(part.images), f"{path}", "images"):
            pass
        for _ in opened.pictures(name) or ():
            pass  # They are counted.
        lines.append(
            f"  {name:5}  {tally.images:,} images of {idx_set.size_name(opened.shape)}, "
            f"mean {tally.brightness[0]:.0f} of 255  {path.name}, {part.labels_path.name}"
        )
    lines += [f"  {note}" for note in opened.notes]
    counts = [tally.counts(opened.num_classes) for tally in tallies.values()]
    lines += _classes(opened.names or [], *counts)
    found = findings.find(
        tallies["train"],
        tallies["test"],
        opened.num_classes,
        opened.names,
        opened.pictures,
    )
    return lines, found


def _classes(names: list[str], train: np.ndarray, test: np.ndarray) -> Iterator[str]:
    """Yields images a class in sum, then class by class."""
    yield f"  {len(train):,} classes, of {_range(train)} training and {_range(test)} test images"
    listed = min(len(train), _CLASSES)
    table = [["label", *map(str, range(listed))]]
    table += [
        [head, *(f"{n:,}" for n in counts[:listed])]
        for head, counts in (("train", train), ("test", test))
    ]
    if names:
        table.append(["name", *(name[:_NAME] for name in names[:listed])])
    widths = [max(map(len, column)) for column in table]
    rows = [
        "  ".join(
            cell.ljust(width) if column == 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in zip(*table, strict=True)
    ]
    head, *rows = rows
    across = max(1, _COLUMNS // (len(head) + 4)) if listed > _LONG else 1
    down = -(-listed // across)
    yield "    " + "    ".join([head] * -(-listed // down)).rstrip()
    for n in range(down):
        yield "    " + "    ".join(rows[n::down]).rstrip()
    if listed < len(train):
        yield f"    ... and {len(train) - listed:,} classes more"


def _range(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
