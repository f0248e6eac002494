"""What the machine leaves to a process, as Linux and its control groups say it."""

import os

import psutil
import pytest

from mnist_idx_tfds import machine


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Makes the files in which Linux says what a process's control groups allow."""

    def make(own, files, allowed=16):
        for name, text in {"proc/self/cgroup": own, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(machine, "_ROOT", tmp_path)
        allowed = set(range(allowed))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)

    return make


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu"
OWN_V1 = "9:name=systemd:/\n3:cpuset:/\n2:cpu,cpuacct:/a/b\n0::/\n"


@pytest.mark.parametrize(
    ("own", "files", "count"),
    [
        ("0::/\n", {}, 16),
        ("0::/\n", {f"{V2}/cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {f"{V2}/cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {f"{V2}/cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {f"{V2}/cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {f"{V2}/cpu.max": "6400000 100000\n"}, 16),
        # The strictest of a group and those that it is in.
        (
            "0::/a/b\n",
            {f"{V2}/a/cpu.max": "300000 100000", f"{V2}/a/b/cpu.max": "max 100000"},
            3,
        ),
        # A container that reads its host's path, and sees its own group at the top.
        ("0::/docker/1f\n", {f"{V2}/cpu.max": "200000 100000\n"}, 2),
        (
            OWN_V1,
            {f"{V1}/a/b/cpu.cfs_quota_us": "-1", f"{V1}/a/b/cpu.cfs_period_us": "1000"},
            16,
        ),
        (
            OWN_V1,
            {f"{V1}/cpu.cfs_quota_us": "150000", f"{V1}/cpu.cfs_period_us": "50000"},
            3,
        ),
        ("0::/\n", {f"{V2}/cpu.max": "what else\n"}, 16),
    ],
)
def test_the_cores_are_those_that_a_quota_allows(groups, own, files, count):
    groups(own, files)
    assert machine.cores() == count


def test_a_quota_adds_no_cores_to_those_of_the_affinity(groups):
    groups("0::/\n", {f"{V2}/cpu.max": "400000 100000\n"}, allowed=2)
    assert machine.cores() == 2


GIB = 2**30


def stat(name, cached):
    return f"anon 12345\n{name} {cached}\nslab 5\n"


@pytest.mark.parametrize(
    ("own", "files", "left"),
    [
        ("0::/\n", {}, 10 * GIB),
        (
            "0::/\n",
            {
                f"{V2}/memory.max": "max\n",
                f"{V2}/memory.current": f"{GIB}\n",
                f"{V2}/memory.stat": stat("inactive_file", GIB),
            },
            10 * GIB,
        ),
        # Files that were read are dropped where memory is needed.
        (
            "0::/a\n",
            {
                f"{V2}/a/memory.max": f"{4 * GIB}\n",
                f"{V2}/a/memory.current": f"{3 * GIB}\n",
                f"{V2}/a/memory.stat": stat("inactive_file", GIB),
            },
            2 * GIB,
        ),
        (
            "4:memory:/a\n",
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{6 * GIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{5 * GIB}\n",
                "sys/fs/cgroup/memory/memory.stat": stat("total_inactive_file", 0),
            },
            GIB,
        ),
        (
            "0::/\n",
            {
                f"{V2}/memory.max": f"{GIB}\n",
                f"{V2}/memory.current": f"{2 * GIB}\n",
                f"{V2}/memory.stat": stat("inactive_file", 0),
            },
            0,
        ),
        (
            "0::/\n",
            {f"{V2}/memory.max": f"{GIB}\n", f"{V2}/memory.current": "0\n"},
            10 * GIB,
        ),
    ],
)
def test_the_memory_left_is_what_machine_and_container_both_have(
    groups, monkeypatch, own, files, left
):
    groups(own, files)
    memory = psutil.virtual_memory()._replace(available=10 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert machine.memory_left() == left


def test_the_memory_left_is_less_than_the_machine_has():
    assert 0 < machine.memory_left() < psutil.virtual_memory().total
