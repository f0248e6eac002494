"""Several processes of one run, as on several machines: real ones, on loopback."""

import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import socket
import sys
import time

import processes
import pytest
from idx_files import write_set
from kept_runs import bits, records

from trainer.machine import cluster

if not importlib.util.find_spec("jax"):
    pytest.skip("JAX is not installed", allow_module_level=True)

GOES_ON = (
    "The same commands go on from the last checkpoint, where there is a --workdir."
)


def changed(code):
    """Returns Python's arguments for the program, some of whose module is changed."""
    run = "runpy.run_module('trainer', run_name='__main__', alter_sys=True)"
    return "-c", f"import runpy; from trainer.machine import cluster; {code}; {run}"


LOOPBACK = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start_one(index, *flags, count=2, port, program=("-m", "trainer"), env=()):
    """Starts one process of several, with Keras's variables."""
    variables = {
        "KERAS_BACKEND": "jax",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{port}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": f"{count}",
        "KERAS_DISTRIBUTION_PROCESS_ID": f"{index}",
    }
    return processes.start(
        *program, "--device=cpu", *flags, env={**variables, **dict(env)}
    )


def start(folder, *flags, count=2, own=(), **kwargs):
    """Starts all processes of a run; `own` are flags of the last one alone.

    Training examples are streamed and changed; evaluation ones are cut as from memory.
    """
    port = kwargs.pop("port", None) or free_port()
    given = (
        *(f"--idx_dir={folder / 'own'}", f"--data_dir={folder / 'data'}"),
        *("--model=cnn", "--batch_size=24", "--log_every=5"),
        *("--feed=stream", "--augment=on", "--class_weight=balanced", *flags),
    )
    return [
        start_one(
            index,
            *(*given, *(own if index == count - 1 else ())),
            count=count,
            port=port,
            **kwargs,
            env=processes.quick_jax(folder),
        )
        for index in range(count)
    ]


def ended(started):
    return [processes.end(process) for process in started]


def line(result):
    """Returns the one line on standard error."""
    (found,) = result.stderr.splitlines()
    return found


def computing(process):
    """Returns the ID of the process that computes, which another one watches."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    (child,) = children.read_text().split()
    return int(child)


def wait_for_epochs(started, count):
    while count:
        count -= "  test_loss" in started[0].stdout.readline()
        assert started[0].poll() is None, started[0].stderr.read()


def listening(pid):
    """Returns where a process listens: addresses as of /proc/net/tcp, and ports."""
    inodes = set()
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(path))
    found = set()
    for name in ("tcp", "tcp6"):
        for row in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                found.add((address[-8:], int(port, 16)))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set whose last batches are of no even size, and a run of two processes on it."""
    folder = tmp_path_factory.mktemp("processes")
    write_set(folder / "own", train=109, test=37, shape=(20, 20), num_classes=3)
    results = ended(start(folder, "--epochs=16", f"--workdir={folder / 'two'}"))
    assert [(r.returncode, r.stderr) for r in results] == [(0, "")] * 2
    (folder / "lines.txt").write_text(results[0].stdout)
    (folder / "other.txt").write_text(results[1].stdout)
    return folder


def test_the_first_process_has_the_log_and_the_others_say_where_it_is(folder):
    lines = (folder / "lines.txt").read_text().splitlines()
    assert re.fullmatch(r"process 0 of 2 waits for the others at \S+", lines[0])
    assert lines[1].startswith("building mnist_idx_tfds/own")
    assert lines[2].startswith("odd: 37 test images")
    assert re.match(r"2 processes, each with CPU \(\d+ cores?\)  JAX", lines[3])
    assert sum("test_accuracy" in text for text in lines) == 16 + 1
    (other,) = (folder / "other.txt").read_text().splitlines()
    assert re.fullmatch(r"process 1 of 2: process 0, at \S+, has the log", other)


