"""Labels images with a trained network.

`python -m trainer.predict --model=DIR/model.keras IMAGE...` prints the three best
classes of each image, in PNG, JPEG or other image files, folders of these, or IDX
files; with `--only_wrong`, of those in IDX files that are labelled otherwise.
"""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from absl import flags

from trainer import cli

if TYPE_CHECKING:
    import numpy as np

    from mnist_idx_tfds import idx
    from trainer.picture.classify import Prediction


def print_table(
    predictions: Iterable["Prediction"], files: Sequence[str], names: Sequence[str]
) -> int:
    """Prints a line for each image, as soon as it is labelled.

    Args:
      predictions: the lines.
      files: names of all files, for the width of a column.
      names: names of all classes, for the same.

    Returns:
      The number of lines.
    """
    from mnist_idx_tfds.foreign import shown

    lines = 0
    file_width = max((len(shown(file)) for file in files), default=0)
    name_width = max(len(shown(name)) for name in names)
    for file, index, classes, inverted, labelled, unknown in predictions:
        lines += 1
        line = f"{shown(file):{file_width}}  {'' if index is None else index:5}"
        if labelled is not None:
            line += f"  labelled {shown(labelled):>{name_width}}"
        for best in classes:
            line += f"  {shown(best['name']):>{name_width}} {best['probability']:7.2%}"
        line += "  inverted" if inverted else ""
        print(line + ("  unknown" if unknown else ""))
    return lines


def print_json(predictions: Iterable["Prediction"]) -> None:
    """Prints a JSON array, one object a line, each as soon as its image is labelled."""
    separator = "["
    for prediction in predictions:
        print(separator, json.dumps(prediction._asdict()), sep="", end="")
        separator = ",\n"
    print("[]" if separator == "[" else "]")


def print_csv(predictions: Iterable["Prediction"], best: int) -> None:
    """Prints a table in CSV, a row for each image, as soon as it is labelled.

    Args:
      predictions: the rows.
      best: classes that a prediction has.
    """
    from mnist_idx_tfds.foreign import cell

    table = csv.writer(sys.stdout, lineterminator="\n")
    columns = ["file", "index"]
    for place in range(1, best + 1):
        suffix = f"_{place}" if place > 1 else ""
        columns += [f"{key}{suffix}" for key in ("label", "name", "probability")]
    table.writerow([*columns, "inverted", "labelled", "unknown"])
    for file, index, classes, inverted, labelled, unknown in predictions:
        row = [cell(file), index]
        for c in classes:
            row += [c["label"], cell(c["name"]), c["probability"]]
        unlike = "" if unknown is None else json.dumps(unknown)
        table.writerow([*row, json.dumps(inverted), cell(labelled or ""), unlike])


def main(files: list[str]) -> int:
    """Labels the images in files as the flags say; returns the exit code."""
    f = flags.FLAGS
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device

    device.select(f.device)  # Before others use TensorFlow.
    from mnist_idx_tfds.foreign import shown
    from trainer.network import familiar, saved
    from trainer.picture import classify, listing

    errors = []

    def complain(message: str) -> None:
        errors.append(message)
        sys.stdout.flush()  # So that the line comes where it belongs.
        print(f"trainer.predict: {shown(message)}", file=sys.stderr)

    network, card = saved.load(f.model)
    names = card.label_names

    def labels_of(images: "idx.PathLike") -> "np.ndarray":
        return _labels_of(images, f.model, names)

    if f.index is None and not f.only_wrong:  # Which only IDX files have.
        files = list(listing.opened(files, complain))
    predictions = classify.predict(
        network,
        names,
        files,
        judge=familiar.judge(network, card.calibration, f.model),
        complain=complain,
        invert=f.invert,
        how=card.fit if f.fit == "auto" else f.fit,
        index=f.index,
        labels=labels_of if f.only_wrong else None,
    )
    if f.json:
        print_json(predictions)
    elif f.csv:
        print_csv(predictions, min(classify.BEST, len(names)))
    else:
        lines = print_table(predictions, files, names)
        if f.only_wrong:
            print(f"{lines:,} {'image' if lines == 1 else 'images'} labelled otherwise")
    return 1 if errors else 0


def _labels_of(
    images: "idx.PathLike", model: str, names: Sequence[str]
) -> "np.ndarray":
    """Returns the labels beside an IDX file, int64 `(n,)`, as a network has them.

    Args:
      images: the IDX file.
      model: the network's file, for errors.
      names: of its classes.

    Raises:
      TrainerError: there is a class that the network does not know.
      idx.IdxError: there are no such labels, or they cannot be used.
    """
    from mnist_idx_tfds import idx_set
    from trainer.network import classes

    pair = idx_set.pair_of(images)
    opened = idx_set.IdxSet({"labels": pair})
    own = opened.names or [str(label) for label in range(opened.num_classes)]
    places = classes.matched(model, names, own, f"{pair.labels}")[1]
    return places.take(opened["labels"].labels)


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    cli.define_device()
    flags.DEFINE_enum(
        "fit",
        "auto",
        ["auto", "ink", "whole"],
        "How an image of another size is fitted to a network with one channel: its ink "
        "cropped and centered as MNIST's, or the whole of it as mnist_idx_tfds.pack "
        "does; auto is what the model's file says that its training images were like.",
    )
    flags.DEFINE_enum(
        "invert",
        "auto",
        ["auto", "yes", "no"],
        "Exchange light and dark; auto does it to ink on light paper.",
    )
    flags.DEFINE_integer(
        "index",
        None,
        "Label this image of an IDX file only, counted from 0.",
        lower_bound=0,
    )
    flags.DEFINE_boolean(
        "only_wrong",
        False,
        "Label only what the labels beside an IDX file say otherwise of, to look for "
        "wrong labels in it.",
    )
    flags.DEFINE_boolean("json", False, "Print a JSON array instead of a table.")
    flags.DEFINE_boolean("csv", False, "Print CSV instead, a row for each image.")
    flags.register_multi_flags_validator(
        ["json", "csv"],
        lambda given: not all(given.values()),
        "give --json or --csv, not both",
    )


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.predict", main, "IMAGE...")
