"""Says how good a trained network is, class by class, on any split.

`python -m trainer.evaluate --model=DIR/model.keras` evaluates on the test split of the
data set that it was trained on; `--report=FILE.html` writes a page with the curves of the run and the mistakes, too.
"""

import contextlib
import json
import pathlib
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from absl import flags

from trainer import cli

if TYPE_CHECKING:
    import keras

    from trainer.data.pipeline import Split
    from trainer.quality.measures import Evaluation

_LISTED = 100  # Classes that are printed; more would hide the last line.


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    cli.define_device()
    cli.define_data("evaluate on", "that of the model's run, or MNIST")
    flags.DEFINE_string(
        "split", "test", "TFDS split to evaluate on, such as train[85%:]."
    )
    flags.DEFINE_bool("json", False, "Print JSON instead of a table.")
    flags.DEFINE_string("report", None, "Write a page to this file, such as r.html.")


def main(_) -> None:
    """Evaluates as the flags say."""
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer import device

    f = flags.FLAGS
    selected = device.select(f.device)  # Before others use TensorFlow.
    from trainer import signals
    from trainer.data import pipeline, source
    from trainer.network import saved
    from trainer.quality import measures

    # What can be wrong is found out before what takes long.
    path = pathlib.Path(f.model).expanduser()
    network = saved.load(path)
    report_path = _report_path(f.report) if f.report else None
    settings, metrics = _run_of(path, with_metrics=bool(report_path))
    # TFDS says on standard output what it builds, where nothing but JSON belongs.
    with contextlib.redirect_stdout(sys.stderr if f.json else sys.stdout):
        dataset = f.dataset or _dataset_of(settings) or source.MNIST
        builder = source.prepare(f.data_dir, f.manual_dir, f.idx_dir, dataset)
    split = pipeline.load_split(builder, f.split)
    _check_fit(path, network, split)
    facts = {
        "dataset": split.name,
        "split": split.split,
        "image_shape": list(split.image_shape),
        "model": str(path),
        "parameters": network.count_params(),
        "device": selected.description,
    }
    with signals.held_back():
        batches = _watched(split.batches, split.examples)
        result = measures.evaluate(network, batches, split.label_names)
    if f.json:
        print(json.dumps(facts | result.to_json()))
    else:
        _print(facts, result)
    if report_path:
        from trainer.quality import report

        findings = source.findings(builder)
        report.write(report_path, settings, metrics, result, facts, findings)
        print(f"report  {report_path}", file=sys.stderr if f.json else sys.stdout)


def _report_path(name: str) -> pathlib.Path:
    from trainer.errors import TrainerError

    path = pathlib.Path(name).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        found = "a folder" if path.is_dir() else "no such folder"
        raise TrainerError(
            f"--report={name}: expected a file in a folder that is there, found {found}"
        )
    return path


def _run_of(
    model: pathlib.Path, *, with_metrics: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Reads settings, and metrics if asked to, that lie beside a model, if they do."""
    from trainer.errors import TrainerError
    from trainer.run import workdir

    path = model.with_name(workdir.SETTINGS)
    try:
        settings = dict(json.loads(path.read_text())) if path.exists() else {}
        path = model.with_name(workdir.METRICS)
        read = with_metrics and path.exists()
        lines = path.read_text().splitlines() if read else []
        return settings, [_record(line) for line in lines]
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


def _dataset_of(settings: dict[str, Any]) -> str | None:
    """Returns the data set of the run that a model is from, as `source.prepare` has it."""
    name, _, version = str(settings.get("dataset", "")).rpartition("/")
    return name and f"{name}:{version}"


def _check_fit(path: pathlib.Path, network: "keras.Model", split: "Split") -> None:
    from trainer.errors import TrainerError

    taken, given = network.inputs[0].shape[1:], split.image_shape
    if any(t not in (None, g) for t, g in zip(taken, given, strict=True)):
        raise TrainerError(
            f"{path}: images: expected {_by(given)}, as in {split.name}, found a model "
            f"of {_by(taken)}. Is it trained on other data?"
        )
    classes, outputs = len(split.label_names), network.outputs[0].shape[-1]
    if outputs != classes:
        raise TrainerError(
            f"{path}: classes: expected {classes}, as in {split.name}, found a model "
            f"of {outputs}. Is it trained on other data?"
        )


def _by(shape: Iterable[int | None]) -> str:
    return "x".join("any" if size is None else str(size) for size in shape)


def _watched(batches: Iterable[tuple], examples: int) -> Iterator[tuple]:
    """Passes batches through, with a line every two seconds, up to a signal."""
    from trainer import signals

    done, last = 0, time.monotonic()
    for batch in batches:
        if signals.received():
            raise signals.Interrupted
        yield batch
        done += len(batch[1])
        if done < examples and time.monotonic() - last > 2:
            last = time.monotonic()
            print(f"{done:,} of {examples:,} images", file=sys.stderr, flush=True)


def _print(facts: dict[str, Any], result: "Evaluation") -> None:
    print(
        f"{facts['device']}  {facts['dataset']}, split {facts['split']}: "
        f"{result.examples:,} images, {_by(facts['image_shape'])}, "
        f"{len(result.label_names)} classes  {facts['model']} with "
        f"{facts['parameters']:,} parameters"
    )
    worst = result.worst_first()
    names = [result.label_names[label] for label in worst[:_LISTED]]
    width = max(len("class"), *map(len, names))
    print(f"{'class':{width}}  {'images':>9}  {'wrong':>9}  accuracy")
    for name, label in zip(names, worst, strict=False):
        images, correct = result.class_examples[label], result.class_correct[label]
        accuracy = f"{correct / images:8.4f}" if images else f"{'none':>8}"
        print(f"{name:{width}}  {images:9,}  {images - correct:9,}  {accuracy}")
    if len(worst) > _LISTED:
        print(f"... the worst {_LISTED} of {len(worst):,} classes; --json has them all")
    low, high = result.interval
    print(
        f"loss {result.loss:.4f}  accuracy {result.accuracy:.4f}  "
        f"95% interval {low:.4f} to {high:.4f}"
    )


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.evaluate", main)
