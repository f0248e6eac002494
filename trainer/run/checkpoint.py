"""A run's checkpoint: all variables of its network and its optimizer, in one file."""

import re
import zipfile
import zlib

import keras
import numpy as np
from etils import epath

from mnist_idx_tfds import whole_files
from trainer.errors import TrainerError
from trainer.machine import peers

_NUMBER = re.compile(r"_(\d+)(?=[_/]|$)")


class CheckpointFile:
    """Weights, optimizer and random state, bit for bit.

    Args:
      path: of the file, which need not be there.

    Attributes:
      step: training steps that it has behind it; 0 without a file.

    Raises:
      TrainerError: the file is no checkpoint.
    """

    def __init__(self, path: epath.Path):
        self._path = path
        self.step, self._paths, self._values = self._read()

    def restore(self, network: keras.Model) -> None:
        """Gives a network, compiled as in the run, the state in the file, if it is there.

        Raises:
          TrainerError: it is of another network.
        """
        if not self._paths:
            return
        variables = _state(network)
        shapes = [tuple(v.shape) for v in variables]
        if self._paths != _paths(variables) or shapes != [
            v.shape for v in self._values
        ]:
            raise self._unreadable("it is of another network or version of Keras")
        give_state(network, self._values)

    def save(self, network: keras.Model) -> None:
        """Writes the file anew, as a whole or not at all.

        Raises:
          OSError: it cannot be written.
        """
        step = int(network.optimizer.iterations)
        variables = _state(network)
        arrays = [np.array(step), np.array(_paths(variables))]
        arrays += [variable.numpy() for variable in variables]
        with (
            whole_files.replaced(self._path) as draft,
            draft.open("wb") as file,
        ):
            np.savez(file, *arrays)
        self.step = step

    def _read(self) -> tuple[int, list[str], list[np.ndarray]]:
        """Returns the step, and paths and values of the variables."""
        if not self._path.exists():
            return 0, [], []
        damage = ValueError, TypeError, KeyError, EOFError, zlib.error
        try:
            with (
                self._path.open("rb") as file,
                np.load(file, allow_pickle=False) as arrays,
            ):
                step, paths, *values = (arrays[name] for name in arrays.files)
                return int(step), list(paths), values
        except (*damage, zipfile.BadZipFile) as e:
            raise self._unreadable(str(e)) from e

    def _unreadable(self, why: str) -> TrainerError:
        return TrainerError(
            f"{self._path}: expected the checkpoint of this run, found what cannot be "
            f"used: {why}. Delete it to begin the run again."
        )


def _state(network: keras.Model) -> list[keras.Variable]:
    """Returns all variables of a compiled network."""
    # Keras's own file formats leave out the random state of its dropout.
    return [*network.variables, *network.optimizer.variables]


def give_state(network: keras.Model, values: list[np.ndarray] | None = None) -> None:
    """Gives a network, in all processes, the state that the first one calls this with."""
    variables = _state(network)
    if values is None:
        values = [variable.numpy() for variable in variables]
    for variable, value in zip(variables, peers.firsts_arrays(values), strict=True):
        variable.assign(value)


def _paths(variables: list[keras.Variable]) -> list[str]:
    """Returns Keras's paths, such as `adam_w/conv2d_kernel_momentum:1` for the second."""
    # It numbers what has no name of its own over the whole process; of the run is
    # only which number is the lower.
    numbers = [[int(n) for n in _NUMBER.findall(v.path)] for v in variables]
    plain = [_NUMBER.sub("", v.path) for v in variables]
    ranks = {
        path: sorted(
            n for n, other in zip(numbers, plain, strict=True) if other == path
        )
        for path in plain
    }
    return [f"{p}:{ranks[p].index(n)}" for p, n in zip(plain, numbers, strict=True)]
