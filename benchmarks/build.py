"""How long does it take to make the four files a TFDS data set?

Ours is what `python -m trainer` does on first use, from files given by hand. The peer
is TFDS's own `mnist` (tensorflow_datasets/image_classification/mnist.py). It only
downloads, so it gets the same files from a server in this process; that transfer takes
under a tenth of a second of its time. Each build is in a new process and a new folder;
imports are not counted.
"""

import contextlib
import functools
import gzip
import http.server
import pathlib
import shutil
import threading
import time
from collections.abc import Iterator

from benchmarks import measure
from benchmarks.files import Setup
from mnist_idx_tfds import idx_set

_FLOOR = 3.5


def run(setup: Setup) -> list[measure.Row]:
    """Builds in turn."""
    prepare(setup)  # Which is the warm-up, too.
    with _served(setup.idx_dir) as url:
        results = measure.in_turn(
            "build",
            {
                "ours": lambda n: _thrown_away(setup, ours, setup.source),
                "peer": lambda n: _thrown_away(setup, peer, url, setup.examples),
            },
            setup.pairs,
            warm_up=False,
        )
    seconds = {side: [s for s, _ in results[side]] for side in results}
    return [
        measure.Row(
            "build",
            seconds["ours"],
            seconds["peer"],
            _FLOOR,
            bound=_bound(setup),
            notes="The bound is to gunzip the four files, on one core, and to write as "
            "many bytes as the data set has, to the page cache.",
            memory=tuple(max(m for _, m in results[side]) for side in results),
        )
    ]


def prepare(setup: Setup) -> None:
    """Builds ours and the peer's data set in `setup.data_dir`, unless they are there."""
    if pathlib.Path(setup.data_dir).exists():
        return
    measure.progress("the data sets", "ours")
    measure.fresh(ours, setup.data_dir, setup.source)
    measure.progress("the data sets", "peer")
    with _served(setup.idx_dir) as url:
        measure.fresh(peer, setup.data_dir, url, setup.examples)


def ours(data_dir: str, source: dict[str, str | None]) -> float:
    """Builds our data set and returns the seconds."""
    from trainer.data.source import prepare

    start = time.perf_counter()
    prepare(data_dir, **source)
    return time.perf_counter() - start


def peer(data_dir: str, url: str, examples: dict[str, int]) -> float:
    """Builds TFDS's own `mnist` from files at a URL and returns the seconds."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.image_classification import mnist

    mnist.MNIST.URL = url
    # It takes no count from the files; these are its own unless digits are rendered.
    mnist._TRAIN_EXAMPLES = examples["train"]
    mnist._TEST_EXAMPLES = examples["test"]
    start = time.perf_counter()
    tfds.builder("mnist", data_dir=data_dir).download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    return time.perf_counter() - start


def _thrown_away(setup: Setup, build, *args) -> tuple[float, int]:
    folder = setup.work / "thrown_away"
    try:
        return measure.fresh(build, str(folder), *args)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@contextlib.contextmanager
def _served(folder: pathlib.Path) -> Iterator[str]:
    """Serves a folder to this machine alone; gives the URL."""
    handler = functools.partial(_Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _bound(setup: Setup) -> float:
    built = pathlib.Path(setup.data_dir, "mnist_idx_tfds").rglob("*.tfrecord*")
    size = sum(path.stat().st_size for path in built)
    start = time.perf_counter()
    for pair in idx_set.find(setup.idx_dir).values():
        for path in pair:
            gzip.decompress(path.read_bytes())
    (setup.work / "bound").write_bytes(bytes(size))
    return time.perf_counter() - start
