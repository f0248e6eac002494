"""The items of a source, all read, with their pixels in a file."""

import hashlib
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mnist_idx_tfds import idx, pixel_range
from mnist_idx_tfds.pictures import reading
from mnist_idx_tfds.sources.options import WHITE_HINT, Options
from mnist_idx_tfds.sources.source import Item, Placed, Source


class Collected(NamedTuple):
    """What was read.

    Attributes:
      placed: what is kept of each item.
      pixels: uint8 of shape `(n, height, width)`, or with 3 channels last, in a file.
      notes: lines that say what was read.
    """

    placed: list[Placed]
    pixels: np.ndarray
    notes: list[str]


def collect(
    source: Source,
    options: Options,
    folder: pathlib.Path,
    complain: Callable[[idx.IdxError], None],
    progress: Callable[..., Iterable[Any]],
) -> Collected:
    """Reads all items of a source.

    Args:
      source: the source.
      options: `size` to bring all images to, `white` where it is not plain, `validation`,
        and whether to `skip_bad`.
      folder: where to keep pixels, in files that the caller removes.
      complain: as of `pack.pack`.
      progress: as of `pack.pack`.

    Raises:
      idx.IdxError: an image cannot be used, or there is none.
      OSError: a file cannot be written.
    """
    placed: list[Placed] = []
    shape: tuple[int, ...] = ()
    first, bad, dropped = "", 0, 0
    items = progress(source.items, source.total, "reading", "images", lambda item: 1)
    with (
        open(folder / "pixels", "wb") as stream,
        open(folder / "deep", "wb") as deep_stream,
    ):
        deep = _Deep()
        for item in items:
            if isinstance(item, idx.IdxError):
                complain(item)
                bad += 1
                continue
            if item.split == "valid" and options.validation == "drop":
                dropped += 1
                continue
            pixels = item.pixels
            if options.size and pixels.shape[:2] != options.size:
                pixels = np.asarray(reading.fit(Image.fromarray(pixels), options.size))
            shape, first = shape or pixels.shape, first or item.path
            if pixels.shape != shape:
                expected = f"{shape[0]} x {shape[1]} as in {first}"
                found = f"{pixels.shape[0]} x {pixels.shape[1]}"
                hint = (
                    "Give --size=28 for signs and drawings, or --size=96 --color for "
                    "photographs, to bring all to one size."
                )
                raise idx.error(item.path, "image size", expected, found, hint)
            if pixels.dtype != np.uint8:
                deep.see(len(placed), item)
                deep_stream.write(pixels.astype(np.float32).tobytes())
                pixels = np.zeros(shape, np.uint8)
            stream.write(pixels.tobytes())
            digest = hashlib.blake2b(item.pixels.tobytes(), digest_size=16).digest()
            kept = item.label, item.split, item.key, item.group, digest, item.origin
            placed.append(Placed(*kept))
    if bad and not (options.skip_bad and placed):
        expected = "ones that can be read"
        found = f"{bad:,} of {bad + len(placed):,} that cannot, listed above"
        hint = "Mend or remove them, or leave them out with --skip_bad."
        raise idx.error(source.name, "pictures", expected, found, hint)
    if not placed:
        raise idx.error(source.name, "images", "at least one", "none")
    notes = [*source.remarks()]
    if bad:
        notes.append(f"{source.name}: {bad:,} pictures that cannot be read left out")
    if dropped:
        notes.append(f"{source.name}: the {dropped:,} to validate are left out")
    elif options.validation == "drop":
        notes.append(f"{source.name}: there is nothing to validate to leave out")
    all_shape = (len(placed), *shape)
    stored = np.memmap(folder / "pixels", np.uint8, "r+", shape=all_shape)
    if deep.items:
        notes += deep.fill(stored, folder / "deep", source.name, options.white)
    return Collected(placed, stored, notes)


class _Deep:
    """Pictures of more than 8 bits of gray, whose range is judged over all of them."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self._range = pixel_range.Range()

    def see(self, number: int, item: Item) -> None:
        """Takes in an item, which has a number."""
        self.items.append(number)
        if item.range:
            self._range.see(np.array([item.range.low, item.range.high]))
            self._range.whole &= item.range.whole
            self._range.units |= item.range.units
        else:
            self._range.see(item.pixels)

    def fill(
        self, stored: np.ndarray, path: pathlib.Path, name: str, white: int | None
    ) -> list[str]:
        """Makes bytes of pixels in a file, where these are to be; returns lines on it."""
        seen, what = self._range, f"pictures of more than 8 bits ({len(self.items):,})"
        white = seen.white(name, what, white, WHITE_HINT)
        count = len(self.items)
        pixels = np.memmap(path, np.float32, "r", shape=(count, *stored.shape[1:]))
        for number, image in zip(self.items, pixels, strict=True):
            # What was brought to a size may go a little beyond.
            image = np.clip(image, seen.low, seen.high)
            stored[number] = pixel_range.to_bytes(image, white)
        text = f"{name}: {what} are of 0 to {white}"
        return [text if white == 255 else f"{text}, scaled to 0 to 255"]
