"""Which examples two splits have in common, as their places in the files say."""

import collections
import os
from typing import Any

import tensorflow_datasets as tfds

from trainer import settings
from trainer.data import source

# What TFDS raises for a split that is not there or none.
NO_SPLIT = (ValueError, KeyError, AssertionError, NotImplementedError)


def count(builder: tfds.core.DatasetBuilder, split: str, other: str) -> int:
    """Returns how many examples of a split are examples of another one, too.

    The other one has none twice.
    """
    there = _places(builder, other)
    return sum(
        max(0, min(stop, end) - max(start, begin))
        for file, ranges in _places(builder, split).items()
        for start, stop in ranges
        for begin, end in there[file]
    )


def repeats(builder: tfds.core.DatasetBuilder, split: str) -> int:
    """Returns how many examples a split has more than once, as "train+train" has all."""
    found = 0
    for ranges in _places(builder, split).values():
        reached = 0
        for start, stop in sorted(ranges):
            found += max(0, min(stop, reached) - start)
            reached = max(reached, stop)
    return found


def said(
    builder: tfds.core.DatasetBuilder,
    split: str,
    run: dict[str, Any],
    digests: dict[str, str],
) -> str:
    """Returns a line on examples that a model was trained on; empty if none are known.

    Args:
      builder: of the data set that the model is asked about.
      split: TFDS split of it.
      run: settings of the model's run; empty where they are not known.
      digests: of the files that it was trained on, as of `source.digests`; the same.
    """
    files = sorted(source.digests(builder).values())
    is_same = bool(files) and files == sorted(digests.values())
    if not is_same and run.get(settings.DATASET) != builder.info.full_name:
        return ""
    trained = str(run.get(settings.TRAIN_SPLIT))
    try:
        common = count(builder, split, trained)
    except NO_SPLIT:
        return ""
    if not common:
        return ""
    examples = builder.info.splits[split].num_examples
    common = min(common, examples)  # Runs of before could have some twice.
    return (
        f"{common:,} of these {examples:,} images ({split}) are among those that the "
        f"model was trained on ({trained}): of others it gets fewer right"
    )


def _places(
    builder: tfds.core.DatasetBuilder, split: str
) -> dict[str, list[tuple[int, int]]]:
    """Returns the first place and the one after the last of each range, by file."""
    places = collections.defaultdict(list)
    for part in builder.info.splits[split].file_instructions:
        name = os.path.basename(part.filename)
        places[name].append((part.skip, part.skip + part.take))
    return places
