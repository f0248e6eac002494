"""Labels images with a trained network.

`python -m trainer.predict --model=DIR/model.keras IMAGE...` prints the three best
classes of each image, in PNG, JPEG or other image files, or in IDX files.
"""

import json
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from absl import flags

from trainer import cli, settings

if TYPE_CHECKING:
    from trainer.picture.classify import Prediction


def print_table(
    predictions: Iterable["Prediction"], files: Sequence[str], names: Sequence[str]
) -> None:
    """Prints a line for each image, as soon as it is labelled.

    Args:
      predictions: the lines.
      files: names of all files, for the width of a column.
      names: names of all classes, for the same.
    """
    file_width, name_width = max(map(len, files)), max(map(len, names))
    for file, index, classes, inverted in predictions:
        line = f"{file:{file_width}}  {'' if index is None else index:5}"
        for best in classes:
            line += f"  {best['name']:>{name_width}} {best['probability']:7.2%}"
        print(line + ("  inverted" if inverted else ""))


def print_json(predictions: Iterable["Prediction"]) -> None:
    """Prints a JSON array, one object a line, each as soon as its image is labelled."""
    separator = "["
    for prediction in predictions:
        print(separator, json.dumps(prediction._asdict()), sep="", end="")
        separator = ",\n"
    print("[]" if separator == "[" else "]")


def main(files: list[str]) -> int:
    """Labels the images in files as the flags say; returns the exit code."""
    f = flags.FLAGS
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer import device

    device.select(f.device)  # Before others use TensorFlow.
    from trainer.network import saved
    from trainer.picture import classify

    errors = []

    def complain(message: str) -> None:
        errors.append(message)
        sys.stdout.flush()  # So that the line comes where it belongs.
        print(f"trainer.predict: {message}", file=sys.stderr)

    network = saved.load(f.model)
    folder = pathlib.Path(f.model).expanduser().parent
    names = saved.read_labels(folder, network.output_shape[-1])
    fit = _fit_of(folder) if f.fit == "auto" else f.fit
    predictions = classify.predict(
        network,
        names,
        files,
        complain=complain,
        invert=f.invert,
        ink=fit == "ink",
        index=f.index,
    )
    if f.json:
        print_json(predictions)
    else:
        print_table(predictions, files, names)
    return 1 if errors else 0


def _fit_of(folder: pathlib.Path) -> str:
    """Returns how images are best fitted to a network, by what it was trained on."""
    # A network without its run is one for MNIST most likely.
    dataset = str(settings.read(folder).get(settings.DATASET, ""))
    own = dataset.startswith("mnist_idx_tfds/")
    return "whole" if own and not dataset.startswith("mnist_idx_tfds/mnist/") else "ink"


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
        "does; auto takes the second for networks trained on files of your own.",
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
    flags.DEFINE_boolean("json", False, "Print a JSON array instead of a table.")


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.predict", main, "IMAGE...")
