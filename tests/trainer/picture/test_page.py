"""Where a page is served, and what its pad is made for; for the rest see test_demo."""

import socket
import sys

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import architectures
from trainer.picture import fit

page = pytest.importorskip(
    "trainer.picture.page",
    reason="gradio, of the extra demo, is not installed",
    exc_type=ModuleNotFoundError,
)


@pytest.fixture
def taken():
    """A port of 127.0.0.1 that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_taken_is_passed_over(taken):
    assert page._free_port("127.0.0.1", taken + 1) >= taken + 1
    assert page._free_port("127.0.0.1", taken) > taken


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux")
def test_a_port_of_another_host_is_free_here_too(taken):
    """As Gradio looks here, wherever it is to listen."""
    assert page._free_port("127.0.0.2", taken) > taken


def test_where_all_ports_are_taken_that_is_said(taken, monkeypatch):
    monkeypatch.setattr(page, "_PORTS", 1)
    message = f"--port={taken}: expected a free port, found none up to {taken}. Give"
    with pytest.raises(TrainerError, match=message):
        page._free_port("127.0.0.1", taken)


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b"])
def test_an_address_that_this_machine_has_not_is_an_error(host):
    """The first is one for documents (RFC 5737), the second no name at all."""
    message = f"--host={host}: expected an address of this machine, found an error: "
    with pytest.raises(TrainerError, match=message):
        page._free_port(host, 7860)


@pytest.mark.parametrize(("mean", "dark"), [(30.0, True), (220.0, False)])
def test_what_a_network_learned_is_dark_or_light(mean, dark):
    network = architectures.cnn((28, 28, 1), 2, (mean, 60.0))
    assert page._learned_dark(network) == dark


@pytest.mark.parametrize(
    ("shape", "canvas"),
    [
        ((28, 28, 1), 'width="400" height="400"'),
        ((20, 40, 1), 'width="400" height="200"'),
        ((40, 20, 3), 'width="200" height="400"'),
        ((500, 1000, 3), 'width="1000" height="500"'),
    ],
)
def test_a_pad_has_the_proportions_of_the_images_and_no_fewer_pixels(shape, canvas):
    assert canvas in page._pad(shape, dark=False)


def test_names_are_no_html():
    seen = fit.Fitted(np.zeros((2, 2, 1), np.uint8), False)
    said = page._answer([{"name": "<b>4</b>", "probability": 1.0}], seen)
    assert "&lt;b&gt;4&lt;/b&gt;" in said
    assert "<b>" not in said
    network = architectures.cnn((28, 28, 1), 2, (30.0, 60.0))
    built = page.build(network, ["a", "b"], "ink", "<i>m</i>.keras")
    values = [c["props"].get("value") for c in built.config["components"]]
    (about,) = (v for v in values if "2 classes" in str(v))
    assert about.startswith("<b>&lt;i&gt;m&lt;/i&gt;.keras</b>")
