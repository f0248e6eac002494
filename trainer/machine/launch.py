"""Several processes of one run, on one machine or more: they begin and end together.

Each is a pair, since a process that computes with JAX is blocked, or ended with a stack
trace, when another one is lost. The one that was started watches: it has a connection to
the first process's watcher, and starts the one that computes once all have come.
"""

import contextlib
import dataclasses
import errno
import json
import math
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import IO, Any

from absl import flags

from trainer import signals
from trainer.errors import TrainerError
from trainer.machine import backend, peers

_MOST = 1000  # Processes.
_PATIENCE = 50.0  # Seconds that processes wait for each other to come.
_BEAT = 5.0  # Seconds between signs of life.
_SILENCE = 30.0  # Seconds without one, after which a process is lost.
_GRACE = 8.0  # Seconds to end by itself, for a process whose peer has failed.
_LAST = 20.0  # The same where all of them were asked to stop, and save the run.
_LONGEST = 1 << 15  # Letters of an error that others are told.
_PACKAGES = ("jax", "keras", "numpy", "tensorflow")
# What may differ between machines, and what has no part in the result.
_OWN_FLAGS = {
    "data_dir",
    "manual_dir",
    "idx_dir",
    "from_model",
    "workdir",
    "export_dir",
}
_STOPPED = tuple(128 + number for number in signals.SIGNALS)
_BROKE = 75  # Exit code after an error that nobody expects.
_BROKEN = (_BROKE, -signal.SIGABRT)  # The latter is how JAX ends its processes.
_HINT = " The same commands go on from the last checkpoint, where there is a --workdir."


@dataclasses.dataclass(frozen=True)
class _Job:
    host: str
    port: int
    count: int
    index: int

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def watch() -> int | None:
    """Runs this command again as one process of several, if Keras's variables say so.

    Returns:
      Its exit code; None where this process is to do the work, alone or as one of them.

    Raises:
      TrainerError: the variables are wrong, or the processes do not find each other, or
        are not alike, or another one has failed.
    """
    if peers.WATCHER in os.environ:
        threading.Thread(target=_end_with_watcher, daemon=True).start()
        _keep_stdout_to_python()
        return None
    job = _job()
    if job is None:
        return None
    with contextlib.ExitStack() as stack:
        find = _joined if job.index else _gathered
        links, port = find(job, _facts(), stack)
        return _Watch(job, links).run(port)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within it, a process of several that fails ends without a wait for the others.

    JAX would have it wait at its exit for processes that wait for it.
    """
    try:
        yield
    except BaseException as e:
        if peers.count() == 1:
            raise
        if isinstance(e, SystemExit):
            code = e.code if isinstance(e.code, int) else 1 if e.code else 0
            if not code:
                raise
            if isinstance(e.code, str):
                print(e.code, file=sys.stderr)
        else:
            import traceback

            traceback.print_exception(e)
            code = _BROKE  # Which the loss of another process does, too, in many ways.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with_watcher() -> None:
    while os.read(int(os.environ[peers.WATCHER]), 1):
        pass
    os._exit(1)


def _keep_stdout_to_python() -> None:
    """Keeps what the C++ code of JAX's processes says to each other from the log."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)


def _job() -> _Job | None:
    """Reads Keras's variables; None where there is one process.

    Raises:
      TrainerError: one of them is wrong.
    """
    count = _number(peers.COUNT, "1", 1, _MOST)
    if count == 1:
        return None
    if (found := backend.name()) != "jax":
        raise TrainerError(
            f"KERAS_BACKEND: expected jax, which computes in {count} processes "
            f"({peers.COUNT}), found {found}. Set it to jax."
        )
    index = _number(peers.INDEX, "", 0, count - 1)
    addresses = os.environ.get(peers.ADDRESSES, "").split(",")
    host, _, port = addresses[0].strip().rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 2**16):
        raise TrainerError(
            f"{peers.ADDRESSES}: expected HOST:PORT, where process 0 listens, found "
            f"{addresses[0] or 'none'}. Give all processes the same."
        )
    return _Job(host.strip("[]"), int(port), count, index)


def _number(name: str, default: str, least: int, most: int) -> int:
    value = os.environ.get(name) or default
    if value.isdecimal() and least <= int(value) <= most:
        return int(value)
    raise TrainerError(
        f"{name}: expected a number from {least} to {most}, found {value or 'none'}."
    )


