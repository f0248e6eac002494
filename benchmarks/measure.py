"""Pairs of timings in turn, and the table of what came out."""

import concurrent.futures
import contextlib
import dataclasses
import importlib.util
import io
import multiprocessing
import pathlib
import re
import resource
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

_COLUMNS = (
    "part",
    "pairs",
    "ours",
    "peer",
    "ratio",
    "min to max",
    "floor",
    "held",
    "bound",
    "memory, ours and peer",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
      part: what was compared.
      ours: seconds of each of our runs.
      peer: seconds of each of the peer's, in the same order.
      floor: the least ratio to hold, how many times as fast as the peer.
      limit: what else there is to hold, in a word.
      within: whether it was.
      bound: seconds that physics sets here.
      notes: what the bound is, and whatever else the reader must know.
      examples: images in a run, to show a rate instead of the time.
      memory: the most memory that a run held at once, in bytes, ours and the peer's.
    """

    part: str
    ours: Sequence[float]
    peer: Sequence[float]
    floor: float | None = None
    limit: str = ""
    within: bool = True
    bound: float | None = None
    notes: str = ""
    examples: int | None = None
    memory: tuple[int, int] | None = None

    @property
    def ratios(self) -> list[float]:
        """How many times as fast as the peer, pair by pair."""
        return [b / a for a, b in zip(self.ours, self.peer, strict=True)]

    @property
    def held(self) -> bool:
        """Whether floor and limit were held."""
        return self.within and statistics.median(self.ratios) >= (self.floor or 0)


def in_turn(
    part: str, sides: dict[str, Callable[[int], Any]], pairs: int, warm_up: bool
) -> dict[str, list[Any]]:
    """Calls each side in turn, A B A B.

    Args:
      part: name for the lines of progress.
      sides: functions of the round's number, by name.
      pairs: number of rounds.
      warm_up: whether there is a round before the first, whose results are dropped.

    Returns:
      What each side returned, round by round.
    """
    results = {name: [] for name in sides}
    for n in range(-warm_up, pairs):
        for name, side in sides.items():
            progress(part, name, f"{n + 1} of {pairs}" if n >= 0 else "warm-up")
            result = side(max(n, 0))
            if n >= 0:
                results[name].append(result)
    return results


def fell_short(
    results: dict[str, list[tuple[float, float]]], target: float
) -> list[str]:
    """Returns what to tell of runs that ended below an accuracy, a sentence a side.

    Args:
      results: seconds and best accuracy of each run, by side.
      target: the accuracy to reach, 0 to 1.
    """
    notes = []
    for side, runs in results.items():
        if short := [best for _, best in runs if best < target]:
            best = ", ".join(f"{b:.4f}" for b in short)
            notes.append(f"{side} ended {len(short)} of {len(runs)} runs at {best}.")
    return notes


def progress(*words: str) -> None:
    """Says on standard error what is about to take its time."""
    print("benchmarks:", ", ".join(words), file=sys.stderr, flush=True)


def left_out(package: str, name: str) -> str:
    """Returns what to tell about a peer: nothing, if its package is installed.

    Args:
      package: that the peer is imported from; the extra `bench` has it.
      name: of the peer.
    """
    if installed(package):
        return ""
    return (
        f"{name} is not installed, and left out; pip install -e '.[bench]' brings it."
    )


def installed(package: str) -> bool:
    """Whether a package could be imported; it is not."""
    return importlib.util.find_spec(package) is not None


def fresh(
    function: Callable,
    *args: Any,
    tensorflow: bool = True,
    batch_size: int | None = None,
) -> tuple[Any, int]:
    """Calls a function in a new process, where nothing is imported, cached or traced.

    Args:
      function: one of a module that does not import TensorFlow, which can import it
        without a word on standard error or a GPU.
      *args: what to call it with.
      tensorflow: whether it does; if not, it is not in the process's memory.
      batch_size: of training steps in it, for cores that are shared as in the trainer;
        by default each of TensorFlow's operations has all of them.

    Returns:
      What the function returned, and the most memory its process held, in bytes.
    """
    # Not forked: that would copy this process's state, which is to stay out.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        if tensorflow:
            call = pool.submit(_call_with_tensorflow, function, args, batch_size)
        else:
            call = pool.submit(_call, function, args)
        return call.result()


def _call_with_tensorflow(
    function: Callable, args: Sequence[Any], batch_size: int | None
) -> tuple[Any, int]:
    from trainer.machine import device

    selected = device.select("cpu")
    if batch_size:
        from trainer.network import models, parallel

        cnn = models.MODELS["cnn"]
        parts = parallel.parts(cnn, selected.cores, batch_size)
        device.share_cores(selected, parts)
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    logging.set_verbosity(logging.ERROR)
    warnings.simplefilter("ignore")  # The peers' recipes warn of themselves.
    with contextlib.redirect_stdout(io.StringIO()):
        return _call(function, args)


def _call(function: Callable, args: Sequence[Any]) -> tuple[Any, int]:
    result = function(*args)
    return result, _peak()


def _peak() -> int:
    """Returns the most memory that this process held at once, in bytes."""
    with contextlib.suppress(FileNotFoundError):
        status = pathlib.Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024
    # In Linux's number is what the process that started this one held, too.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def table(rows: Sequence[Row]) -> str:
    """Returns the rows as a Markdown table, with their notes under it."""
    lines = markdown([_COLUMNS, *(_cells(row) for row in rows)])
    notes = {}
    for row in rows:
        notes.setdefault(row.notes, []).append(row.part)
    notes.pop("", None)
    lines += ["", *(f"{'; '.join(parts)}: {note}" for note, parts in notes.items())]
    return "\n".join(lines).rstrip()


def markdown(cells: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a Markdown table; the first row of cells is its head."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *rest = cells
    return [
        "| " + " | ".join(map(str.ljust, line, widths)) + " |"
        for line in (head, ["-" * width for width in widths], *rest)
    ]


def _cells(row: Row) -> list[str]:
    def amount(seconds: float) -> str:
        if row.examples:
            return f"{row.examples / seconds:,.0f}/s"
        return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"

    memory = row.memory and " and ".join(f"{m / 2**20:,.0f} MiB" for m in row.memory)
    return [
        row.part,
        f"{len(row.ours)}",
        amount(statistics.median(row.ours)),
        amount(statistics.median(row.peer)),
        f"{statistics.median(row.ratios):.2f}x",
        f"{min(row.ratios):.2f} to {max(row.ratios):.2f}",
        ", ".join(filter(None, [row.floor and f"{row.floor:.3g}x", row.limit])),
        "yes" if row.held else "NO",
        amount(row.bound) if row.bound else "",
        memory or "",
    ]


def record(row: Row) -> dict[str, Any]:
    """Returns a row as JSON has it."""
    ratio = {
        "median": statistics.median(row.ratios),
        "min": min(row.ratios),
        "max": max(row.ratios),
    }
    return dataclasses.asdict(row) | {"held": row.held, "ratio": ratio}
