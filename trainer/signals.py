"""SIGINT and SIGTERM: the first stops a run where it can be saved, the second at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

STOPPING = "stopping after the steps in progress; once more stops at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_waiting = False
_received: int | None = None


class Interrupted(KeyboardInterrupt):
    """A signal ends the program.

    Attributes:
      exit_code: 130 for SIGINT, 143 for SIGTERM, as shells have it.
    """

    def __init__(self, message: str = "interrupted"):
        super().__init__(message)
        self.exit_code = 128 + (_received or signal.SIGINT)


def install() -> None:
    """Turns the first SIGINT or SIGTERM into `Interrupted`; a second ends the process."""
    for number in SIGNALS:
        signal.signal(number, _handle)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Within it, a first signal only shows in `received`; it ends with `Interrupted`."""
    global _waiting
    _waiting = True
    try:
        yield
    finally:
        _waiting = False
    if received():
        raise Interrupted


@contextlib.contextmanager
def borrowed() -> Iterator[None]:
    """Within it, Ctrl-C in another's program waits for the steps in progress, once.

    An interrupt in the middle of them can end a process, and with it a notebook.
    """
    global _received
    if threading.current_thread() is not threading.main_thread():
        yield  # Which signals do not come to.
        return
    before = signal.signal(signal.SIGINT, _handle_once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _received = None


def received() -> bool:
    """Whether a signal asked to stop."""
    return _received is not None


def _handle_once(number: int, frame: FrameType | None) -> None:
    global _received
    if received() or not _waiting:
        raise KeyboardInterrupt
    _received = number


def _handle(number: int, frame: FrameType | None) -> None:
    global _received
    if received():
        os._exit(128 + number)  # Whatever the process is in the middle of.
    _received = number
    if not _waiting:
        raise Interrupted
    # Not print: the handler may have interrupted one.
    os.write(sys.stderr.fileno(), STOPPING.encode())
