"""What a saved network says of itself: its classes, its pixels, and where it is from."""

import dataclasses
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from trainer.errors import TrainerError

MEMBER = "card.json"  # Of the zip that a .keras file is, beside Keras's own members.
FORMAT = 1  # Is raised where a program of today would misread a card.
FITS = ("ink", "whole")  # As `picture.fit` has them.
_MOST_BYTES = 16 << 20  # Of a card; 100,000 classes of long names have a tenth of it.


@dataclasses.dataclass(frozen=True)
class Card:
    """What must be known of a network to use it, wherever it is carried.

    Attributes:
      label_names: names of the classes, in the order of their labels, each another.
      image_shape: height, width and channels that the network takes, in pixels; None
        for a size that is not fixed.
      fit: how pictures of another size are made into what it was trained on, see
        `picture.fit`: "ink" or "whole"; None where nobody knows.
      settings: of the run that it is from, see `settings`: what it was trained on,
        how, and by which versions of what. Empty where that is not known.
      digests: SHA-256 of the files that it was trained on, by their names; the same.
      calibration: what its answers are worth: `familiar` says which images are like
        those that it was trained on, see there; None where nothing is known.
    """

    label_names: tuple[str, ...]
    image_shape: tuple[int | None, ...]
    fit: str | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    digests: dict[str, str] = dataclasses.field(default_factory=dict)
    calibration: dict[str, Any] | None = None

    def to_json(self, **more: Any) -> str:
        """Returns the card as text, with what else is to be in it."""
        fields = {"format": FORMAT, **dataclasses.asdict(self), **more}
        # Escaped, since a folder of the run need not have a name in UTF-8.
        return json.dumps(fields, indent=1) + "\n"


def of_json(text: str | bytes) -> tuple[Card, dict[str, Any]]:
    """Reads a card, and returns it with all that is in it.

    Raises:
      ValueError: it is none, with what was expected and found.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise ValueError(f"expected JSON in UTF-8, found what is none: {e}") from e
    number = fields.get("format") if isinstance(fields, dict) else None
    if type(number) is not int or number < 1:
        raise ValueError(f"expected an object of format {FORMAT}, found another")
    if number > FORMAT:
        raise ValueError(
            f"expected format {FORMAT} at most, found {number}, which a newer version "
            "of mnist-idx-tfds has written. Install that"
        )
    for name, (expected, is_fit) in _FIELDS.items():
        if not is_fit(fields.get(name)):
            raise ValueError(f"{name}: expected {expected}, found another value")
    known = {field.name for field in dataclasses.fields(Card)}
    values = {name: value for name, value in fields.items() if name in known}
    for name in ("label_names", "image_shape"):
        values[name] = tuple(values[name])
    return Card(**values), fields


def by(shape: Sequence[int | None]) -> str:
    """Returns a shape as people write it."""
    return "x".join("any" if size is None else str(size) for size in shape)


def read(archive: zipfile.ZipFile, path: object) -> tuple[Card, dict[str, Any]] | None:
    """Reads the card in a .keras file; None where there is none.

    Args:
      archive: the file.
      path: of the file, for errors.

    Raises:
      TrainerError: it is damaged, or of a newer version.
    """
    try:
        with archive.open(MEMBER) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"expected at most {_MOST_BYTES:,} bytes, found more")
        return of_json(data)
    except KeyError:
        return None
    except (
        Exception
    ) as e:  # There is no end to what damage makes zlib and others raise.
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        if not reason.startswith(("expected", *_FIELDS)):
            reason = f"expected a whole member of the zip, found {reason}"
        raise TrainerError(f"{path}: {MEMBER}: {reason.rstrip('.')}.") from e


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) == len({*map(str, value)})
        and all(isinstance(name, str) and _is_name(name) for name in value)
    )


def _is_name(name: str) -> bool:
    """Whether it can be shown: no surrogates, and nothing that moves a terminal."""
    return bool(name.strip()) and not any(
        c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in name
    )


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(side is None or (type(side) is int and side > 0) for side in value)
    )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _are_texts(value: Any) -> bool:
    return _is_object(value) and all(isinstance(text, str) for text in value.values())


_FIELDS = {
    "label_names": ("different names that can be printed", _are_names),
    "image_shape": ("height, width and channels", _is_shape),
    "fit": (f"{' or '.join(FITS)}, or null", lambda value: value in (*FITS, None)),
    "settings": ("an object", _is_object),
    "digests": ("an object of texts", _are_texts),
    "calibration": (
        "an object or null",
        lambda value: value is None or _is_object(value),
    ),
}
