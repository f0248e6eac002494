"""The parts of a set, by the names that people give them, and what each is for."""

import re
from collections.abc import Collection

_NAMES: dict[str, str] = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "eval"), "valid"),
    **dict.fromkeys(("test", "testing", "tst", "evaluation"), "test"),
    # Kaggle's faces: what competitors saw their rank on, and what decided it.
    "publictest": "valid",
    "privatetest": "test",
}
# What may stand behind such a name, as in `training-images` and `TestSet`.
_BEHIND = r"(set|split|data|dataset|images?|imgs?|pictures?|folder)?"
_PATTERN = re.compile(f"({'|'.join(_NAMES)}){_BEHIND}")


def of(name: str) -> str | None:
    """Returns the part that a folder, a value or the like is by its name, in any case."""
    match = _PATTERN.fullmatch(re.sub(r"[\W_]", "", name).lower())
    return _NAMES[match[1]] if match else None


def within(name: str) -> str | None:
    """Returns the one part that a word of a file's name says, as in `k49-train-imgs`."""
    found = _in_words(name) or _in_words(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    return found.pop() if len(found) == 1 else None


def _in_words(name: str) -> set[str]:
    words = re.split(r"[\W_\d]+", name.lower())
    return {_NAMES[word] for word in words if word in _NAMES}


def splits(found: Collection[str]) -> dict[str, str]:
    """Returns the split that each of the parts that a set has goes into.

    What is to validate is trained on or, where nothing is to test, tested on.

    Returns:
      "train" or "test" for each; an empty text if there is one part alone, of which a
      share is tested on.
    """
    if len(set(found)) < 2:
        return dict.fromkeys(found, "")
    valid = "train" if "test" in found else "test"
    return {part: valid if part == "valid" else part for part in found}


def note(path: object, what: str, split: str) -> str:
    """Returns the line that says where what is to validate goes."""
    used = "trained on, too" if split == "train" else "tested on, as nothing else is"
    return f"{path}: {what} {used}"
