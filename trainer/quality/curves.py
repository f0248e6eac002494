"""Curves as SVG that takes its colors and its font from the page around it."""

import io
import logging
import re
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.quality import doubts

# On its first use on a machine it warns that it takes a few seconds more.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

_POINTS = 500  # More of a curve than a screen shows are averaged.
_EPOCHS = 20  # More have no dots.
# Colors that are in no plot, and the style sheet's variables in their place.
_COLORS = {
    "ink": "#010203",
    "line": "#010204",
    "train": "#010205",
    "test": "#010206",
}
_STYLE = {
    "axes.edgecolor": _COLORS["line"],
    "axes.labelcolor": _COLORS["ink"],
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 12,
    "grid.color": _COLORS["line"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "xtick.color": _COLORS["line"],
    "xtick.labelcolor": _COLORS["ink"],
    "ytick.labelcolor": _COLORS["ink"],
    "ytick.left": False,
    "ytick.minor.left": False,
}


def draw(metrics: Sequence[Mapping[str, float | None]], name: str) -> str:
    """Draws a quantity over the steps of a run, in training and in evaluation.

    What spans more than a factor of ten has a logarithmic scale; for an accuracy that
    is one of the share that is wrong.

    Args:
      metrics: the lines of metrics.jsonl.
      name: "loss" or "accuracy".

    Returns:
      An `<svg>` element, whose colors are the CSS variables `--ink`, `--line`,
      `--train` and `--test`. Values that are not finite are left out.
    """

    def plot(axes: Axes) -> None:
        _plot(axes, points(metrics, name), points(metrics, f"test_{name}"), name)

    return _drawn(plot, name)


def reliability(bins: Sequence[doubts.Bin]) -> str:
    """Draws the accuracy of answers over their confidence, as `draw` does."""
    sure = [one.confidence for one in bins]

    def plot(axes: Axes) -> None:
        least = min(1, *sure, *(one.accuracy for one in bins))
        axes.plot([least, 1], [least, 1], color=_COLORS["train"], linewidth=0.8)
        axes.plot(
            sure,
            [one.accuracy for one in bins],
            color=_COLORS["test"],
            marker="o",
            markersize=4,
            clip_on=False,
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(ticker.MaxNLocator(5))
            axis.set_major_formatter(ticker.PercentFormatter(1))
        axes.grid(axis="y")
        axes.set_xlabel("probability")

    return _drawn(plot, "reliability")


def _drawn(plot: Callable[[Axes], None], name: str) -> str:
    # The salt makes the names inside differ from those in other curves.
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure = Figure((380 / 72, 220 / 72), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        plot(axes)
        svg = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=nothing)
    text = svg.getvalue()
    # Without the names of groups, which two curves on a page would share.
    text = re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :])
    for variable, color in _COLORS.items():
        text = text.replace(color, f"var(--{variable})")
    return text


def points(metrics: Sequence[Mapping[str, float | None]], name: str) -> np.ndarray:
    """Returns steps and finite values of a quantity, float64 `(points, 2)`."""
    pairs = [(m["step"], m[name]) for m in metrics if m.get(name) is not None]
    array = np.array(pairs, np.float64).reshape(-1, 2)
    return array[np.isfinite(array[:, 1])]


def _averaged(curve: np.ndarray) -> np.ndarray:
    """Returns at most `_POINTS` points, the means of pieces of the curve."""
    if len(curve) <= _POINTS:
        return curve
    return np.array([piece.mean(axis=0) for piece in np.array_split(curve, _POINTS)])


def _plot(axes: Axes, train: np.ndarray, test: np.ndarray, name: str) -> None:
    is_accuracy = name == "accuracy"
    heights = np.concatenate([train, test])[:, 1]
    heights = 1 - heights if is_accuracy else heights
    least = heights[heights > 0].min(initial=np.inf)
    is_log = heights.max() > 10 * least
    # A logarithm has no 0; half the least value stands for it.
    floor = least / 2 if is_log else -np.inf
    for split, curve, most_dots in (("train", train, 2), ("test", test, _EPOCHS)):
        steps, values = _averaged(curve).T
        axes.plot(
            steps,
            np.maximum(1 - values if is_accuracy else values, floor),
            color=_COLORS[split],
            marker="o" if len(steps) <= most_dots else "",
            markersize=4,
            clip_on=False,
        )

    def label(height: float, _: object = None) -> str:
        height = 0 if height == floor else height
        return f"{100 - 100 * height:.6g}%" if is_accuracy else f"{height:.6g}"

    if is_log:
        axes.set_yscale("log")
        ticks = _ticks(least * 0.9, heights.max() * 1.1)
        ticks += [floor] if heights.min() <= 0 else []
        axes.yaxis.set_major_locator(ticker.FixedLocator(ticks))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
    else:
        axes.yaxis.set_major_locator(ticker.MaxNLocator(6))
        axes.set_ylim(0, heights.max() * 1.05 or 1)
    axes.yaxis.set_major_formatter(label)
    axes.yaxis.set_inverted(is_accuracy)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("step")


def _ticks(low: float, high: float) -> list[float]:
    """Returns 1, 2 and 5 times powers of ten, or these alone where that is plenty."""
    ticks = []
    for digits in ("125", "1"):
        series = [float(f"{d}e{e}") for e in range(-12, 13) for d in digits]
        ticks = [tick for tick in series if low <= tick <= high]
        if len(ticks) <= 9:
            break
    return ticks
