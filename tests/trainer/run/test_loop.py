"""What a run makes of its settings before the first step."""

import json
import types
import zipfile

import keras

from trainer.device import Device
from trainer.network import architectures
from trainer.run import loop


def test_the_model_is_saved_the_same_where_keras_would_compile_with_xla(
    tmp_path, monkeypatch
):
    """As it would on a machine with a GPU, for whoever loads the model elsewhere."""
    monkeypatch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda self: True)
    settings = loop.Settings("cnn", 1, 48, 0.01, 20, 0)
    data = types.SimpleNamespace(steps=3, label_names=("a", "b"))
    network = architectures.cnn((16, 16, 1), 2)
    loop._compiled(network, settings, data, Device("CPU", "CPU"))
    network.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        config = json.loads(file.read("config.json"))
    assert config["compile_config"]["jit_compile"] is False
