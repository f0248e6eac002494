"""The network of keras.io's "Simple MNIST convnet", a peer of the trained network.

https://keras.io/examples/vision/mnist_convnet/
"""

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
