"""A page that has a network in it: one file, which asks nothing of any network."""

import base64
import hashlib
import json
from typing import Any

import jinja2

from trainer.picture import pad

NAME = "page.html"
KNOWN = (
    "label_names",
    "image_shape",
    "fit",
    "calibration",
)  # Of the card, to the page.
_TFJS = "tfjs/tfjs.min.js"
_WASM = "tfjs/tfjs-backend-wasm-simd.wasm"


def page(
    model: dict[str, Any], weights: bytes, card: dict[str, Any], dark: bool, title: str
) -> bytes:
    """Returns the page, HTML in UTF-8.

    Args:
      model: of a layers model of TensorFlow.js, as in its `model.json`.
      weights: its weights' file.
      card: what `KNOWN` names of the network's card.
      dark: whether to draw on black paper.
      title: of the page.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(pad.text("browser.html.jinja"))
    shape = card["image_shape"]
    text = template.render(
        title=title,
        classes=len(card["label_names"]),
        shape=shape,
        css=pad.text("page.css"),
        pad=pad.html(shape, dark),
        card=_json(card),
        model=_json(model),
        weights=base64.b64encode(weights).decode(),
        digest=hashlib.sha256(weights).hexdigest(),
        wasm=base64.b64encode(pad.data(_WASM)).decode(),
        scripts=[*map(pad.text, ("pad.js", _TFJS, "fit.js", "teach.js", "browser.js"))],
    )
    return text.encode()


def _json(value: dict[str, Any]) -> str:
    """Returns JSON that ends no script, whatever a class is called."""
    return json.dumps(value).replace("<", "\\u003c")
