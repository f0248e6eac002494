"""Where the four published MNIST files are downloaded from."""

import contextlib
import json
import pathlib
import re
import shlex
import threading
from collections.abc import Iterator
from typing import Any

import requests
import tensorflow_datasets.public_api as tfds
from etils import epath
from tensorflow_datasets.core.download import downloader

from mnist_idx_tfds import idx

# Tried in this order; each file has a row in checksums.tsv for each of them.
MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
TIMEOUT = (10, 20)  # Seconds to connect, and between two pieces of an answer.
_RETRIES = 1
_lock = threading.Lock()
_before: list[tuple[Any, int]] = []  # What `bounded_requests` found, the first first.
_EMBEDDED = shlex.quote(str(pathlib.Path(__file__).with_name("dummy_data")))


def download(
    dl_manager: tfds.download.DownloadManager, names: dict[str, str]
) -> dict[str, epath.Path]:
    """Downloads files from the first mirror that gives the right ones.

    Args:
      dl_manager: TFDS's, which keeps what it has downloaded, takes files of its
        `manual_dir` first, and compares size and SHA-256.
      names: the files' names on the mirrors, by keys of the caller's choice.

    Returns:
      Where the files are, by the same keys.

    Raises:
      idx.IdxError: no mirror gives one of the files; with each one's reason.
    """
    kept = _kept_urls(dl_manager.download_dir)
    # A stable sort: the mirrors in their order, but first what is here already.
    urls = {
        key: sorted(
            (mirror + name for mirror in MIRRORS), key=lambda url: url not in kept
        )
        for key, name in names.items()
    }
    paths: dict[str, epath.Path] = {}
    reasons: dict[str, list[str]] = {key: [] for key in names}
    with bounded_requests():
        for attempt in range(len(MIRRORS)):
            missing = {key: urls[key][attempt] for key in names if key not in paths}
            try:
                return paths | dl_manager.download(missing)
            except Exception:
                # One failure fails them all; asked again, TFDS tells which it was.
                for key, url in missing.items():
                    try:
                        paths[key] = dl_manager.download(url)
                    except Exception as e:
                        reasons[key].append(f"{url.split('/')[2]}: {_reason(e)}")
    key = next(key for key in names if key not in paths)
    raise idx.error(
        names[key],
        "download",
        "the published file from a mirror",
        "; ".join(reasons[key]),
        "With the four files in a folder, use --manual_dir=DIR; without them, python "
        f"-m trainer --idx_dir={_EMBEDDED} trains on the embedded data.",
    )


def _reason(e: Exception) -> str:
    """Says in a few words what was wrong with a mirror."""
    text = " ".join(str(e).split())
    if "wrong checksum" in text:
        size = re.search(r"Got: UrlInfo\(size=([^,]+),", text)
        return f"other content than expected ({size[1] if size else 'wrong SHA-256'})"
    if isinstance(e, requests.TooManyRedirects):
        return "redirects without end"
    if isinstance(e, requests.Timeout) or "timed out" in text:
        return f"no answer in {TIMEOUT[1]} s"
    if "resolve" in text or "getaddrinfo" in text:
        return "no such host; is there a network?"
    if code := re.search(r"(?:HTTP code: |too many )(\d+)", text):
        return f"HTTP {code[1]}"
    if isinstance(
        e, requests.ConnectionError | requests.exceptions.ChunkedEncodingError
    ):
        return "the connection failed or broke off"
    return text


def _kept_urls(download_dir: epath.Path) -> set[str]:
    """Returns what TFDS has downloaded before, by the notes it keeps beside it."""
    urls = set()
    for note in [*download_dir.glob("*.INFO"), *download_dir.glob("*/*.INFO")]:
        # What others left there, or a kill cut short; it only decides an order.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            urls.update(json.loads(note.read_text())["urls"])
    return urls


@contextlib.contextmanager
def bounded_requests() -> Iterator[None]:
    """TFDS sets no timeout, and repeats a failed request for over three minutes."""
    with _lock:
        _before.append((requests.Session.request, downloader.MAX_RETRIES))
        request, _ = _before[0]

        def bounded(*args: Any, **kwargs: Any) -> requests.Response:
            kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
            return request(*args, **kwargs)

        if len(_before) == 1:  # Not within another one, of this thread or another.
            requests.Session.request = bounded  # type: ignore[method-assign]
            downloader.MAX_RETRIES = _RETRIES
    try:
        yield
    finally:
        with _lock:
            request, retries = _before.pop()
            if not _before:
                requests.Session.request = request  # type: ignore[method-assign]
                downloader.MAX_RETRIES = retries
