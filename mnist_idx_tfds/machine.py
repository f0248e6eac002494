"""What this process may use of the machine: its cores, and the memory that is left."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import psutil

_ROOT = pathlib.Path("/")  # Of the file system; tests have one of their own.


def cores() -> int:
    """Returns the number of whole cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # Not on macOS.
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, int(min([count, *_quotas()])))


def memory_left() -> int:
    """Returns the memory that can still be had without swapping, in bytes."""
    return max(0, min([psutil.virtual_memory().available, *_rooms()]))


def _quotas() -> Iterator[float]:
    """Yields the cores that each control group allows, where one has a limit.

    As containers have them: an affinity to all cores of the machine, and time on a few.
    """
    for folder, version in _groups("cpu"):
        names = ["cpu.max"]
        if version == 1:
            names = ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            texts = [(folder / name).read_text() for name in names]
            quota, period = map(int, " ".join(texts).split())  # "max" is none.
            if quota > 0:  # -1 is none, too.
                yield quota / period


def _rooms() -> Iterator[int]:
    """Yields the bytes that each control group leaves, where one has a limit."""
    for folder, version in _groups("memory"):
        limit, used, freed = "memory.max", "memory.current", "inactive_file"
        if version == 1:
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
            freed = "total_inactive_file"
        with contextlib.suppress(OSError, ValueError, KeyError):
            lines = (folder / "memory.stat").read_text().splitlines()
            # Of files that were read, and are dropped where memory is needed.
            cached = int(dict(line.split() for line in lines)[freed])
            most, now = (int((folder / name).read_text()) for name in (limit, used))
            yield most - now + cached


def _groups(controller: str) -> Iterator[tuple[pathlib.Path, int]]:
    """Yields the folder of each control group of a controller, such as "cpu", on Linux.

    Yields:
      The folder, and the version of control groups, 1 or 2.
    """
    try:
        groups = (_ROOT / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            top, version = _ROOT / "sys/fs/cgroup", 2
        elif controller in controllers.split(","):
            top, version = _ROOT / "sys/fs/cgroup" / controller, 1
        else:
            continue
        # A container that sees the path of its host has its own group at the top.
        folder = top / path.strip("/")
        for parent in (folder, *folder.parents):
            yield parent, version
            if parent == top:
                break