@pytest.mark.parametrize("count", [1, 3])
def test_losses_and_accuracy_do_not_depend_on_the_number_of_processes(folder, count):
    """To five digits over ten epochs, with last short batches, and the end's accuracy.

    The last one prepares the data set for itself, as if it had another disk.
    """
    workdir = folder / f"run{count}"
    flags = ("--epochs=16", f"--workdir={workdir}")
    own = (f"--data_dir={folder / f'data{count}'}",)
    results = ended(start(folder, *flags, count=count, own=own))
    assert [(r.returncode, r.stderr) for r in results] == [(0, "")] * count
    pairs = list(zip(records(workdir), records(folder / "two"), strict=True))
    for found, expected in pairs[:20]:
        for name in {*expected} - {"images_per_second"}:
            assert found[name] == pytest.approx(expected[name], rel=1e-5)
    found, expected = pairs[-1]
    assert found["test_accuracy"] == expected["test_accuracy"]


def test_a_run_that_is_broken_goes_on_to_the_bits_of_one_that_was_not(folder):
    """By what computes killed, silent or not watched any more, and by a signal to stop."""
    flags = ("--epochs=16", f"--workdir={folder / 'broken'}")
    hasty = changed("cluster._SILENCE = 4; cluster._LEAVING = 6")

    def broken(index, number, watcher=False):
        started = start(folder, *flags, program=hasty)
        wait_for_epochs(started, 2)  # So that the first of them is saved.
        at = time.monotonic()
        child = computing(started[index])
        os.kill(started[index].pid if watcher else child, number)
        other = processes.end(started[1 - index])
        assert time.monotonic() - at < 60
        if number == signal.SIGSTOP:
            os.kill(child, signal.SIGKILL)
        return processes.end(started[index]), other

    whose = "it has ended, or its machine is lost."
    killed, other = broken(0, signal.SIGKILL)
    assert (killed.returncode, other.returncode) == (1, 1)
    said = "what computed was ended by SIGKILL, as systems do that have no memory left."
    assert line(killed) == f"trainer: {said}"
    assert line(other) == f"trainer: process 0: {whose} {GOES_ON}"
    for number, watcher in ((signal.SIGSTOP, False), (signal.SIGKILL, True)):
        _, other = broken(1, number, watcher)
        assert other.returncode == 1
        assert line(other) == f"trainer: process 1: {whose} {GOES_ON}"
    stopped, other = broken(1, signal.SIGTERM, watcher=True)
    assert (stopped.returncode, other.returncode) == (143, 130)
    assert line(other).endswith("The same command goes on from there.")
    (first, second) = ended(start(folder, *flags))
    assert [(r.returncode, r.stderr) for r in (first, second)] == [(0, "")] * 2
    assert "the run goes on after step" in first.stdout
    assert bits(folder / "broken") == bits(folder / "two")


def test_strangers_reach_no_other_address_and_end_processes_in_a_line_at_most(folder):
    """Letters of no meaning end nothing; another process 1 does, as JAX has it."""
    port = free_port()
    started = start(folder, "--epochs=1000", port=port)
    wait_for_epochs(started, 1)
    listeners = {found for one in started for found in listening(computing(one))}
    assert len(listeners) >= 3  # JAX's own, and Gloo's of each process.
    assert {address for address, _ in listeners} == {LOOPBACK}
    for _, other in listeners:
        for letters in (
            b"",
            b"\0" * 8,
            b"[" * 9999,
            os.urandom(999),
            b"GET / HTTP/1.0",
        ):
            with socket.create_connection(("127.0.0.1", other)) as stranger:
                stranger.sendall(letters)
    wait_for_epochs(started, 1)
    another = start_one(1, port=port, program=changed("cluster.PATIENCE = 1"))
    said = (
        "KERAS_DISTRIBUTION_PROCESS_ID: expected one process of each number, found two"
    )
    for result in ended(started):
        assert result.returncode == 1
        assert line(result) == f"trainer: {said} of one."
    assert line(processes.end(another)).startswith("trainer: ")


def test_another_set_ends_all_processes_in_a_line_that_says_whose(folder):
    write_set(folder / "other", train=90, test=37, shape=(20, 20), num_classes=3)
    own = (f"--idx_dir={folder / 'other'}",)
    results = ended(start(folder, "--epochs=1", own=own))
    assert [r.returncode for r in results] == [1, 1]
    said = (
        r"trainer: process 1: dataset: expected \S+/own\S+, as process 0 has it, found"
    )
    assert all(re.match(said, line(r)) for r in results)


