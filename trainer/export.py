"""Writes a trained network for other programs, and as a page for any browser.

`python -m trainer.export --model=DIR/model.keras --export_dir=OUT` exports the network
of a finished run; `--onnx`, `--quantize`, `--tfjs` and `--html` write it in further formats.
"""

import pathlib
from typing import TYPE_CHECKING

from absl import flags

from trainer import cli, settings

if TYPE_CHECKING:
    import numpy as np

    from trainer.data.split import Split

_CALIBRATION = 500  # Images at most; more do not widen the ranges by much.


def main(_: list[str]) -> None:
    """Exports a saved network as the flags say."""
    # Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device

    # Before others use TensorFlow; an export is the same on all.
    selected = device.select("cpu")
    from trainer import signals
    from trainer.network import classes, exported, lite, saved, tfjs
    from trainer.picture import browser, classify, pad

    f = flags.FLAGS
    path = pathlib.Path(f.model).expanduser()
    network, card = saved.load(path)
    exported.check(f.export_dir, onnx=f.onnx)
    files: dict[str, bytes] = {}
    if f.tfjs:
        files |= tfjs.written(network, "--tfjs").files(card)
    if f.html:
        classify.image_shape(network)
        model, weights = tfjs.written(network, "--html").artifacts(small=True)
        dark = pad.is_dark(network, card.fit)
        folder = path.resolve().parent.name.encode(errors="replace").decode()
        known = {name: getattr(card, name) for name in browser.KNOWN}
        files[browser.NAME] = browser.page(model, weights, known, dark, folder)
    images = None
    if f.quantize:
        from trainer.data import overlap, source
        from trainer.data.split import Split

        builder, run = source.prepare_for(card.settings, **cli.data())
        train_split = f.train_split or run.get(settings.TRAIN_SPLIT) or "train"
        eval_split = f.eval_split or run.get(settings.EVAL_SPLIT) or "test"
        train = Split(builder, train_split, "--train_split")
        test = Split(builder, eval_split, "--eval_split")
        if seen := overlap.said(builder, test.split, card.settings, card.digests):
            print(f"odd: {seen}", flush=True)
        labels = classes.fitted(
            path, card, test.name, test.image_shape, test.label_names
        )[1]
        with signals.held_back():
            images = _spread(train)
    version = exported.write(
        network, card, f.export_dir, onnx=f.onnx, calibration=images, files=files
    )
    print(f"exported to {version}")
    for name in (exported.LITE, exported.INT8, exported.ONNX):
        # Version 1.1.0 had them there, beside the numbers.
        if (other := version.with_name(name)).exists():
            print(f"{other} is of an earlier export; this one's files are in {version}")
    if images is None:
        return
    print(
        f"calibrated on {len(images):,} of {train.examples:,} images of {train.name}, "
        f"split {train.split}; accuracy on {test.examples:,} of split {test.split}",
        flush=True,
    )
    paths = [version / name for name in (exported.LITE, exported.INT8)]
    with signals.held_back():
        batches = test.watched("evaluating", labels)
        found = lite.accuracies(paths, batches, selected.cores)
    for file, accuracy in zip(paths, found, strict=True):
        size = file.stat().st_size
        print(f"{file.name:{len(exported.INT8)}}  {size:11,} bytes  {accuracy:.4f}")


def _spread(split: "Split") -> "np.ndarray":
    """Returns images from all over a split, `_CALIBRATION` at most."""
    import numpy as np

    step = -(-split.examples // _CALIBRATION)
    kept, seen = [], 0
    for images, _ in split.watched("reading"):
        kept.append(np.array(images[-seen % step :: step]))
        seen += len(images)
    return np.concatenate(kept)


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    flags.DEFINE_string(
        "export_dir",
        None,
        "Folder that gets a folder N, a new version, with saved_model.pb, model.tflite and "
        "labels.txt.",
    )
    flags.register_validator("export_dir", bool, "expected a folder")
    flags.DEFINE_bool(
        "onnx",
        False,
        "Write model.onnx, too; what that needs comes with pip install 'mnist-idx-tfds[onnx]'.",
    )
    flags.DEFINE_bool(
        "quantize",
        False,
        "Write model-int8.tflite, too, with weights and activations in int8, and print "
        "its size and accuracy beside those of model.tflite.",
    )
    flags.DEFINE_bool(
        "tfjs",
        False,
        "Write tfjs/model.json and its weights, too: a layers model for TensorFlow.js.",
    )
    flags.DEFINE_bool(
        "html",
        False,
        "Write page.html, too, which has the network in it: one file, which any browser "
        "opens from a disk, to draw on or drop pictures on.",
    )
    cli.define_data("calibrate and evaluate on", "that of the model's run, or MNIST")
    for split, purpose in (("train", "calibrate"), ("eval", "evaluate")):
        flags.DEFINE_string(
            f"{split}_split",
            None,
            f"TFDS split to {purpose} on (default: with the data set of the model's "
            f"run, its --{split}_split; else {'test' if split == 'eval' else split}).",
        )
    for data in (
        *("data_dir", "dataset", "idx_dir", "manual_dir"),
        *("train_split", "eval_split"),
    ):
        flags.register_multi_flags_validator(
            ["quantize", data],
            lambda given: given["quantize"] or not any(given.values()),
            f"--{data} is for --quantize; nothing else here takes data",
        )


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.export", main)
