"""What a run leaves in its work directory when it ends: model, report, pictures."""

import functools
import shlex

import keras
from etils import epath

from trainer.data import origins, source
from trainer.data.pipeline import Data
from trainer.network import looks
from trainer.network.card import Card
from trainer.quality import report
from trainer.quality.evaluation import Evaluation
from trainer.run import workdir


def write(
    kept: workdir.Workdir,
    network: keras.Model,
    result: Evaluation,
    data: Data,
    card: Card,
) -> None:
    """Writes all there is to see of a trained network, and says where.

    Args:
      kept: the work directory; gets `model.keras` and `report.html`.
      network: the trained network, to be kept.
      result: its evaluation.
      data: what it was trained and evaluated on.
      card: of the network.
    """
    model = kept.save_model(network, card)
    split = data.evaluation
    wrong = [(mistake.image, mistake.label) for mistake in result.mistakes]
    sources = origins.find(source.opened(split.builder), split.split, wrong, print)
    result = result.with_sources(sources)
    if min(split.image_shape[:2]) >= looks.LEAST:
        result = result.with_looks(functools.partial(looks.looked, network))
    page = kept.folder / workdir.REPORT
    with workdir.written(page):
        found = source.findings(split.builder)
        report.write(page, kept.settings, kept.records, result, findings=found)
    print(
        f"{result.figures()}  {result.examples:,} images\n"
        f"report       {page}\n"
        f"curves       tensorboard --logdir={_quoted(kept.folder / 'tensorboard')}\n"
        f"predictions  python -m trainer.predict --model={_quoted(model)} IMAGE...",
        flush=True,
    )
    if note := result.verdict.note:
        print(note, flush=True)


def _quoted(path: epath.Path) -> str:
    return shlex.quote(f"{path}")
