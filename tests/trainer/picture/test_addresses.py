import socket
import sys

import pytest

from trainer.errors import TrainerError
from trainer.picture import addresses


@pytest.fixture
def taken():
    """A port of 127.0.0.1 that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_taken_is_passed_over(taken):
    assert addresses.free_port("127.0.0.1", taken + 1) >= taken + 1
    assert addresses.free_port("127.0.0.1", taken) > taken


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux")
def test_a_port_of_another_host_is_free_here_too(taken):
    """As Gradio looks here, wherever it is to listen."""
    assert addresses.free_port("127.0.0.2", taken) > taken


def test_where_all_ports_are_taken_that_is_said(taken, monkeypatch):
    monkeypatch.setattr(addresses, "_PORTS", 1)
    message = f"--port={taken}: expected a free port, found none up to {taken}. Give"
    with pytest.raises(TrainerError, match=message):
        addresses.free_port("127.0.0.1", taken)


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b"])
def test_an_address_that_this_machine_has_not_is_an_error(host):
    """The first is one for documents (RFC 5737), the second no name at all."""
    message = f"--host={host}: expected an address of this machine, found an error: "
    with pytest.raises(TrainerError, match=message):
        addresses.free_port(host, 7860)
