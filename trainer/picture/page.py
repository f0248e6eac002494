"""A page on which one draws or drops a picture, and what a network says of it.

The pad to draw on is our own, inside Gradio's component for that: Gradio's image
editor needs WebGL, wants a tool to be chosen first, and draws pictures anew, so that the
network would not see the file's own pixels.
"""

import base64
import html
import io
import os
import pathlib
import re
import tempfile
from collections.abc import Sequence
from typing import Any

import gradio as gr
import keras
import numpy as np
from PIL import Image
from starlette.middleware import Middleware

from mnist_idx_tfds import idx
from mnist_idx_tfds.pictures import making
from trainer.errors import TrainerError
from trainer.picture import addresses, classify, fit, gate, pad

_UNKNOWN = "Choose what of a picture to take: the model's file does not say it."
_UNLIKE = "Unlike anything that it was trained on; it can only guess."
_EMPTY = '<div class="answer">The three best classes appear here.</div>'


def build(
    network: keras.Model,
    names: Sequence[str],
    how: str | None,
    title: str,
    judge: classify.Judge | None = None,
) -> gr.Blocks:
    """Returns the page, which is not served yet.

    Args:
      network: from uint8 images to class probabilities.
      names: names of the classes, in the order of their labels.
      how: as for `fit.fit`, what is chosen at first; where it is None, nothing is.
      title: of the page, such as the network's path.
      judge: as of `classify.predict`.

    Raises:
      TrainerError: as of `classify.image_shape`.
    """
    shape = classify.image_shape(network)
    height, width, channels = shape
    dark = pad.is_dark(network, how)
    # The first call takes longer; better now than after the first stroke.
    classify.best(network, names, np.zeros((1, *shape), np.uint8), judge)

    def answer(value: dict[str, str] | None, how: str | None, invert: str) -> str:
        if not value:
            return _EMPTY
        try:
            image = _load(value, shape, how)
            seen = fit.fit(image, shape, invert, how)
        except fit.HowError:
            return f'<div class="answer"><p class="error">{_UNKNOWN}</p></div>'
        except (TrainerError, idx.IdxError) as e:
            return (
                f'<div class="answer"><p class="error">{html.escape(str(e))}</p></div>'
            )
        ((best, unknown),) = classify.best(
            network, names, seen.pixels[np.newaxis], judge
        )
        return _answer(best, unknown, seen)

    # Gradio counts its uses by a request to its makers, unless told not to.
    with gr.Blocks(title=title, analytics_enabled=False) as page:
        kind = "gray" if channels == 1 else "color"
        gr.HTML(
            f"<b>{html.escape(title)}</b>: {len(names):,} classes, "
            f"{width} x {height} pixels, {kind}",
            elem_classes="about",
            apply_default_css=False,
        )
        with gr.Row():
            with gr.Column():
                paper = gr.HTML(
                    html_template=pad.html(shape, dark),
                    apply_default_css=False,
                    js_on_load=pad.text("pad.js"),
                )
            with gr.Column():
                said = gr.HTML(_EMPTY, apply_default_css=False)
        with gr.Row():
            # Of a picture in color there is but one way.
            fits = gr.Radio(
                [("its ink", "ink"), ("the whole of it", "whole")],
                value=how,
                label="What of a picture to take",
                min_width=300,  # Pixels, so that a phone has one below the other.
                visible=channels == 1,
            )
            inverts = gr.Radio(
                ["auto", "yes", "no"],
                value="auto",
                label="Exchange light and dark",
                min_width=300,
            )
        gr.on(
            [paper.input, fits.change, inverts.change],
            answer,
            [paper, fits, inverts],
            said,
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )
    return page


def serve(page: gr.Blocks, host: str, port: int) -> list[str]:
    """Serves a page until it is closed, from another thread, and nothing else.

    Args:
      page: as of `build`.
      host: address or name of this machine to listen on, such as 127.0.0.1.
      port: to listen on; where it is taken, the next one that is free.

    Returns:
      The page's addresses, first that for this machine.

    Raises:
      TrainerError: this machine has no such address, or no free port.
    """
    # Gradio asks its own page whether it is there; not by way of a proxy.
    os.environ["no_proxy"] = "*"
    port = addresses.free_port(host, port)
    page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        share=False,
        inbrowser=False,
        prevent_thread_lock=True,
        quiet=True,
        # Fonts of the reader's own; Gradio's would be one more thing to load.
        theme=gr.themes.Default(
            font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
        ),
        css=pad.text("page.css"),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        ssr_mode=False,  # It needs Node.js, and another port.
        app_kwargs={"middleware": [Middleware(gate.Gate, is_asked=_is_asked)]},
    )
    others = [f"http://{address}:{port}/" for address in addresses.of_others(host)]
    return [page.local_url, *others]


def _is_asked(body: Any) -> bool:
    """Whether a request for an answer is what the page sends."""
    match body:
        case {"data": [{"name": str(name)}, *_]} if not _is_text(name):
            return False
        case {
            "data": [
                None | {"name": str(), "data": str()},
                None | "ink" | "whole",
                "auto" | "yes" | "no",
            ],
            "fn_index": 0,
            "session_hash": str(session),
        }:
            more = {*body} - {"data", "fn_index", "session_hash"}
            return bool(
                re.fullmatch("[0-9a-z]{1,32}", session)
                and more <= {"event_data", "trigger_id"}
                and body.get("event_data") in (None, {})
                and isinstance(body.get("trigger_id"), int | None)
            )
    return False


def _is_text(name: str) -> bool:
    """Whether it can be sent back; half of a character cannot."""
    return not re.search("[\ud800-\udfff]", name)


def _load(
    value: dict[str, str], shape: tuple[int, int, int], how: str | None
) -> Image.Image:
    """Returns the picture in the name and the data URL that the pad sends.

    Raises:
      idx.IdxError: it is none.
    """
    try:
        data = base64.b64decode(value["data"].partition(",")[2], validate=True)
    except ValueError as e:
        raise TrainerError(
            f"{value['name']}: expected a picture in base 64, found: {e}."
        ) from e
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "picture"
        path.write_bytes(data)
        try:
            return classify.load(path, shape, how)
        except idx.IdxError as e:
            # By the name that its owner knows it by.
            raise idx.IdxError(str(e).replace(f"{path}", value["name"])) from e


def _answer(
    best: Sequence[dict[str, Any]], unknown: bool | None, seen: fit.Fitted
) -> str:
    lines = "".join(
        f'<li><div class="line"><span class="name" dir="auto">'
        f"{html.escape(one['name'])}</span>"
        f'<span class="share">{one["probability"]:.2%}</span></div>'
        f'<div class="bar"><div style="width: {one["probability"]:.2%}"></div></div></li>'
        for one in best
    )
    height, width, _ = seen.pixels.shape
    stream = io.BytesIO()
    making.of_pixels(seen.pixels).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    inverted = ", light and dark exchanged" if seen.inverted else ""
    unlike = f'<p class="unknown">{_UNLIKE}</p>' if unknown else ""
    return (
        f'<div class="answer">{unlike}<ol>{lines}</ol><figure>'
        f'<img src="data:image/png;base64,{data}" alt="{width} x {height} pixels">'
        f"<figcaption>What the network sees{inverted}</figcaption></figure></div>"
    )
