"""How the devices of a run share a batch."""

from typing import NamedTuple

from trainer.errors import TrainerError


class Shares(NamedTuple):
    """Who shares each batch, evenly.

    Attributes:
      devices: number of them, in all processes together.
      processes: number of those that train together, each with as many devices.
      process: which of them this one is, counted from 0.
    """

    devices: int = 1
    processes: int = 1
    process: int = 0

    def check(self, batch_size: int) -> None:
        """Raises an error unless a batch can be shared evenly.

        Raises:
          TrainerError: it cannot.
        """
        if self.devices > 1 and batch_size % self.devices:
            more = batch_size + -batch_size % self.devices
            raise TrainerError(
                f"--batch_size: expected a multiple of {self.devices}, the number of "
                f"devices that share each batch, found {batch_size}. {more} is one."
            )

    def filled(self, size: int, batch_size: int) -> int:
        """Returns the size that a batch must be filled up to for even shares.

        A batch that is filled up has a size that no other has, so that it can be told.

        Args:
          size: of the batch.
          batch_size: of most batches, which can be shared evenly.
        """
        if size % self.devices == 0:
            return size
        full = size + -size % self.devices
        return full if full != batch_size else full + self.devices


ALONE = Shares()


def last_size(examples: int, batch_size: int) -> int:
    """Returns the size of the last batch of so many examples."""
    return (examples - 1) % batch_size + 1
