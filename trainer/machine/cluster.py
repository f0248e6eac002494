"""How JAX brings the processes of a run together, and parts them: Keras's variables."""

import contextlib
import functools
import json
import os
import re
import socket
import sys
from ipaddress import ip_address
from typing import Any

from absl import flags

from trainer.errors import TrainerError
from trainer.machine import backend, peers

PATIENCE = 50  # Seconds that processes wait for each other to come.
_SILENCE = 30  # Seconds without a sign of life, after which a process is lost.
# Seconds that one which ends waits for the others to end, too; for those that are lost,
# too, so that JAX says which.
_LEAVING = 40
_MOST = 1000  # Processes.
_PACKAGES = ("jax", "keras", "numpy", "tensorflow")
# What may differ between machines, and what has no part in the result.
_OWN_FLAGS = {
    *("data_dir", "manual_dir", "idx_dir", "from_model", "workdir", "export_dir"),
}


def is_asked_for() -> bool:
    """Reads Keras's variables, and returns whether they ask for several processes.

    Raises:
      TrainerError: one of them is wrong, or the first process cannot listen.
    """
    count = _number(peers.COUNT, "1", 1, _MOST)
    if count == 1:
        return False
    if (found := backend.name()) != "jax":
        raise TrainerError(
            f"KERAS_BACKEND: expected jax, which computes in {count} processes "
            f"({peers.COUNT}), found {found}. Set it to jax."
        )
    index = _number(peers.INDEX, "", 0, count - 1)
    # Keras takes those of all processes, too.
    first = os.environ.get(peers.ADDRESSES, "").partition(",")[0].strip()
    host, _, port = first.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 2**16):
        raise TrainerError(
            f"{peers.ADDRESSES}: expected HOST:PORT, where process 0 listens, found "
            f"{first or 'none'}. Give all processes the same."
        )
    os.environ[peers.ADDRESSES] = first
    if index == 0:
        _check_free()
    return True


def _number(name: str, default: str, least: int, most: int) -> int:
    value = os.environ.get(name) or default
    # Of ASCII alone, and short enough for Python to read.
    if re.fullmatch("[0-9]{1,9}", value) and least <= int(value) <= most:
        return int(value)
    raise TrainerError(
        f"{name}: expected a number from {least} to {most}, found {value or 'none'}."
    )


def _check_free() -> None:
    """Listens for a moment, as JAX, which ends by SIGSEGV where it cannot."""
    try:
        family, address = _listens_at()
        socket.create_server(address, family=family).close()
    except (OSError, UnicodeError) as e:
        # What Python adds to an error's own words is said already.
        number = getattr(e, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(e, "strerror", None)
        raise TrainerError(
            f"{peers.ADDRESSES}: expected an address of this machine, with a free port, "
            f"for process 0, found {os.environ[peers.ADDRESSES]}: "
            f"{(reason or str(e)).lower()}."
        ) from e


def _listens_at() -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Returns where the first process listens: at its address, and at no other.

    But for this machine's name where it stands for loopback, as Debian writes it into
    /etc/hosts: others know the machine by another address, which nothing here says.

    Raises:
      OSError, UnicodeError: there is no such address.
    """
    host, _, port = os.environ[peers.ADDRESSES].rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
    family, address = found[0], found[4]
    own = socket.gethostname().partition(".")[0].lower()
    if host.partition(".")[0].lower() == own and ip_address(address[0]).is_loopback:
        address = ("::" if family == socket.AF_INET6 else "0.0.0.0", *address[1:])
    return family, address


def join() -> None:
    """Has JAX compute with all processes, if there are several; before it computes.

    Raises:
      TrainerError: they are not alike; all of them raise the same.
    """
    if peers.count() == 1:
        return
    import jax
    from jax._src import distributed

    family, (host, port, *_) = _listens_at()
    # It would keep SIGTERM to itself, which is to stop a run.
    jax.config.update("jax_enable_preemption_service", False)  # type: ignore[no-untyped-call]
    jax.distributed.initialize(
        os.environ[peers.ADDRESSES],
        num_processes=peers.count(),
        process_id=peers.index(),
        coordinator_bind_address=(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ),
        initialization_timeout=PATIENCE,
        heartbeat_timeout_seconds=_SILENCE,
        shutdown_timeout_seconds=_LEAVING,
    )
    _compute_at(_own_address(family, host, port))
    # Before any of them computes, since those that are not alike could wait for good.
    client: Any = distributed.global_state.client
    own = _facts()
    client.key_value_set(f"trainer/{peers.index()}", json.dumps(own))
    said = (
        json.loads(client.blocking_key_value_get(f"trainer/{n}", 1000 * PATIENCE))
        for n in range(peers.count())
    )
    expected = next(said)
    peers.raise_different(peers.index(), expected, own)
    for process, found in enumerate(said, 1):
        peers.raise_different(process, expected, found)


def leave() -> None:
    """Parts from the other processes, once all of them do; waits no longer than so long.

    Where others do not, JAX ends this process by an abort.
    """
    import jax

    with contextlib.suppress(Exception):  # What there is to say is said.
        jax.distributed.shutdown()  # type: ignore[no-untyped-call]


def is_loss(e: BaseException) -> bool:
    """Whether it is how JAX says that another process is lost."""
    return re.search("Gloo|NCCL|coordination service", str(e)) is not None


def _own_address(family: socket.AddressFamily, host: str, port: int) -> str | None:
    """Returns the address that others reach this machine at; None if that is not known."""
    if not ip_address(host).is_unspecified:
        if peers.is_first():
            return host
    elif family == socket.AF_INET6:
        host = "2001:db8::"
    else:
        host = "192.0.2.0"  # Nobody's: the way to it is that to the world.
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((host, port))  # Sends nothing.
        except OSError:
            return None
        return str(asked.getsockname()[0])


def _compute_at(address: str | None) -> None:
    """Has Gloo, with which JAX computes on CPUs, listen at an address of this machine.

    It would take that of the machine's name, which may be one that the others do not
    reach, or that more reach than are to.
    """
    from jax._src.lib import _jax  # type: ignore[attr-defined]

    _jax.make_gloo_tcp_collectives = functools.partial(
        _jax.make_gloo_tcp_collectives, hostname=address
    )


def _facts() -> dict[str, Any]:
    """Returns what must be alike in all processes, by the name that people know."""
    from importlib import metadata  # Here, as most runs need not wait for it.

    own = flags.FLAGS.get_flags_for_module(sys.argv[0])
    python = ".".join(map(str, sys.version_info[:2]))
    packages = metadata.packages_distributions()  # TensorFlow's has several names.
    return {
        peers.COUNT: peers.count(),
        "Python": python,
        **{name: metadata.version(packages[name][0]) for name in _PACKAGES},
        **{f"--{f.name}": f.value for f in own if f.name not in _OWN_FLAGS},
    }