def _facts() -> dict[str, Any]:
    """Returns what must be alike in all processes, by the name that people know."""
    from importlib import metadata  # Here, as most runs need not wait for it.

    own = flags.FLAGS.get_flags_for_module(sys.argv[0])
    versions = {name: metadata.version(name) for name in _PACKAGES}
    given = {f"--{f.name}": f.value for f in own if f.name not in _OWN_FLAGS}
    return {
        peers.COUNT: os.environ[peers.COUNT],
        "Python": ".".join(map(str, sys.version_info[:2])),
        **versions,
        **given,
    }


def _gathered(
    job: _Job, facts: dict[str, Any], stack: contextlib.ExitStack
) -> tuple[dict[int, "_Link"], int]:
    """Waits for all others, and returns the connections to them, and a port for JAX."""
    try:
        family = socket.getaddrinfo(job.host, job.port, type=socket.SOCK_STREAM)[0][0]
        server = stack.enter_context(
            socket.create_server((job.host, job.port), family=family)
        )
    except (OSError, UnicodeError) as e:
        raise TrainerError(
            f"{peers.ADDRESSES}: expected an address of this machine, with a free port, "
            f"for process 0, found {job.address}: {_reason(e)}."
        ) from e
    print(f"process 0 of {job.count} waits for the others at {job.address}", flush=True)
    links: dict[int, _Link] = {}
    until = time.monotonic() + _PATIENCE
    while len(links) < job.count - 1:
        server.settimeout(max(0.01, until - time.monotonic()))
        try:
            connection, _ = server.accept()
        except TimeoutError:
            missing = sorted({*range(1, job.count)} - {*links})
            error = TrainerError(
                f"process {', '.join(map(str, missing))}: expected it at {job.address} "
                f"within {_PATIENCE:.0f} s, found none. Start it with the same command, "
                f"and {peers.INDEX} of its own."
            )
            raise _told(links.values(), error) from None
        link = _Link(stack.enter_context(connection))
        hello = link.receive(_BEAT)
        if not isinstance(hello, dict) or not isinstance(hello.get("process"), int):
            continue  # Not one of ours.
        process = hello["process"]
        try:
            if process in links:
                raise TrainerError(
                    f"{peers.INDEX}: expected one process {process}, found two."
                )
            peers.raise_different(process, facts, dict(hello.get("facts", {})))
        except TrainerError as e:
            raise _told([*links.values(), link], e) from None
        links[process] = link
    with socket.create_server((job.host, 0), family=family) as free:
        port = int(free.getsockname()[1])
    for link in links.values():
        link.send({"port": port})
    return links, port


def _reason(e: OSError | UnicodeError) -> str:
    # What Python adds to an error's own words is said already.
    number = getattr(e, "errno", None) or 0
    if number in errno.errorcode:
        return os.strerror(number).lower()
    return (getattr(e, "strerror", None) or str(e)).lower()


def _told(links: Iterable["_Link"], error: TrainerError) -> TrainerError:
    for link in links:
        link.send({"error": str(error)})
    return error


