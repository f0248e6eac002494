"""How the devices of a run share a batch: evenly."""

from trainer.errors import TrainerError


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
