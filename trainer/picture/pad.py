"""The paper to draw on, and the look of a page that has it."""

import pathlib

import keras

_SIDE = 400  # Pixels of the pad's longer side, if no more than the network's.
_FOLDER = pathlib.Path(__file__).parent
_HTML = """
<div class="pad">
  <div class="paper{dark}" style="max-width: {share:.1%}">
    <canvas width="{width}" height="{height}" aria-label="Paper"></canvas>
    <video playsinline muted hidden></video>
    <div class="hint" data-empty="Draw here, or drop or paste a picture"></div>
  </div>
  <div class="tools">
    <button class="clear" type="button">Clear</button>
    <label class="choose">Choose picture<input type="file" accept="image/*"></label>
    <button class="camera" type="button" hidden>Camera</button>
    {color}
  </div>
</div>
"""
_COLOR = '<label>Pen <input type="color" aria-label="Color of the pen"></label>'


def data(name: str) -> bytes:
    """Returns a file that lies here: the pad's script, a style sheet."""
    return (_FOLDER / name).read_bytes()


def text(name: str) -> str:
    """Returns such a file as text."""
    return data(name).decode()


def html(shape: tuple[int, int, int], dark: bool) -> str:
    """Returns the HTML of a pad with the proportions of a network's images.

    Args:
      shape: height, width and channels that the network takes.
      dark: whether the paper is black.
    """
    height, width, channels = shape
    scale = max(1, _SIDE / max(height, width))
    return _HTML.format(
        dark=" dark-paper" if dark else "",
        share=min(1, width / height),  # Of the space that there is for it.
        width=round(scale * width),
        height=round(scale * height),
        color=_COLOR if channels == 3 else "",
    )


def is_dark(network: keras.Model, how: str | None) -> bool:
    """Returns whether a network of ours is to see drawings on black paper.

    Ink is found on any paper; what is taken whole is to be like what was learned.

    Args:
      network: from uint8 images to class probabilities.
      how: as for `fit.fit`.
    """
    return network.input_shape[-1] == 1 and how == "whole" and _learned_dark(network)


def _learned_dark(network: keras.Model) -> bool:
    """Whether the images that a network of ours was trained on were dark mostly."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Rescaling) and layer.offset:
            return -layer.offset / layer.scale < 128  # Their mean, which it takes off.
    return False
