"""Where a page can be served, and where others reach it."""

import errno
import socket
from ipaddress import ip_address
from typing import Any

import psutil

from trainer.errors import TrainerError

_PORTS = 100  # That are tried before there is said to be none.


def of_others(host: str) -> list[str]:
    """Returns the addresses by which others reach what listens on all of them."""
    family = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}.get(host)
    found = [
        ip_address(one.address.partition("%")[0])
        for interface in psutil.net_if_addrs().values()
        for one in interface
        if one.family == family
    ]
    return [
        f"[{one}]" if one.version == 6 else f"{one}"
        for one in found
        if not (one.is_loopback or one.is_link_local)
    ]


def free_port(host: str, first: int) -> int:
    """Returns the first port that is free, at 127.0.0.1 too, where Gradio looks.

    Raises:
      TrainerError: this machine has no such address, or no free port.
    """
    try:
        found = socket.getaddrinfo(host, first, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as e:  # The latter of what can be no name.
        raise _no_host(host, e) from e
    last = min(first + _PORTS, 2**16) - 1
    for port in range(first, last + 1):
        try:
            _listen(found[0], (found[4][0], port, *found[4][2:]))
            _listen(socket.AF_INET, ("127.0.0.1", port))
        except OSError as e:
            if e.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise _no_host(host, e) from e
        else:
            return port
    raise TrainerError(
        f"--port={first}: expected a free port, found none up to {last}. Give another."
    )


def _listen(family: int, address: tuple[Any, ...]) -> None:
    """Listens for a moment; an OSError says that it cannot be done."""
    with socket.socket(family) as tried:
        # As servers do; else a port would be taken for a while after one ended.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind(address)
        tried.listen()


def _no_host(host: str, e: Exception) -> TrainerError:
    reason = (getattr(e, "strerror", None) or str(e)).lower()
    return TrainerError(
        f"--host={host}: expected an address of this machine, found an error: {reason}"
    )
