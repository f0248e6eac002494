"""Writes a trained network for other programs: TensorFlow Serving, LiteRT and ONNX.

`python -m trainer.export --model=DIR/model.keras --export_dir=OUT` exports the network
of a finished run.
"""

import pathlib

from absl import flags

from trainer import cli


def main(_: list[str]) -> None:
    """Exports a saved network as the flags say."""
    # Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer import device

    device.select("cpu")  # Before others use TensorFlow; an export is the same on all.
    from trainer.network import exported, saved

    f = flags.FLAGS
    path = pathlib.Path(f.model).expanduser()
    network = saved.load(path)
    names = saved.read_labels(path.parent, network.output_shape[-1])
    exported.check(f.export_dir, onnx=f.onnx)
    version = exported.write(network, f.export_dir, names, onnx=f.onnx)
    print(f"exported to {version}")
    if not f.onnx and (other := version.with_name(exported.ONNX)).exists():
        print(f"{other} is of an earlier export, without --onnx")


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    flags.DEFINE_string(
        "export_dir",
        None,
        "Folder that gets N/saved_model.pb, N a new version, model.tflite and labels.txt.",
    )
    flags.register_validator("export_dir", bool, "expected a folder")
    flags.DEFINE_bool(
        "onnx",
        False,
        "Write model.onnx, too; what that needs comes with pip install '.[onnx]'.",
    )


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.export", main)
