"""What is kept of a run while it trains: its work directory, and TensorBoard's log."""

from typing import Any

from trainer.quality.board import Writer
from trainer.run.workdir import Workdir, written


class Kept(Workdir):
    """A work directory whose records are in TensorBoard's log, too; see there."""

    def __init__(
        self, folder: str, settings: dict[str, Any], label_names: tuple[str, ...]
    ):
        super().__init__(folder, settings, label_names)
        path = self.folder / "tensorboard"
        try:
            with written(path):
                self._board = Writer(path)
                for record in self.records:
                    self._board.record(record)
        except BaseException:
            super().close()
            raise

    def record(self, record: dict[str, Any]) -> None:
        """Appends to the metrics, and to TensorBoard's log."""
        super().record(record)
        self._board.record(record)

    def close(self) -> None:
        """Ends the log, and lets another process have the folder."""
        try:
            self._board.close()
        finally:
            super().close()
