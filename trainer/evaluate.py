"""Says how good a trained network is, class by class, on any split.

`python -m trainer.evaluate --model=DIR/model.keras` evaluates on the split that its run
was evaluated on; `--report=FILE.html` writes a page with the curves of the run and the
mistakes, too, and `--mistakes=DIR` all mistakes as pictures.
"""

import contextlib
import functools
import json
import math
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from absl import flags

from trainer import cli, settings

if TYPE_CHECKING:
    from trainer.quality.evaluation import Evaluation

_MISTAKES_BYTES = 1 << 30  # Memory for mistakes that are kept to be written,
_MISTAKE_BYTES = 1 << 10  # of which each takes so much beside its pixels.
_LISTED = 100  # Classes that are printed; more would hide the last line.


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    cli.define_device()
    cli.define_data("evaluate on", "that of the model's run, or MNIST")
    flags.DEFINE_string(
        "split",
        None,
        "TFDS split to evaluate on, such as train[85%:] (default: with the data set of "
        "the model's run, the split that it was evaluated on; else test).",
    )
    flags.DEFINE_bool("json", False, "Print JSON instead of a table.")
    flags.DEFINE_string("report", None, "Write a page to this file, such as r.html.")
    flags.DEFINE_bool(
        "heatmaps",
        None,
        "Show in the report where the network looked (default: in images of 20 x 20 pixels "
        "and more).",
    )
    flags.DEFINE_string(
        "mistakes",
        None,
        "Write the images that are mistaken to this folder, which must be empty or not "
        "there, as TRUE/PREDICTED/INDEX.png, with mistakes.csv; where they would take "
        "more than 1 GiB of memory, those that the model was surest of.",
    )


def main(_: list[str]) -> None:
    """Evaluates as the flags say."""
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device

    f = flags.FLAGS
    selected = device.select(f.device)  # Before others use TensorFlow.
    from trainer import signals
    from trainer.data import origins, overlap, source
    from trainer.data.split import Split
    from trainer.network import classes, saved
    from trainer.quality import measures, mistakes

    # What can be wrong is found out before what takes long.
    path = pathlib.Path(f.model).expanduser()
    network, card = saved.load(path)
    report_path = _report_path(f.report) if f.report else None
    mistakes_path = pathlib.Path(f.mistakes).expanduser() if f.mistakes else None
    if mistakes_path:
        mistakes.check(mistakes_path)
    recorded = card.settings
    # The curves of another run that lie beside the model are not this one's.
    is_beside = report_path and settings.read(path.parent) == recorded
    metrics = _metrics(path) if is_beside else []
    # What is built is said on standard output, where nothing but JSON belongs.
    with contextlib.redirect_stdout(sys.stderr if f.json else sys.stdout):
        builder, run = source.prepare_for(recorded, **cli.data())
    split = Split(builder, str(f.split or run.get(settings.EVAL_SPLIT) or "test"))
    names, labels = classes.fitted(
        path, card, split.name, split.image_shape, split.label_names
    )
    findings = source.findings(builder)
    said = sys.stderr if f.json else sys.stdout
    if seen := overlap.said(builder, split.split, recorded, card.digests):
        findings = seen, *findings
        print(f"odd: {seen}", file=said)
    facts = {
        "dataset": split.name,
        "split": split.split,
        "image_shape": list(split.image_shape),
        "model": str(path),
        "parameters": network.count_params(),
        "device": selected.description,
    }
    kept = measures.MISTAKES
    if mistakes_path:
        kept = max(kept, _kept(split.image_shape))
    with signals.held_back():
        batches = split.watched("evaluating", labels)
        result = measures.evaluate(
            network, batches, names, kept, settings.weighs_alike(recorded)
        )
    if f.json or report_path or mistakes_path:
        label_of = {label: own for own, label in enumerate(labels.tolist())}
        result = result.with_sources(
            origins.find(
                source.opened(builder) or str(run.get(settings.IDX_DIR) or ""),
                split.split,
                [(m.image, label_of[m.label]) for m in result.mistakes],
                lambda line: print(line, file=said),
            )
        )
    every, result = result, result.with_surest(measures.MISTAKES)
    if f.json:
        print(json.dumps(facts | result.to_json()))
    else:
        _print(facts, result)
    if mistakes_path:
        mistakes.write(mistakes_path, every)
        wrong = every.examples - int(every.class_correct.sum())
        count = f"{wrong:,}"
        if len(every.mistakes) < wrong:
            count = f"the surest {len(every.mistakes):,} of {wrong:,}"
        print(f"mistakes  {mistakes_path}: {count}", file=said)
    if report_path:
        from trainer.network import looks
        from trainer.quality import report

        if f.heatmaps or (
            f.heatmaps is None and min(split.image_shape[:2]) >= looks.LEAST
        ):
            result = result.with_looks(functools.partial(looks.looked, network))
        report.write(report_path, recorded, metrics, result, facts, findings)
        print(f"report  {report_path}", file=said)


def _kept(image_shape: tuple[int, int, int]) -> int:
    """Returns how many mistakes are kept to be written."""
    return _MISTAKES_BYTES // (math.prod(image_shape) + _MISTAKE_BYTES)


def _report_path(name: str) -> pathlib.Path:
    from mnist_idx_tfds import whole_files
    from trainer.errors import TrainerError

    path = pathlib.Path(name).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        found = "a folder" if path.is_dir() else "no such folder"
        raise TrainerError(
            f"--report={name}: expected a file in a folder that is there, found {found}"
        )
    whole_files.check(path)
    return path


def _metrics(model: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the metrics of the run that lie beside a model, if they do."""
    from trainer.errors import TrainerError
    from trainer.run import workdir

    path = model.with_name(workdir.METRICS)
    try:
        lines = path.read_text().splitlines() if path.exists() else []
        return [_record(line) for line in lines]
    except (ValueError, TypeError, KeyError) as e:
        raise TrainerError(
            f"{path}: expected JSON of the run that the model is from, found what is "
            f"none: {e}"
        ) from e


def _record(line: str) -> dict[str, Any]:
    record = dict(json.loads(line))
    prefix = "test_" if "test_loss" in record else ""
    for name in ("step", "epoch", f"{prefix}loss", f"{prefix}accuracy"):
        float(record[name])
    return record


def _print(facts: dict[str, Any], result: "Evaluation") -> None:
    from mnist_idx_tfds.foreign import shown

    print(
        f"{facts['device']}  {facts['dataset']}, split {facts['split']}: "
        f"{result.examples:,} images, {'x'.join(map(str, facts['image_shape']))}, "
        f"{len(result.label_names)} classes  {shown(facts['model'])} with "
        f"{facts['parameters']:,} parameters"
    )
    worst = result.worst_first()
    names = [shown(result.label_names[label]) for label in worst[:_LISTED]]
    width = max(len("class"), *map(len, names))
    print(f"{'class':{width}}  {'images':>9}  {'wrong':>9}  accuracy")
    for name, label in zip(names, worst, strict=False):
        images, correct = result.class_examples[label], result.class_correct[label]
        accuracy = f"{correct / images:8.4f}" if images else f"{'none':>8}"
        print(f"{name:{width}}  {images:9,}  {images - correct:9,}  {accuracy}")
    if len(worst) > _LISTED:
        print(f"... the worst {_LISTED} of {len(worst):,} classes; --json has them all")
    print(f"loss {result.loss:.4f}  {result.figures()}")
    if note := result.verdict.note:
        print(note)


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.evaluate", main)