def _joined(
    job: _Job, facts: dict[str, Any], stack: contextlib.ExitStack
) -> tuple[dict[int, "_Link"], int]:
    """Finds the first process, and returns the connection to it, and JAX's port there."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection = socket.create_connection((job.host, job.port), timeout=_BEAT)
            break
        except (OSError, UnicodeError) as e:
            if time.monotonic() > until or isinstance(e, UnicodeError):
                raise TrainerError(
                    f"process 0: expected it at {job.address} ({peers.ADDRESSES}) within "
                    f"{_PATIENCE:.0f} s, found: {_reason(e)}. Start it, or mend the "
                    "address."
                ) from e
            time.sleep(0.2)
    link = _Link(stack.enter_context(connection))
    link.send({"process": job.index, "facts": facts})
    print(
        f"process {job.index} of {job.count}: process 0, at {job.address}, has the log",
        flush=True,
    )
    answer = link.receive(_PATIENCE + _GRACE)
    if not isinstance(answer, dict) or "port" not in answer:
        error = answer and answer.get("error")
        raise TrainerError(
            error
            or f"process 0, at {job.address}: expected it to begin, found its end."
        )
    return {0: link}, int(answer["port"])


class _Link:
    """Sends and receives messages, which are JSON objects, a line each."""

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._lines = connection.makefile("rb")

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message; to a process that is lost, none, of which `receive` tells."""
        with contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None after the last one, or so long a silence."""
        self._socket.settimeout(seconds)
        with contextlib.suppress(OSError, ValueError):
            message = json.loads(self._lines.readline(2 * _LONGEST))
            return message if isinstance(message, dict) else None
        return None


class _Watch:
    """Runs the process that computes, and ends with it, or with any other one."""

    def __init__(self, job: _Job, links: dict[int, _Link]):
        self._job = job
        self._links = links
        self._events: queue.Queue[tuple[int | None, Any]] = queue.Queue()
        self._finished: set[int] = set()
        self._cause = ""  # Why another process ended before its time.
        self._until = math.inf  # When this one must have ended, by `time.monotonic`.

    def run(self, port: int) -> int:
        """Returns the exit code.

        Args:
          port: of JAX, where the first process is.

        Raises:
          TrainerError: another process has failed.
        """
        watched, watching = os.pipe()
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, *sys.orig_argv[1:]],
                env=os.environ
                | {peers.WATCHER: f"{watched}", peers.ADDRESSES: self._at(port)},
                pass_fds=[watched],
                stdin=subprocess.DEVNULL,
                stdout=None if self._job.index == 0 else subprocess.DEVNULL,
                stderr=errors,
                process_group=0,  # For Ctrl-C not to come twice.
            )
            os.close(watched)
            _pass_signals_on(child)
            for process, link in self._links.items():
                self._in_background(self._listen, process, link)
            self._in_background(lambda: self._events.put((None, child.wait())))
            try:
                return self._loop(errors)
            finally:
                child.kill()
                child.wait()
                os.close(watching)

    def _at(self, port: int) -> str:
        host = f"[{self._job.host}]" if ":" in self._job.host else self._job.host
        return f"{host}:{port}"

    def _in_background(self, work: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()

    def _listen(self, process: int, link: _Link) -> None:
        while (message := link.receive(_SILENCE)) is not None:
            if message:  # Not a sign of life alone.
                self._events.put((process, message))
        self._events.put((process, None))

    def _loop(self, errors: IO[bytes]) -> int:
        code: int | None = None  # Of the child, once it has ended.
        while time.monotonic() < self._until:
            try:
                process, message = self._events.get(
                    timeout=min(_BEAT, max(0, self._until - time.monotonic()))
                )
            except queue.Empty:
                self._tell({})
                continue
            if process is not None:
                self._hear(process, message)
            else:
                code = message
                if code not in (0, *_BROKEN):
                    return self._end(code, errors)
                if code == 0:
                    self._tell({"ended": 0})
                # Others may go on a little; or whose end that was is to be heard.
                wait = _LAST if code == 0 else _SILENCE + _GRACE
                self._until = min(self._until, time.monotonic() + wait)
            if code == 0 and (self._job.index or self._finished >= {*self._links}):
                return 0
            if code in _BROKEN and self._cause:
                break
        if code == 0:
            return 0
        if self._cause:
            raise TrainerError(f"{self._cause}{_HINT}")
        return self._end(_BROKE if code is None else code, errors)

    def _hear(self, process: int, message: dict[str, Any] | None) -> None:
        if message is None:
            if process in self._finished:
                return
            message = {"failed": process, "why": "it is lost, or its machine is."}
        if "ended" in message:
            self._finished.add(process)
            if message["ended"]:
                self._cause = f"process {process}: it was told to stop."
                self._until = time.monotonic() + _LAST
        elif not self._cause:
            self._cause = f"process {message['failed']}: {message['why']}"
            self._until = time.monotonic() + _GRACE
            self._tell(message, but=process)

    def _end(self, code: int, errors: IO[bytes]) -> int:
        """Says why the child failed, here and to the others, and returns its code."""
        errors.seek(0)
        text = errors.read().decode(errors="replace").replace(signals.STOPPING, "")
        if -code in signals.SIGNALS:
            code = 128 - code
        if code < 0:
            name = signal.Signals(-code).name
            why = (
                ", as systems do that have no memory left" if name == "SIGKILL" else ""
            )
            text += f"trainer: what computed was ended by {name}{why}.\n"
            code = 1
        code = 1 if code == _BROKE else code
        sys.stderr.write(text)
        if code in _STOPPED:
            self._tell({"ended": code})
        else:
            why = text.strip().rpartition("\n")[2].removeprefix("trainer: ")[:_LONGEST]
            self._tell({"failed": self._job.index, "why": why})
        return code

    def _tell(self, message: dict[str, Any], but: int | None = None) -> None:
        for process, link in self._links.items():
            if process != but:
                link.send(message)


def _pass_signals_on(child: subprocess.Popen[bytes]) -> None:
    said: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not said:
            os.write(sys.stderr.fileno(), signals.STOPPING.encode())
        said.append(number)
        child.send_signal(number)

    for number in signals.SIGNALS:
        signal.signal(number, pass_on)
