"""Downloads through TFDS's own manager from a loopback server that misbehaves."""

import gzip
import hashlib
import http.server
import pathlib
import re
import socket
import struct
import threading

import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from mnist_idx_tfds import idx, mirrors

NAMES = {"images": "images.gz", "labels": "labels.gz"}
FILES = {name: gzip.compress(name.encode() * 5000, mtime=0) for name in NAMES.values()}
PAGE = b"<!DOCTYPE html><html>Please log in to this network.</html>"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers `/FAULT/NAME`: the file of that name, or the fault instead."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, fault, name = self.path.split("/")
        self.server.requests.append(self.path)
        data = FILES[name]
        if fault == "page":
            self.answer(PAGE)
        elif fault == "short":
            self.answer(data[:-7])
        elif fault == "other":
            self.answer(data[:-7] + bytes(7))
        elif fault == "missing":
            self.answer(PAGE, status=404)
        elif fault == "error":
            self.answer(PAGE, status=503)
        elif fault == "loop":
            self.answer(b"", status=302, headers={"Location": self.path})
        elif fault == "silent":
            self.server.closing.wait()
        elif fault in ("reset", "stall", "cut"):
            self.answer(data[:20], length=len(data))
            if fault == "stall":
                self.server.closing.wait()
            elif fault == "reset":
                # Zero linger: the connection is reset, not closed.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.answer(data)

    def answer(self, data, status=200, length=None, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Says nothing: connections that break off are what it is for."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(mirrors, "TIMEOUT", (1, 1))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests, server.closing = [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """Downloads from the mirrors named by their faults, as a new process would."""

    def fetch(*faults):
        roots = tuple(
            "http://127.0.0.1:9/" if fault == "closed" else f"{server.url}/{fault}/"
            for fault in faults
        )
        monkeypatch.setattr(mirrors, "MIRRORS", roots)
        manager = tfds.download.DownloadManager(
            download_dir=tmp_path / "downloads",
            dataset_name="mnist_idx_tfds",
            url_infos={
                root + name: checksum(data)
                for root in roots
                for name, data in FILES.items()
            },
        )
        return mirrors.download(manager, NAMES)

    return fetch


def checksum(data):
    from tensorflow_datasets.core.download import checksums

    return checksums.UrlInfo(
        size=tfds.core.utils.Size(len(data)),
        checksum=hashlib.sha256(data).hexdigest(),
        filename=None,
    )


FAULTS = {
    "page": "other content than expected (58 bytes)",
    "short": "other content than expected",
    "other": "other content than expected",
    "missing": "HTTP 404",
    "error": "HTTP 503",
    "loop": "redirects without end",
    "silent": "no answer in 1 s",
    "stall": "no answer in 1 s",
    "reset": "the connection failed or broke off",
    "cut": "the connection failed or broke off",
    "closed": "the connection failed or broke off",
}


def check(paths):
    assert {key: path.read_bytes() for key, path in paths.items()} == {
        key: FILES[name] for key, name in NAMES.items()
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_is_tried_whatever_is_wrong_with_one(fetch, fault):
    check(fetch(fault, "good"))


@pytest.mark.parametrize("fault", FAULTS)
def test_when_all_fail_each_has_its_reason_and_the_ways_on_are_named(fetch, fault):
    with pytest.raises(idx.IdxError) as info:
        fetch(fault, "missing")
    message = str(info.value)
    assert message.startswith("images.gz: download: expected the published file")
    assert f"127.0.0.1:{'9' if fault == 'closed' else ''}" in message
    assert f": {FAULTS[fault]}" in message
    assert message.count("127.0.0.1:") == 2
    assert ": HTTP 404. " in message
    assert "--manual_dir=DIR" in message
    (folder,) = re.findall(r"--idx_dir=(\S+) trains", message)
    assert (pathlib.Path(folder) / "train-images-idx3-ubyte.gz").exists()


@pytest.mark.parametrize("fault", ["page", "short", "other", "reset", "cut", "stall"])
def test_what_a_bad_mirror_sent_is_never_taken_for_good(fetch, fault):
    with pytest.raises(idx.IdxError):
        fetch(fault)
    check(fetch("good"))


def test_a_good_file_is_never_fetched_again(fetch, server):
    check(fetch("good"))
    count = len(server.requests)
    check(fetch("good"))
    assert len(server.requests) == count == 2


def test_a_good_file_of_the_second_mirror_is_never_fetched_again(fetch, server):
    check(fetch("missing", "good"))
    count = len(server.requests)
    check(fetch("missing", "good"))
    assert len(server.requests) == count


@pytest.mark.parametrize(
    "note",
    [b"{}", b"[]", b"null", b"7", b'{"urls": 7}', b'{"urls": [[]]}', b'{"ur', b"\xff"],
    ids=repr,
)
def test_a_note_that_is_not_tfdss_does_not_stop_a_download(
    fetch, server, tmp_path, note
):
    """Nor does it hide the others, by which nothing is fetched twice."""
    check(fetch("missing", "good"))
    count = len(server.requests)
    for folder in (tmp_path / "downloads", tmp_path / "downloads" / "other"):
        folder.mkdir(exist_ok=True)
        (folder / "a.INFO").write_bytes(note)
        (folder / "b.INFO").mkdir()
    check(fetch("missing", "good"))
    assert len(server.requests) == count


def test_tfds_is_bounded_within_a_download_and_no_longer(fetch, monkeypatch):
    request, retries, seen = requests.Session.request, downloader.MAX_RETRIES, set()

    def watched(*args, **kwargs):
        seen.add((kwargs.get("timeout"), downloader.MAX_RETRIES))
        return request(*args, **kwargs)

    monkeypatch.setattr(requests.Session, "request", watched)
    with pytest.raises(idx.IdxError):
        fetch("missing")
    assert seen == {((1, 1), 1)}
    assert retries > 1
    assert (requests.Session.request, downloader.MAX_RETRIES) == (watched, retries)


def test_bounds_that_overlap_end_with_the_last():
    """As those of two threads do, of which the first to begin is the first to end."""
    before = requests.Session.request, downloader.MAX_RETRIES
    one, two = mirrors.bounded_requests(), mirrors.bounded_requests()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert downloader.MAX_RETRIES == 1
    two.__exit__(None, None, None)
    assert (requests.Session.request, downloader.MAX_RETRIES) == before
