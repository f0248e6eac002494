"""Several processes of one run, on one machine or more: what only a parent can do.

JAX brings them together, and ends each that computes when another one is lost, by an
abort with a hundred lines. So a parent starts the process that computes, passes signals
on to it, and turns such an end into one line.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from trainer import signals
from trainer.errors import TrainerError
from trainer.machine import cluster, peers

_HINT = " The same commands go on from the last checkpoint, where there is a --workdir."
_CRASHED = 75  # Exit code of what computes where it could not do so with the others.
# What it leaves in its log once it has said all that there is to say.
_SAID = "trainer has said all, with exit code "
_ABORT = "JAX distributed service detected fatal errors"
# What JAX says of the process that has ended, or is silent.
_WHOSE = re.compile(r"(?:heartbeats\):\s+|The first task at the barrier: |Task )(\d+)")


def watch() -> int | None:
    """Runs this command again as one process of several, if Keras's variables say so.

    Returns:
      Its exit code; None where this process is to do the work, alone or as one of them.

    Raises:
      TrainerError: the variables are wrong, or the processes do not find each other, or
        another one has failed.
    """
    if peers.WATCHER in os.environ:
        threading.Thread(target=_end_with_watcher, daemon=True).start()
        _keep_streams_to_python()
        return None
    if not cluster.is_asked_for():
        return None
    at, index = os.environ[peers.ADDRESSES], int(os.environ[peers.INDEX])
    said = f": process 0, at {at}, has the log"
    if index == 0:
        said = f" waits for the others at {at}"
    print(f"process {index} of {os.environ[peers.COUNT]}{said}", flush=True)
    return _run(is_first=index == 0)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within it, a process of several that fails says why, and leaves the others.

    They come to the same end, or else are told by JAX that this one is lost.
    """
    try:
        yield
    except BaseException as e:
        if peers.count() == 1:
            raise
        sys.stdout.flush()
        code = _code(e)
        if code != _CRASHED:
            sys.stderr.flush()
            os.write(2, f"\n{_SAID}{code}\n".encode())
        cluster.leave()
        os._exit(code)  # JAX would have it wait for others at its exit.


def _code(e: BaseException) -> int:
    """Returns the exit code for what ended this process, and says what it is."""
    if isinstance(e, SystemExit):
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
        return e.code if isinstance(e.code, int) else 1 if e.code else 0
    import traceback

    if cluster.is_loss(e):
        os.write(2, "".join(traceback.format_exception(e)).encode())
        return _CRASHED
    traceback.print_exception(e)
    return 1


def _end_with_watcher() -> None:
    while os.read(int(os.environ[peers.WATCHER]), 1):
        pass
    os._exit(1)


def _keep_streams_to_python() -> None:
    """Keeps what the C++ code of JAX says from the log, and from the terminal."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
    os.dup2(int(os.environ[peers.LOG]), 2)


def _run(is_first: bool) -> int:
    """Runs the process that computes, and returns its exit code.

    Raises:
      TrainerError: it has not said itself why it ended.
    """
    watched, watching = os.pipe()
    with tempfile.TemporaryFile() as log:
        own = {peers.WATCHER: f"{watched}", peers.LOG: f"{log.fileno()}"}
        child = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            env=os.environ | own,
            pass_fds=[watched, log.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=None if is_first else subprocess.DEVNULL,
            process_group=0,  # For Ctrl-C not to come twice.
        )
        os.close(watched)
        for number in signals.SIGNALS:
            signal.signal(number, lambda number, _: child.send_signal(number))
        try:
            code = child.wait()
        finally:
            child.kill()
            child.wait()
            os.close(watching)
        log.seek(0)
        return _explained(code, log.read().decode(errors="replace"))


def _explained(code: int, log: str) -> int:
    """Returns the exit code that a child's end amounts to, by what is in its log.

    Raises:
      TrainerError: the child ended without a word.
    """
    if said := re.search(rf"^{_SAID}(\d+)$", log, re.MULTILINE):
        return int(said[1])
    if code == _CRASHED or (code == -signal.SIGABRT and _ABORT in log):
        raise TrainerError(_why(log))
    if code >= 0:
        return code
    if code == -signal.SIGKILL:
        why = ", as systems do that have no memory left"
    else:
        why = ""
        sys.stderr.write(log)
    name = signal.Signals(-code).name
    raise TrainerError(f"what computed was ended by {name}{why}.")


def _why(log: str) -> str:
    """Returns the line for an end by JAX."""
    at, count = os.environ[peers.ADDRESSES], os.environ[peers.COUNT]
    if "RegisterTask" in log and "DEADLINE_EXCEEDED" in log:
        return (
            f"{count} processes: expected all of them at {at} "
            f"({peers.ADDRESSES}) within {cluster.PATIENCE} s, found fewer. Start each with "
            f"the same command, and {peers.INDEX} of its own."
        )
    if "incarnation" in log:
        return f"{peers.INDEX}: expected one process of each number, found two of one."
    if "RegisterTask" in log:
        return (
            f"{peers.COUNT}: expected what process 0 at {at} has, found {count}. Give all "
            "processes the same."
        )
    whose = "processes: another one"
    if found := _WHOSE.search(log):
        whose = f"process {found[1]}: it"
    elif "leader task" in log:
        whose = "process 0: it"
    return f"{whose} has ended, or its machine is lost.{_HINT}"
