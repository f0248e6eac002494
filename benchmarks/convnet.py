"""The network of keras.io's "Simple MNIST convnet", a peer of the trained network.

https://keras.io/examples/vision/mnist_convnet/

    python -m benchmarks.convnet ARRAYS SEED TARGET

trains it on the arrays of an .npz file, as Keras has those of MNIST, until a test accuracy,
and prints the best.
"""

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BATCH_SIZE = 128
EPOCHS = 15


def network(image_shape: tuple[int, int, int], num_classes: int):
    """Returns the network, compiled as on its page, for labels as one-hot vectors."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.compile(
        loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
    )
    return model


def train(
    train: "tuple[np.ndarray, np.ndarray]",
    test: "tuple[np.ndarray, np.ndarray]",
    seed: int,
    target: float,
) -> tuple[float, float]:
    """Trains it on digits until the first evaluation that reaches an accuracy.

    Args:
      train: images, float32 `(n, 28, 28, 1)`, 0 to 1, and labels.
      test: the same, evaluated on after each epoch.
      seed: of weights, order and dropout.
      target: accuracy to reach, 0 to 1.

    Returns:
      Seconds of `fit`, and the best accuracy until then.
    """
    import keras

    class UntilTarget(keras.callbacks.Callback):
        best = 0.0

        def on_epoch_end(self, epoch, logs=None):
            self.best = max(self.best, round(logs["val_accuracy"], 4))
            self.model.stop_training = self.best >= target

    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = train, test
    y_train = keras.utils.to_categorical(y_train, 10)
    y_test = keras.utils.to_categorical(y_test, 10)
    model = network((28, 28, 1), 10)
    until_target = UntilTarget()
    start = time.perf_counter()
    model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=(x_test, y_test),
        verbose=0,
        callbacks=[until_target],
    )
    return time.perf_counter() - start, until_target.best


def _main(path: str, seed: str, target: str) -> None:
    import numpy as np

    with np.load(path) as file:
        digits, digits_test = (
            (file[f"x_{part}"][..., None].astype("float32") / 255, file[f"y_{part}"])
            for part in ("train", "test")
        )
    _, best = train(digits, digits_test, int(seed), float(target))
    print(f"best {best:.4f}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
