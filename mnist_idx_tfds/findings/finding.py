"""Something odd about a set, and the images that it is about."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from mnist_idx_tfds.foreign import shown

SHOWN = 3  # Images or labels named in a message.


class Place(NamedTuple):
    """An image of a set: split, position in its file from 0, class where it matters."""

    split: str
    index: int  # type: ignore[assignment]  # A tuple's method.
    name: str = ""  # Of the class, such as "label 3" or "label cat".
    file: str = ""  # That the image was, where it is known.

    def __str__(self) -> str:
        about = ", ".join(filter(None, (shown(self.file), self.name)))
        return f"{self.split} {self.index}{f' ({about})' * bool(about)}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that one should know before training on a set; as text, one line.

    Attributes:
      kind: the rule that it comes from, such as "unseen_labels".
      grave: whether accuracy on this set cannot be taken for what it says.
      message: what was found, with numbers, and what follows.
      count: images that it is about; of a rule about classes, classes.
      items: the first few of the images, those together that are the same.
    """

    kind: str
    grave: bool
    message: str
    count: int
    items: tuple[tuple[Place, ...], ...] = ()

    def __str__(self) -> str:
        items = [" = ".join(map(str, places)) for places in self.items]
        if items and self.count > len(items):
            items.append("...")
        return f"{self.message}: {', '.join(items)}" if items else self.message

    def with_files(self, files: dict[str, dict[int, str]]) -> "Finding":
        """Returns it with the files of its images, by split and position."""
        items = tuple(
            tuple(p._replace(file=files[p.split].get(p.index, "")) for p in places)
            for places in self.items
        )
        return dataclasses.replace(self, items=items)


def class_name(label: int, names: Sequence[str] | None) -> str:
    """Returns what a class is called, such as "label cat", or else "label 3"."""
    return f"label {names[label] if names else label}"


def class_names(labels: list[int], names: Sequence[str] | None) -> str:
    """Returns what classes are called, such as "labels cat, 1, owl, ..."."""
    listed = ", ".join(f"{names[n] if names else n}" for n in labels[:SHOWN])
    return f"label{'s' * (len(labels) > 1)} {listed}{', ...' * (len(labels) > SHOWN)}"


def have(count: int) -> str:
    """Returns the verb that goes with a count."""
    return "has" if count == 1 else "have"


def percent(share: float) -> str:
    """Returns a share for people; what is not none never looks like it."""
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"
