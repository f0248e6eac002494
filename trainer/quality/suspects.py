"""Labels that are likely wrong: ranked, in a table and on a page."""

import csv
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from mnist_idx_tfds.foreign import cell
from trainer.quality import report
from trainer.quality.evaluation import Answer

TABLE = "suspects.csv"
PAGE = "suspects.html"
_SHOWN = 200  # On the page.
# `pack` reads the first two, and the split; the second is there to be mended.
_COLUMNS = ("path", "label", "given", "suggested", "split", "probability", "source")


class Suspect(NamedTuple):
    """An image, and what a network that has not seen it says of its label.

    Attributes:
      part: of the set, "train" or "test".
      item: of the part, from 0.
      label: that it has.
      suggested: label with the highest probability, often the same.
      given: probability of the label that it has.
      probability: of the one that is suggested.
    """

    part: str
    item: int
    label: int
    suggested: int
    given: float
    probability: float


def ranked(
    places: Sequence[tuple[str, int]], labels: np.ndarray, probabilities: np.ndarray
) -> list[Suspect]:
    """Returns all images, those whose labels are the least likely first.

    By the probability of the label ("self-confidence"): what is between two other
    classes is no less wrong, and no threshold of a class is needed, as the networks
    have seen what each is like.

    Args:
      places: part and item of each image.
      labels: int64 `(n,)`.
      probabilities: of the classes, `(n, classes)`, by a network that has not seen it.
    """
    suggested = probabilities.argmax(axis=1)
    rows = np.arange(len(labels))
    given, best = probabilities[rows, labels], probabilities[rows, suggested]
    # Of equal ones the order is that of the files, whatever order they come in.
    order = sorted(rows.tolist(), key=lambda n: (given[n], places[n]))
    return [
        Suspect(
            *places[n],
            int(labels[n]),
            int(suggested[n]),
            float(given[n]),
            float(best[n]),
        )
        for n in order
    ]


def write(
    folder: pathlib.Path,
    name: str,
    names: Sequence[str],
    suspects: Sequence[Suspect],
    sources: Mapping[tuple[str, int], str],
    pack: str,
) -> int:
    """Writes the table of all images, and the page with those to look at first.

    Args:
      folder: with the pictures, as `mnist_idx_tfds.unpack` writes them.
      name: of the set.
      names: of its classes.
      suspects: as `ranked` returns them.
      sources: of pictures that the images were made of, by part and item.
      pack: the command that packs the table.

    Returns:
      How many are labelled otherwise than the networks say.
    """
    paths = {
        (path.parts[-3], int(path.stem)): path for path in folder.glob("*/*/*.png")
    }
    with (folder / TABLE).open(
        "w", encoding="utf-8", errors="backslashreplace", newline=""
    ) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_COLUMNS)
        for one in suspects:
            label = cell(names[one.label])
            at = one.part, one.item
            table.writerow(
                [
                    paths[at].relative_to(folder).as_posix(),
                    label,
                    label,
                    cell(names[one.suggested]),
                    one.part,
                    f"{one.given:.6f}",
                    cell(sources.get(at, "")),
                ]
            )
    found = [one for one in suspects if one.suggested != one.label]
    text = report.template("suspects.html.jinja").render(
        name=name,
        found=len(found),
        examples=len(suspects),
        items=report.answers(
            names, [_answer(one, paths, sources) for one in found[:_SHOWN]]
        ),
        pack=pack,
        table=TABLE,
    )
    (folder / PAGE).write_text(text, encoding="utf-8", errors="backslashreplace")
    return len(found)


def _answer(
    one: Suspect,
    paths: Mapping[tuple[str, int], pathlib.Path],
    sources: Mapping[tuple[str, int], str],
) -> Answer:
    path = paths[one.part, one.item]
    with Image.open(path) as picture:
        pixels = np.atleast_3d(np.asarray(picture))
    source = sources.get((one.part, one.item), "/".join(path.parts[-3:]))
    return Answer(one.item, pixels, one.label, one.suggested, one.probability, source)
