"""How large batches are: of what is asked at once, and for devices to share evenly."""

import math

from trainer.errors import TrainerError

_AT_ONCE_BYTES = 1 << 22  # Of pixels; what is computed of them has many times as much.


def at_once(image_shape: tuple[int, int, int], most: int) -> int:
    """Returns how many images a network is asked about at once: most, of small ones.

    The shape is height, width and channels, in pixels.
    """
    return max(1, min(most, _AT_ONCE_BYTES // math.prod(image_shape)))


def check(batch_size: int, devices: int) -> None:
    """Raises an error unless a batch can be shared evenly.

    Raises:
      TrainerError: it cannot.
    """
    if batch_size % devices:
        more = batch_size + -batch_size % devices
        raise TrainerError(
            f"--batch_size: expected a multiple of {devices}, the number of devices that "
            f"share each batch, found {batch_size}. {more} is one."
        )


def filled(size: int, batch_size: int, devices: int) -> int:
    """Returns the size that a batch must be filled up to for even shares.

    A batch that is filled up has a size that no other has, so that it can be told.

    Args:
      size: of the batch.
      batch_size: of most batches, which can be shared evenly.
      devices: number of them.
    """
    if size % devices == 0:
        return size
    full = size + -size % devices
    return full if full != batch_size else full + devices


def last_size(examples: int, batch_size: int) -> int:
    """Returns the size of the last batch of so many examples."""
    return (examples - 1) % batch_size + 1
