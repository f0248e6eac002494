"""What lies in a folder of pictures: what counts, and what systems and people leave there."""

import os
from collections.abc import Callable, Iterator

from mnist_idx_tfds import idx

# In lower case: what Windows, macOS, cameras and network drives put beside pictures.
_LITTER = frozenset(
    {"desktop.ini", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "icon\r"}
    | {"picasa.ini", "zbthumbnail.info", "__macosx", "@eadir", "@__thumb", "@recycle"}
    | {"#recycle", "#snapshot", "$recycle.bin", "recycler", "lost+found"}
    | {"system volume information", "temporary items", "__pycache__"}
)
# Of texts, tables, documents, programs and archives.
_NO_PICTURES = frozenset(
    {".md", ".txt", ".rst", ".html", ".htm", ".json", ".jsonl", ".csv", ".tsv", ".xml"}
    | {".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".db", ".py", ".ipynb", ".sh"}
    | {".doc", ".docx", ".pdf", ".rtf", ".odt", ".xls", ".xlsx", ".url", ".lnk", ".exe"}
    | {".zip", ".rar", ".7z", ".tar", ".gz", ".npy", ".npz", ".mat", ".pkl", ".parquet"}
    | {".md5", ".sha1", ".sha256", ".caffemodel", ".bak"}
)
_NOTES = frozenset({"readme", "license", "licence", "copying", "notice", "changelog"})


def is_litter(name: str) -> bool:
    """Returns whether a file or folder is hidden, or none that its owner made."""
    return name.startswith(".") or name.lower().partition(":")[0] in _LITTER


def is_note(name: str) -> bool:
    """Returns whether a file is no picture by its name, such as README.md."""
    stem, suffix = os.path.splitext(name.lower())
    return suffix in _NO_PICTURES or (not suffix and stem in _NOTES)


def entries(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    """Yields what is in a folder but litter, sorted by names.

    Raises:
      OSError: the folder cannot be read.
    """
    with os.scandir(folder) as found:
        visible = [entry for entry in found if not is_litter(entry.name)]
    yield from sorted(visible, key=lambda entry: entry.name)


def walk(
    folder: str, complain: Callable[[idx.IdxError], None], above: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yields the paths of files in a folder and in those in it, sorted by their names.

    Litter is passed over, and links are followed.

    Args:
      folder: its path.
      complain: is given the error of each folder that is left out, as it cannot be read
        or is one that it is in.
      above: the folders that it is in.
    """
    real = os.path.realpath(folder)
    if real in above:
        expected, found = "no link to a folder that it is in", f"one to {real}"
        complain(idx.error(folder, "folder", expected, found, "Remove it."))
        return
    try:
        visible = list(entries(folder))
    except OSError as e:
        found = f"an error: {(e.strerror or str(e)).lower()}"
        complain(idx.error(folder, "folder", "one that can be read", found))
        return
    for entry in visible:
        if entry.is_dir():
            yield from walk(entry.path, complain, (*above, real))
        else:
            yield entry.path
