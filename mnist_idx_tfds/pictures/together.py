"""Pictures on all cores: small ones in batches, and large ones as far as memory allows."""

import collections
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mnist_idx_tfds import idx, threads
from mnist_idx_tfds.pictures.loading import File

Name = TypeVar("Name", bound=File)
Result = TypeVar("Result")

# Small pictures are read in batches, which cost less than a task for each.
_MOST_TOGETHER = 32
_BATCH_PIXELS = 1 << 20
# Of smaller ones Python itself takes most of the time, in which threads only wait for
# each other.
_SMALL = 112 * 112
_PIXEL_BYTES = 4  # That a picture takes while it is decoded and made gray.
_BYTES = 1 << 30  # Of all pictures at a time.


class _Memory:
    """Bytes that pictures take; whoever is next in turn never waits for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: collections.Counter[int] = collections.Counter()
        self._next = 0

    def take(self, turn: int, count: int) -> None:
        """Waits until there is room for so many bytes, or the turn has come."""
        with self._changed:
            self._changed.wait_for(
                lambda: turn <= self._next or self._taken.total() + count <= _BYTES
            )
            self._taken[turn] += count

    def keep(self, turn: int, count: int) -> None:
        """Gives back what a turn has taken, but so many bytes."""
        with self._changed:
            self._taken[turn] = count
            self._changed.notify_all()

    def done(self, turn: int) -> None:
        """Gives back all that a turn has taken; it is another one's turn."""
        with self._changed:
            del self._taken[turn]
            self._next = turn + 1
            self._changed.notify_all()

    def close(self) -> None:
        """Lets all go on, to their ends."""
        self.done(1 << 62)


def in_order(
    function: Callable[[Name, Callable[[int], None]], Result],
    held: Callable[[Result], int],
    files: Iterable[Name],
) -> Iterator[Result | idx.IdxError]:
    """Calls a function of each file in threads, and yields what it returns in order.

    Args:
      function: of a file, and of what it tells how many pixels it is about to decode;
        several threads call it.
      held: how many bytes a result has.
      files: another thread takes them.

    Yields:
      The results, or an `idx.IdxError` that the function raises.
    """
    remaining, largest = iter(files), _BATCH_PIXELS
    one_at_a_time = threading.Lock()
    memory = _Memory()

    def batches() -> Iterator[tuple[int, list[Name]]]:
        for turn in itertools.count():
            together = max(1, min(_MOST_TOGETHER, _BATCH_PIXELS // largest))
            batch = list(itertools.islice(remaining, together))
            if not batch:
                return
            yield turn, batch

    def use(
        file: Name, turn: int, lock: contextlib.ExitStack
    ) -> tuple[Result | idx.IdxError, int]:
        pixels = 1

        def ahead(count: int) -> None:
            nonlocal pixels
            pixels += count
            if count > _BATCH_PIXELS:
                lock.close()  # Whoever is waited for may need it.
                memory.take(turn, _PIXEL_BYTES * count)

        try:
            return function(file, ahead), pixels
        except idx.IdxError as e:
            return e, pixels

    def work(
        task: tuple[int, list[Name]],
    ) -> tuple[int, list[Result | idx.IdxError], list[Name], int]:
        """Returns the turn, results, what was too much for a batch, and the most pixels."""
        turn, batch = task
        results: list[Result | idx.IdxError] = []
        most = total = 0
        with contextlib.ExitStack() as lock:
            if largest < _SMALL:
                lock.enter_context(one_at_a_time)
            while len(results) < len(batch) and total <= _BATCH_PIXELS:
                result, pixels = use(batch[len(results)], turn, lock)
                results.append(result)
                most, total = max(most, pixels), total + pixels
        if total > _BATCH_PIXELS:
            good = (r for r in results if not isinstance(r, idx.IdxError))
            memory.keep(turn, sum(map(held, good)))
        return turn, results, batch[len(results) :], most

    try:
        for turn, results, rest, most in threads.in_order(work, batches()):
            largest = max(most, largest // 2)
            yield from results
            results.clear()
            for file in rest:
                result, _ = use(file, turn, contextlib.ExitStack())
                memory.keep(turn, 0)
                yield result
            memory.done(turn)
    finally:
        memory.close()
