"""Work that is done in threads on all cores, whose results come in order."""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from typing import TypeVar

from mnist_idx_tfds import machine

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_THREADS = 32
_AHEAD = 2  # Items for each thread that are worked on, or done, before they are used.


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Calls a function of each item in a thread a core, yields its results in order.

    Memory holds two items for each thread, or what became of them, whatever their
    number. When the iterator is closed, what has begun is waited for, and no more.

    Args:
      function: may be called by several threads at once.
      items: taken by one thread at a time, which is none of these and not the caller's.

    Yields:
      The results. What the function or the iterator of the items raises comes in the
      place of its result, and ends it.
    """
    threads = min(_MOST_THREADS, machine.cores())
    source = iter(items)
    tasks: collections.deque[futures.Future[list[Result]]] = collections.deque()
    # Of its own, so that items come one after the other while others are at work.
    taker = futures.ThreadPoolExecutor(1)
    pool = futures.ThreadPoolExecutor(threads)

    def take() -> list[Item]:
        return list(itertools.islice(source, 1))  # None after the last.

    def work(taken: futures.Future[list[Item]]) -> list[Result]:
        return [function(item) for item in taken.result()]

    try:
        for _ in range(_AHEAD * threads):
            tasks.append(pool.submit(work, taker.submit(take)))
        while result := tasks.popleft().result():
            tasks.append(pool.submit(work, taker.submit(take)))
            yield from result
    finally:
        taker.shutdown(cancel_futures=True)
        pool.shutdown(cancel_futures=True)
