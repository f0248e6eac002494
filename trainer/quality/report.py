"""A run on one page: what was run, how it learned, and what it gets wrong."""

import base64
import io
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import numpy as np
from PIL import Image

from mnist_idx_tfds import whole_files
from mnist_idx_tfds.pictures import making
from trainer import settings
from trainer.quality import curves
from trainer.quality.evaluation import Answer, Evaluation

_UNEVEN = 0.6  # Share of one class above which accuracy alone would deceive.
_CELLS = 30  # Classes of a confusion matrix in numbers; of more there is a picture.
_NARROW = 12  # Classes whose matrix has room beside their table.
_SHORT = 4  # Letters of a name that is no wider than a number.
_PAIRS = 20  # Confusions listed below the picture.
_WORST = 20  # Classes listed at once; the others fold out.
_CLASSES = 1000  # Classes listed at all.
_THUMBNAIL = 160  # pixels
_OVERLAY = 32  # pixels
_ORANGE = (255, 130, 0)
_RED, _BLUE = (224, 72, 77), (62, 123, 250)  # As in the style sheet.


def write(
    path: str | os.PathLike[str],
    run: Mapping[str, Any],
    metrics: Sequence[Mapping[str, float | None]],
    evaluation: Evaluation,
    evaluated: Mapping[str, Any] | None = None,
    findings: Sequence[str] = (),
) -> None:
    """Writes a page that needs no other file and no network.

    Args:
      path: the .html file to write; one that is there is replaced when all is done.
      run: its settings, as in settings.json; may be empty.
      metrics: the lines of metrics.jsonl; may be empty.
      evaluation: of the trained model.
      evaluated: what the evaluation is of, `dataset`, `split` and any more; None
        where it is of the run's own evaluation split.
      findings: what is odd about the data set, the gravest first, a line each.

    Raises:
      OSError: the file cannot be written.
    """
    page = template("report.html.jinja").render(
        model=run.get(settings.MODEL) or (evaluated or {}).get("model"),
        dataset=evaluated["dataset"] if evaluated else run.get(settings.DATASET, ""),
        split=evaluated["split"] if evaluated else run.get(settings.EVAL_SPLIT),
        evaluation=evaluation,
        correct=int(evaluation.class_correct.sum()),
        verdict=evaluation.verdict,
        other=evaluation.by_accuracy if evaluation.balanced else evaluation.by_classes,
        uneven=_UNEVEN < evaluation.by_accuracy.constant < 1,
        curves=_curves(metrics),
        epochs=[record for record in metrics if "test_loss" in record],
        classes=_classes(evaluation),
        worst=_WORST,
        long=max(map(len, evaluation.label_names)) > _SHORT,
        narrow=len(evaluation.label_names) <= _NARROW,
        confusion=_confusion(evaluation),
        # Matplotlib's, in which no text is a user's.
        reliability=markupsafe.Markup(curves.reliability(evaluation.reliability)),
        mistakes=answers(evaluation.label_names, evaluation.mistakes),
        surest=answers(
            evaluation.label_names,
            [a for a in evaluation.surest if a.looked is not None],
        ),
        findings=findings,
        tables={"Evaluated on": evaluated or {}, "Training run": run},
    )
    with whole_files.replaced(path) as draft:
        # Paths of the run may not be in UTF-8.
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")


def template(name: str) -> jinja2.Template:
    """Returns what a page is made of, from this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "loss": _loss, "number": _number}
    return environment.get_template(name)


def percent(share: float) -> str:
    """Returns a share for people; what is not all or none never looks like it."""
    text = f"{share:.2%}"
    if text == "100.00%":
        return "100%" if share == 1 else ">99.99%"
    if text == "0.00%":
        return "0%" if share == 0 else "<0.01%"
    return text


def _loss(value: float | None) -> str:
    """Returns a loss for people, as the log has it."""
    if value is None or not math.isfinite(value):
        return "not a number"
    return f"{value:.4f}" if value >= 0.001 or value == 0 else f"{value:.1e}"


def _number(value: Any) -> str:
    """Returns a setting for people."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return " x ".join(map(_number, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_number(part)}" for name, part in value.items())
    return str(value)


def _curves(metrics: Sequence[Mapping[str, float | None]]) -> list[dict[str, Any]]:
    found = []
    for name in ("loss", "accuracy"):
        test = curves.points(metrics, f"test_{name}")
        if len(test) or len(curves.points(metrics, name)):
            # Matplotlib's, in which no text is a user's.
            svg = markupsafe.Markup(curves.draw(metrics, name))
            last = float(test[-1, 1]) if len(test) else None
            found.append({"name": name, "svg": svg, "last": last})
    return found


