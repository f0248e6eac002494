"""What do workers of Apache Beam gain over the builder alone, on one machine?

On rendered digits in plain IDX files, as many as the largest of `--sizes`. Ours is a build
by two local workers, each a process; the peer is ours without Beam, which encodes in
threads. Each is in a new process, whose imports are not counted; those of the workers
are, which Beam starts with its pipeline. At most one pair, without a warm-up.
"""

import contextlib
import shutil
import threading
import time
from typing import Any

import psutil

from benchmarks import measure
from benchmarks.files import Setup, render

_TEST_EXAMPLES = 1000
_PAIRS = 1
_OPTIONS = {
    "runner": "FnApiRunner",  # DirectRunner's own, without its look for a download.
    "direct_num_workers": 2,
    "direct_running_mode": "multi_processing",
}
_INTERVAL = 0.2  # Seconds between looks at the workers' memory.


def run(setup: Setup) -> list[measure.Row]:
    """Builds in turn."""
    size, folder = setup.sizes[-1], setup.work / "beam"
    part = f"beam, {size:,} images"
    measure.progress(part, "render")
    render(folder / "idx", size, _TEST_EXAMPLES)

    def build(options: dict[str, Any]) -> tuple[tuple[float, int], int]:
        data_dir = folder / "data"
        try:
            return measure.fresh(_build, str(data_dir), str(folder / "idx"), options)
        finally:
            shutil.rmtree(data_dir, ignore_errors=True)

    results = measure.in_turn(
        part,
        {"ours": lambda n: build(_OPTIONS), "peer": lambda n: build({})},
        min(setup.pairs, _PAIRS),
        warm_up=False,
    )
    shutil.rmtree(folder)
    seconds = {side: [s for (s, _), _ in runs] for side, runs in results.items()}
    worker = max(peak for (_, peak), _ in results["ours"])
    return [
        measure.Row(
            f"beam, {size:,}",
            seconds["ours"],
            seconds["peer"],
            notes="The peer is ours without Beam. Memory is that of the process that "
            f"builds; a worker had {worker / 2**20:,.0f} MiB at most.",
            memory=tuple(max(m for _, m in results[side]) for side in results),
        )
    ]


def _build(data_dir: str, idx_dir: str, options: dict[str, Any]) -> tuple[float, int]:
    """Returns the seconds of a build, and the most memory of a worker, in bytes."""
    import tensorflow_datasets as tfds

    import mnist_idx_tfds

    config = tfds.download.DownloadConfig()
    if options:
        from apache_beam.options.pipeline_options import PipelineOptions

        config.beam_options = PipelineOptions([], **options)
    with _Watch() as watch:
        start = time.perf_counter()
        mnist_idx_tfds.Builder(
            data_dir=data_dir,
            config=mnist_idx_tfds.IdxConfig(name="digits", idx_dir=idx_dir),
        ).download_and_prepare(download_config=config)
        return time.perf_counter() - start, watch.peak


class _Watch:
    """Looks at the memory of the processes that this one starts.

    Attributes:
      peak: the most that one of them was seen to hold, in bytes.
    """

    def __init__(self):
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_INTERVAL):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    self.peak = max(self.peak, process.memory_info().rss)
