"""Do time and memory grow as they should, from 60,000 to 1,000,000 images?

Rendered digits in plain IDX files; builds, and first passes with the default feed, each
in a new process. The peer is ours itself: the median time of the smallest size, in
proportion, as if its fixed costs grew too. The sizes do not take turns: the smallest is
measured once a pair, after a warm-up, and the others once.
"""

import pathlib
import shutil
import statistics

from benchmarks import build, first_pass, measure
from benchmarks.files import Setup, render

_FLOOR = 1 / 1.15
_BUILD_GROWTH = 100 * 2**20  # bytes
_TEST_EXAMPLES = 1000


def run(setup: Setup) -> list[measure.Row]:
    """Builds and passes over each size."""
    results = {"build": {}, "pass": {}}
    smallest = setup.sizes[0]
    for size in setup.sizes:
        folder = setup.work / f"scale_{size}"
        measure.progress(f"scale, {size:,} images", "render")
        render(folder / "idx", size, _TEST_EXAMPLES)
        timings = measure.in_turn(
            f"scale, {size:,} images",
            {
                "build": lambda n, folder=folder: _build(folder),
                "pass": lambda n, folder=folder: _pass(folder),
            },
            setup.pairs if size == smallest else 1,
            setup.warm_up and size == smallest,
        )
        shutil.rmtree(folder)
        for what in results:
            seconds, memory = zip(*timings[what], strict=True)
            results[what][size] = list(seconds), max(memory)
    return [
        _row(what, size, results[what], smallest)
        for what in results
        for size in setup.sizes
    ]


def _source(folder: pathlib.Path) -> dict[str, str | None]:
    return {"manual_dir": None, "idx_dir": str(folder / "idx")}


def _build(folder: pathlib.Path) -> tuple[float, int]:
    shutil.rmtree(folder / "data", ignore_errors=True)
    return measure.fresh(build.ours, str(folder / "data"), _source(folder))


def _pass(folder: pathlib.Path) -> tuple[float, int]:
    return measure.fresh(first_pass.ours, str(folder / "data"), _source(folder))


def _row(
    what: str,
    size: int,
    results: dict[int, tuple[list[float], int]],
    smallest: int,
) -> measure.Row:
    seconds, memory = results[size]
    expected = statistics.median(results[smallest][0]) * size / smallest
    growth = memory - results[smallest][1]
    is_build = what == "build"
    return measure.Row(
        f"scale, {what} {size:,}",
        seconds,
        [expected] * len(seconds),
        _FLOOR,
        memory=(memory, results[smallest][1]),
        limit=f"+{_BUILD_GROWTH // 2**20} MiB" if is_build else "",
        within=growth <= _BUILD_GROWTH or not is_build,
    )
