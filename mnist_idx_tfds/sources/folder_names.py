"""Names of folders that are no classes."""

import re

# What holds what is said of the pictures of a set, or all of these.
SAID = frozenset(
    {"label", "labels", "mask", "masks", "annotation", "annotations", "groundtruth"}
    | {"gt", "bbox", "bboxes", "meta", "metadata", "splits", "lists", "imagesets"}
    | {"xml", "csv"}
)
NO_CLASSES = SAID | {
    *("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "data")
}
# The same pictures in several forms.
VARIANTS = frozenset(
    {"color", "colour", "rgb", "gray", "grey", "grayscale", "greyscale", "segmented"}
    | {"original", "raw", "processed", "augmented", "resized", "cropped"}
)
_PIECES = frozenset({"part", "batch", "chunk"})  # Of a set, for its size.


def is_no_class(name: str) -> bool:
    """Returns whether a word of a folder's name says that it holds no class."""
    words = re.split(r"[\W_\d]+", name.lower())
    return not (NO_CLASSES | _PIECES).isdisjoint(words)
