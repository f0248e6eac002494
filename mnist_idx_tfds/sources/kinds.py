"""What a source is that cannot be packed, and what to do with it instead."""

import pathlib
import re

from mnist_idx_tfds import idx, idx_set
from mnist_idx_tfds.foreign import shown
from mnist_idx_tfds.pictures import folder

_SAVE = "Save its arrays as x_train, y_train, x_test, y_test: numpy.savez_compressed."
_OF_TFDS = "Give --dataset=NAME, and --data_dir if it is not in TFDS's own."
_PICTURE = "a picture"
_KINDS = {
    (".zip", ".rar", ".7z", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz"): (
        "an archive",
        "Unpack it, and give the folder.",
    ),
    (".mat",): ("a file of MATLAB", _SAVE),
    (".h5", ".hdf5"): ("a file in HDF5", _SAVE),
    (".pkl", ".pickle", ".pt", ".pth"): ("a pickle, which may run any program", _SAVE),
    (".tfrecord",): ("records of TensorFlow", _OF_TFDS),
    (".xlsx", ".xls", ".ods"): ("a spreadsheet", "Save it as CSV."),
    (".json", ".jsonl", ".xml", ".yaml"): (
        "a list that is no table",
        "Make a CSV file of it, with a line file,label at its head.",
    ),
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"): (
        _PICTURE,
        "Give the folder with a folder of such for each class.",
    ),
}


def of(path: pathlib.Path) -> tuple[str, str]:
    """Returns what a file is by its name, and what to do; empty texts if unknown."""
    name = path.name.lower()
    if idx_set.named(path.name):
        return "an IDX file", f"It is packed: python -m trainer --idx_dir={path.parent}"
    if re.fullmatch(r"data_batch_\d|test_batch|batches\.meta", name):
        return "a pickle of CIFAR-10", "Give --dataset=cifar10 instead of the folder."
    if ".tfrecord-" in name:
        name = ".tfrecord"
    for ends, (what, hint) in _KINDS.items():
        if name.endswith(ends):
            return what, hint
    return "", ""


def check_folder(root: pathlib.Path) -> None:
    """Raises an `idx.IdxError` if a folder has a set of another kind, and no pictures."""
    entries = [*folder.entries(root)]
    if any(entry.is_dir() and not idx_set.named(entry.name) for entry in entries):
        return
    for entry in entries:
        what, hint = of(pathlib.Path(entry.path))
        if what and what != _PICTURE:
            found = f"{what}, {shown(entry.name)}"
            raise idx.error(root, "folder", "folders of pictures", found, hint)
