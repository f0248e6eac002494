"""A network as a layers model of TensorFlow.js, written directly.

The converter of the package `tensorflowjs` cannot share an environment with today's
TensorFlow, and misreads Keras 3's files. The few kinds of layers that our networks have are
the same in both, but for some names; what is not known to be is refused.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from trainer.errors import TrainerError
from trainer.network.card import Card

_FILE = "weights.bin"
_ZEROS = {"class_name": "Zeros", "config": {}}  # To draw values would take time.
_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "activation")
_POOLING = ("pool_size", "strides", "padding")
# By the class of a layer, the parts of its configuration that say what it computes.
_COPIED = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": _POOLING,
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": ("filters", "use_bias", *_CONVOLUTION),
    "Dense": ("units", "use_bias", "activation"),
    "DepthwiseConv2D": ("depth_multiplier", "use_bias", *_CONVOLUTION),
    "Flatten": (),
    "GlobalAveragePooling2D": (),
    "GlobalMaxPooling2D": (),
    "InputLayer": (),
    "MaxPooling2D": _POOLING,
    "ReLU": ("max_value",),
    "Rescaling": ("scale", "offset"),
    "Softmax": ("axis",),
    "ZeroPadding2D": ("padding",),
}
_PASSED_OVER = ("Dropout", "GaussianNoise", "SpatialDropout2D")  # Do nothing here.
_RESIZED = ("Resize", "Resizing")
# What else a layer may be told, and must not be.
_NEEDED = {
    "antialias": False,
    "crop_to_aspect_ratio": False,
    "data_format": "channels_last",
    "groups": 1,
    "keepdims": False,
    "negative_slope": 0,
    "pad_to_aspect_ratio": False,
    "threshold": 0,
}
_STEPS = 2**16 - 1
# Numbers of an array that is made small. Of `photo` the first kernels have few, and matter most.
_MANY = 50_000
_ACTIVATIONS = ("elu", "linear", "relu", "relu6", "sigmoid", "softmax", "tanh")


class LayersModel(NamedTuple):
    """What `tf.loadLayersModel` reads.

    Attributes:
      topology: the layers, as JSON has them.
      weights: little-endian float32, by the names that the layers have for them.
    """

    topology: dict[str, Any]
    weights: dict[str, np.ndarray]

    def artifacts(self, small: bool = False) -> tuple[dict[str, Any], bytes]:
        """Returns the parts of `model.json` that say what it is, and the weights' file.

        Args:
          small: whether large kernels have two bytes a number instead of four, as steps
            between their least and their largest. Of the same size, these are nearer
            than float16.
        """
        specs, parts = [], []
        for name, values in self.weights.items():
            spec: dict[str, Any] = {"name": name, "shape": values.shape}
            spec["dtype"] = "float32"
            least, scale = float(values.min()), float(np.ptp(values)) / _STEPS
            if small and values.size >= _MANY and scale:
                values = np.rint((values - least) / scale).astype("<u2")
                spec["quantization"] = {"dtype": "uint16", "min": least, "scale": scale}
            specs.append(spec)
            parts.append(values.tobytes())
        return {"modelTopology": self.topology, "weightSpecs": specs}, b"".join(parts)

    def files(self, card: Card) -> dict[str, bytes]:
        """Returns the files of the model, by their paths in an export."""
        parts, weights = self.artifacts()
        model = {
            "format": "layers-model",
            "generatedBy": f"keras v{keras.__version__}",
            "convertedBy": "mnist-idx-tfds",
            "modelTopology": parts["modelTopology"],
            "weightsManifest": [{"paths": [_FILE], "weights": parts["weightSpecs"]}],
            "userDefinedMetadata": {"card": json.loads(card.to_json())},
        }
        return {"tfjs/model.json": json.dumps(model).encode(), f"tfjs/{_FILE}": weights}


def written(network: keras.Model, option: str) -> LayersModel:
    """Returns a network as a layers model, from float32 pixels 0 to 255.

    Args:
      network: from uint8 images `(batch, height, width, channels)` to probabilities.
      option: what asks for it, for errors.

    Raises:
      TrainerError: it has layers that cannot be written, which are named.
    """
    # Whatever kind of a model it is, its layers with what each is given.
    config = keras.Model(network.inputs, network.outputs).get_config()
    writer = _Writer(network)
    for layer in config["layers"]:
        writer.add(layer)
    if writer.refused:
        raise TrainerError(
            f"{option}: expected layers that can be written for TensorFlow.js, found "
            f"others: {', '.join(writer.refused)}. Without it, the network is exported "
            "for other programs."
        )
    inputs, outputs = (
        [writer.place(tensor) for tensor in _tensors(config[side])]
        for side in ("input_layers", "output_layers")
    )
    model = {
        "class_name": "Model",
        "config": {
            "name": network.name,
            "layers": writer.layers,
            "input_layers": inputs,
            "output_layers": outputs,
        },
    }
    topology = {
        "keras_version": keras.__version__,
        "backend": "tensorflow",
        "model_config": model,
    }
    return LayersModel(topology, writer.weights)


class _Writer:
    """Takes one layer after the other, each after those that it is given.

    Attributes:
      layers: as TensorFlow.js has them.
      weights: of these.
      refused: what cannot be written, in words.
    """

    def __init__(self, network: keras.Model) -> None:
        self.layers: list[dict[str, Any]] = []
        self.weights: dict[str, np.ndarray] = {}
        self.refused: list[str] = []
        self._own = {layer.name: layer for layer in network.layers}
        self._instead: dict[str, list[Any]] = {}

    def place(self, tensor: list[Any]) -> list[Any]:
        """Returns where a tensor is from: layer, how often it was called, which."""
        return self._instead.get(tensor[0], tensor)

    def add(self, layer: dict[str, Any]) -> None:
        """Writes a layer, or says that it cannot be."""
        kind, name, config = layer["class_name"], layer["name"], layer["config"]
        calls = [[*map(self.place, _tensors(n))] for n in layer["inbound_nodes"]]
        reason = self._unfit(kind, config, len(calls))
        if reason is not None:
            self.refused.append(f"{kind} ({name}{reason})")
        elif kind in _PASSED_OVER:
            self._instead[name] = calls[0][0]
        elif kind in _RESIZED:
            shape = layer["inbound_nodes"][0]["args"][0]["config"]["shape"]
            self._resize(name, config, shape[1:], calls[0])
        else:
            kept = {key: config[key] for key in _COPIED[kind] if key in config}
            if kind == "InputLayer":
                kept = {"batch_input_shape": config["batch_shape"], "dtype": "float32"}
            self._append(kind, name, kept, calls)
            for variable in self._own[name].weights if name in self._own else ():
                part = variable.name
                if kind == "DepthwiseConv2D" and part == "kernel":
                    part = "depthwise_kernel"
                values = keras.ops.convert_to_numpy(variable)
                self.weights[f"{name}/{part}"] = values.astype("<f4")

    def _unfit(self, kind: str, config: dict[str, Any], calls: int) -> str | None:
        """Returns what of a layer is not known, after its name; None for nothing."""
        if kind not in (*_COPIED, *_PASSED_OVER, *_RESIZED):
            return ""
        if calls > 1:
            return ", called more than once"
        for key, needed in _NEEDED.items():
            if config.get(key, needed) not in (needed, None):
                return f", {key}={config[key]}"
        activation = config.get("activation", "linear")
        if activation not in _ACTIVATIONS:
            return f", activation={activation}"
        if kind == "Rescaling" and not all(
            isinstance(config[key], int | float) for key in ("scale", "offset")
        ):
            return ", scale or offset of several numbers"
        return None

    def _append(
        self, kind: str, name: str, config: dict[str, Any], calls: list[Any]
    ) -> None:
        initial = {
            f"{part}_initializer": _ZEROS
            for part in ("kernel", "depthwise", "bias")
            if kind in ("Conv2D", "Dense", "DepthwiseConv2D")
        }
        self.layers.append(
            {
                "class_name": kind,
                "name": name,
                "config": {"name": name, **config, **initial},
                "inbound_nodes": [[[*tensor, {}] for tensor in call] for call in calls],
            }
        )

    def _resize(
        self, name: str, config: dict[str, Any], shape: list[int], call: list[Any]
    ) -> None:
        """Writes it as sums: theirs takes other positions, and only these two axes.

        Args:
          name: of the layer.
          config: of the layer.
          shape: height, width and channels that it is given.
          call: what it is given.
        """
        size = config.get("size") or [config["height"], config["width"]]
        sums = [
            keras.ops.convert_to_numpy(
                keras.ops.image.resize(
                    np.eye(old, dtype=np.float32)[..., np.newaxis],
                    (new, old),
                    interpolation=config["interpolation"],
                )
            )[..., 0].T
            for old, new in zip(shape, size, strict=False)
        ]
        (tensor,) = call
        # Width last, then height, then channels again: (h, w, c), (h, c, w), (c, w, h).
        for turn, matrix in (
            ((1, 3, 2), sums[1]),
            ((2, 3, 1), sums[0]),
            ((3, 2, 1), None),
        ):
            turned = f"{name}_turned_{'hwc'[turn[2] - 1]}{len(self.layers)}"
            self._append("Permute", turned, {"dims": turn}, [[tensor]])
            tensor = [turned, 0, 0]
            if matrix is not None:
                summed = f"{turned}_summed"
                dense = {"units": matrix.shape[1], "use_bias": False}
                self._append("Dense", summed, dense, [[tensor]])
                self.weights[f"{summed}/kernel"] = matrix.astype("<f4")
                tensor = [summed, 0, 0]
        self._instead[name] = tensor


def _tensors(value: Any) -> Iterator[list[Any]]:
    """Yields the places of all tensors in a part of a configuration."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield list(value["config"]["keras_history"])
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        if len(value) == 3 and isinstance(value[0], str) and value[1:] == [0, 0]:
            yield list(value)
            return
        for part in value:
            yield from _tensors(part)