def test_other_flags_or_versions_end_all_processes_before_anything_heavy():
    port = free_port()
    metadata = "from importlib import metadata; metadata.version"
    old = changed(f"{metadata} = lambda name: '0.1'")
    seeds = [start_one(i, f"--seed={i}", port=port) for i in (0, 1)]
    port = free_port()
    versions = [start_one(0, port=port), start_one(1, port=port, program=old)]
    said = {
        "--seed: expected 0, as process 0 has it, found 1.": ended(seeds),
        "found 0.1.": ended(versions),
    }
    for text, results in said.items():
        assert [r.returncode for r in results] == [1, 1]
        for result in results:
            assert line(result).startswith("trainer: process 1: ")
            assert f"{text} Give all processes the same." in line(result)


def test_processes_that_do_not_come_are_waited_for_so_long():
    port = free_port()
    program = changed("cluster.PATIENCE = 2")
    results = ended([start_one(i, count=3, port=port, program=program) for i in (0, 2)])
    assert [r.returncode for r in results] == [1, 1]
    said = (
        f"trainer: 3 processes: expected all of them at 127.0.0.1:{port} "
        "(KERAS_DISTRIBUTION_JOB_ADDRESSES) within 2 s, found fewer. Start each with the "
        "same command, and KERAS_DISTRIBUTION_PROCESS_ID of its own."
    )
    assert [line(r) for r in results] == [said, said]


@pytest.mark.parametrize(
    ("host", "resolved", "found"),
    [
        ("NAME", "127.0.1.1", "0.0.0.0"),  # As on Debian.
        ("name.example.org", "127.0.1.1", "0.0.0.0"),
        ("name", "192.0.2.7", "192.0.2.7"),
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1", "::1"),
        ("other", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_first_process_listens_at_its_address_alone_but_for_its_own_name(
    host, resolved, found, monkeypatch
):
    """What a machine's own name is to itself can be another address than to others."""
    family = socket.AF_INET6 if ":" in resolved else socket.AF_INET

    def resolve(host, port, **kwargs):
        return [(family, kwargs["type"], 0, "", (resolved, port))]

    monkeypatch.setattr(socket, "gethostname", lambda: "name")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", f"{host}:7870")
    assert cluster._listens_at() == (family, (found, 7870))


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = processes.end(start_one(0, port=port))
    assert result.returncode == 1
    assert f"found 127.0.0.1:{port}: address already in use." in line(result)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("KERAS_BACKEND", "tensorflow", "expected jax, which computes in 2 processes"),
        (
            "KERAS_DISTRIBUTION_NUM_PROCESSES",
            "two",
            "a number from 1 to 1000, found two.",
        ),
        ("KERAS_DISTRIBUTION_PROCESS_ID", "", "a number from 0 to 1, found none."),
        ("KERAS_DISTRIBUTION_PROCESS_ID", "2", "a number from 0 to 1, found 2."),
        ("KERAS_DISTRIBUTION_JOB_ADDRESSES", "", "expected HOST:PORT, where process 0"),
        ("KERAS_DISTRIBUTION_JOB_ADDRESSES", "host", "listens, found host."),
        (
            "KERAS_DISTRIBUTION_JOB_ADDRESSES",
            "no.such.host.invalid:1",
            "of this machine",
        ),
    ],
)
def test_a_wrong_variable_is_one_line(variable, value, says):
    result = processes.end(start_one(0, port=1, env={variable: value}))
    assert result.returncode == 1
    assert line(result).startswith(f"trainer: {variable}: expected")
    assert says in line(result)


def test_without_jax_one_line_says_how_to_install_it():
    program = changed("import sys; sys.modules['jax'] = None")
    result = processes.end(start_one(0, port=1, program=program))
    assert result.returncode == 1
    assert "It comes with pip install 'mnist-idx-tfds[jax]'" in line(result)


def test_other_programs_have_one_process():
    env = {"KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    result = processes.run("trainer.evaluate", "--model=model.keras", env=env)
    assert result.returncode == 1
    assert "only python -m trainer has several processes" in line(result)
