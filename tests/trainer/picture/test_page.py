"""What the pad of a page is made for; for the rest see test_demo."""

import numpy as np
import pytest

from trainer.network import architectures
from trainer.picture import fit, pad

page = pytest.importorskip(
    "trainer.picture.page",
    reason="gradio, of the extra demo, is not installed",
    exc_type=ModuleNotFoundError,
)


@pytest.mark.parametrize(("mean", "dark"), [(30.0, True), (220.0, False)])
def test_what_a_network_learned_is_dark_or_light(mean, dark):
    network = architectures.cnn((28, 28, 1), 2, (mean, 60.0))
    assert pad._learned_dark(network) == dark


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
    assert canvas in pad.html(shape, dark=False)


def test_names_are_no_html():
    seen = fit.Fitted(np.zeros((2, 2, 1), np.uint8), False)
    said = page._answer([{"name": "<b>4</b>", "probability": 1.0}], None, seen)
    assert "&lt;b&gt;4&lt;/b&gt;" in said
    assert "<b>" not in said
    network = architectures.cnn((28, 28, 1), 2, (30.0, 60.0))
    built = page.build(network, ["a", "b"], "ink", "<i>m</i>.keras")
    values = [c["props"].get("value") for c in built.config["components"]]
    (about,) = (v for v in values if "2 classes" in str(v))
    assert about.startswith("<b>&lt;i&gt;m&lt;/i&gt;.keras</b>")