def _classes(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the classes, the worst first and the empty ones last."""
    accuracy = evaluation.class_accuracy
    order = evaluation.worst_first()
    most = max(np.nanmax(1 - accuracy), 1e-9)
    rows = [
        {
            "name": evaluation.label_names[label],
            "examples": int(evaluation.class_examples[label]),
            "wrong": int(
                evaluation.class_examples[label] - evaluation.class_correct[label]
            ),
            "accuracy": float(accuracy[label]) if accuracy[label] >= 0 else None,
            "bar": round(float(1 - accuracy[label]) / most, 3)
            if accuracy[label] >= 0
            else 0,
        }
        for label in order[:_CLASSES]
    ]
    return {"rows": rows, "total": len(order)}


def _confusion(evaluation: Evaluation) -> dict[str, Any] | None:
    """Returns the matrix in numbers or as a picture, with its most frequent pairs."""
    matrix, names = evaluation.confusion, evaluation.label_names
    if matrix is None:
        return None
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(len(names)))
    # Seldom confusions would be too faint, and the diagonal hides all beside it.
    shade = np.sqrt(wrong / max(wrong.max(), 1e-9)) + np.diag(shares.diagonal())
    if len(names) <= _CELLS:
        rows = [
            [(int(count), round(float(s), 3)) for count, s in zip(*row, strict=True)]
            for row in zip(matrix, shade, strict=True)
        ]
        return {"rows": rows}
    pixels = np.empty((*matrix.shape, 4), np.uint8)
    pixels[..., :3] = np.where(np.eye(len(names))[..., None], _BLUE, _RED)
    pixels[..., 3] = np.where(matrix, 40 + 215 * shade, 0)
    counts = (matrix * (wrong > 0)).ravel()
    order = np.argsort(-counts, kind="stable")[:_PAIRS]
    pairs = [
        {
            "true": names[cell // len(names)],
            "predicted": names[cell % len(names)],
            "count": int(counts[cell]),
        }
        for cell in order
        if counts[cell]
    ]
    return {"picture": _png(pixels, len(names)), "pairs": pairs}


def answers(names: Sequence[str], given: Sequence[Answer]) -> list[dict[str, Any]]:
    """Returns answers as `pictures.html.jinja` takes them."""
    return [
        {
            "picture": _png(answer.image, _THUMBNAIL),
            "looked": None
            if answer.looked is None
            else _overlay(answer, answer.looked),
            "paper": _paper(answer.image),
            "true": names[answer.label],
            "predicted": names[answer.predicted],
            "probability": answer.probability,
            "index": answer.index,
            "source": answer.source,
        }
        for answer in given
    ]


def _overlay(answer: Answer, looked: np.ndarray) -> str:
    """Returns where the network looked as a picture to lie over its own, in a data URI."""
    height, width = answer.image.shape[:2]
    scale = _OVERLAY / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shares = Image.fromarray((looked * 255).astype(np.uint8)).resize(size)
    level = np.linspace(-1, 1, 16)  # From where it did not look to where it did.
    colors = np.where(level[:, None] < 0, (0, 0, 0), _ORANGE)
    alpha = np.where(level < 0, -135 * level, 115 * level)
    picture = Image.fromarray(np.asarray(shares) // 16, "P")
    picture.putpalette(colors.astype(np.uint8).tobytes())
    return _data_uri(picture, transparency=bytes(alpha.astype(np.uint8)), bits=4)


def _paper(image: np.ndarray) -> str:
    """Returns the median color of an image's border, as CSS has it."""
    sides = image[0], image[-1], image[:, 0], image[:, -1]
    color = np.median(np.concatenate(sides), axis=0).astype(int).tolist()
    # One or two channels are gray, without and with transparency.
    red, green, blue = color[:3] if len(color) > 2 else color[:1] * 3
    return f"rgb({red} {green} {blue})"


def _png(pixels: np.ndarray, size: int) -> str:
    """Returns uint8 `(height, width, channels)` as a data URI."""
    picture = making.of_pixels(pixels)
    picture.thumbnail((size, size))
    return _data_uri(picture)


def _data_uri(picture: Image.Image, **options: Any) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True, **options)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/png;base64,{data}"
