"""Data sets of TFDS, by name: which features are meant, and what is odd about some."""

import re
import textwrap
from typing import TYPE_CHECKING

from mnist_idx_tfds import idx

if TYPE_CHECKING:  # It takes seconds to import, and nothing here calls it.
    import tensorflow_datasets as tfds


def complete(builder: "tfds.core.DatasetBuilder") -> None:
    """Reads what another process has built since the builder was made."""
    # TFDS's mock of data has no splits, and nothing to read.
    if not builder.info.splits and builder.is_prepared():
        builder.info.read_from_directory(builder.data_dir)


def only(name: str, info: "tfds.core.DatasetInfo", kind: type, hint: str = "") -> str:
    """Returns the key of the one feature of a kind; of several, of `supervised_keys`.

    Args:
      name: of the data set, for errors.
      info: of a data set, prepared or not.
      kind: of feature, such as `tfds.features.Image`.
      hint: for errors.

    Raises:
      idx.IdxError: there is none, or several.
    """
    try:
        features = dict(info.features)
    except TypeError:  # Not a dictionary: a data set of bare tensors.
        features = {}
    # A subclass is something else: tfds.features.LabeledImage labels pixels.
    keys = [key for key, feature in features.items() if type(feature) is kind]
    if len(keys) != 1:
        keys = [key for key in keys if key in (info.supervised_keys or ())] or keys
    if len(keys) != 1:
        found = ", ".join(
            f"{key} ({type(features[key]).__name__})"
            for key in sorted(keys or features)
        )
        raise idx.error(name, "features", f"one {kind.__name__}", found or "none", hint)
    return keys[0]


def is_transposed(name: str) -> bool:
    """Returns whether a data set has images with rows for columns, all of them square.

    EMNIST is published so, and TFDS's `emnist` hands them on as they are. The name is
    TFDS's, with or without configuration and version.
    """
    return re.split("[/:]", name)[0] == "emnist"


def reason(e: Exception) -> str:
    """Returns the sentence of TFDS's message that says what was wrong."""
    # It may begin with the call that failed, and go on with advice and long lists.
    text = re.sub(r"^Failed to construct dataset .*?}\": ", "", str(e).strip())
    sentence = re.split(r"\n|\. (?=[A-Z])", text)[0]
    return textwrap.shorten(sentence, 300).rstrip(".")
