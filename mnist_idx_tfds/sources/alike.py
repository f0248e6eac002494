"""Labels that are one class in two spellings, and classes that only look alike."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from unicodedata import normalize

from mnist_idx_tfds.sources.source import Placed, Source

_WHOLE = re.compile(r"(-?\d+)(\.0*)?")


def merged(source: Source, placed: Sequence[Placed]) -> tuple[Source, list[Placed]]:
    """Returns a source and its items with one name for each class.

    Texts that are equal after Unicode's NFC are one class; so are 3 and 3.0, where all
    labels are whole numbers. Names that a source has in an order of its own stay.
    """
    if source.unused != "refuse":
        return source, [*placed]
    labels = {item.label for item in placed} | {*(source.names or ())}
    names = {label: normalize("NFC", label) for label in labels}
    whole = [(label, _WHOLE.fullmatch(name)) for label, name in names.items()]
    if all(match for _, match in whole):
        names = {label: match[1] for label, match in whole if match}
    if source.names is not None:
        own = dict.fromkeys(names[label] for label in source.names)
        source = source._replace(names=[*own])
    return source, [item._replace(label=names[item.label]) for item in placed]


def notes(counts: Mapping[str, int]) -> list[str]:
    """Returns lines that name classes which differ in case, blanks or zeros alone.

    Counts are of the images of each class.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in counts:
        groups[_key(name)].append(name)
    return [
        f"odd: {' and '.join(f'{name} ({counts[name]:,})' for name in names)} "
        f"look alike, and are {len(names)} classes"
        for names in groups.values()
        if len(names) > 1
    ]


def _key(name: str) -> str:
    if len(name) == 1:
        return name  # Where letters are classes, a and A are two.
    text = normalize("NFKC", name).casefold()
    text = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", text)
    return re.sub(r"(?<![\d.])0+(?=\d)|(?<=\d)\.0+$", "", text)
