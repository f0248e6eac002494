"""The peer of the pipeline, and the network of the peers of the training.

The pipeline is that of TFDS's guide "Training a neural network on MNIST with Keras"
(https://www.tensorflow.org/datasets/keras_example), on TFDS's own `mnist`.
"""


def pipeline(
    data_dir: str, batch_size: int = 128, name: str = "mnist", cached: bool = True
):
    """Returns the guide's training pipeline, an unbatched cache shuffled whole.

    Args:
      data_dir: folder of the prepared data set.
      batch_size: images in a batch.
      name: of the data set.
      cached: whether there is a cache before what is shuffled.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def normalize_img(image, label):
        return tf.cast(image, tf.float32) / 255.0, label

    (train, _), info = tfds.load(
        name,
        split=["train", "test"],
        shuffle_files=True,
        as_supervised=True,
        with_info=True,
        data_dir=data_dir,
    )
    train = train.map(normalize_img, num_parallel_calls=tf.data.AUTOTUNE)
    if cached:
        train = train.cache()
    train = train.shuffle(info.splits["train"].num_examples)
    train = train.batch(batch_size)
    return train.prefetch(tf.data.AUTOTUNE)


def network():
    """Returns the CNN of TensorFlow.js's MNIST tutorial as its authors write it.

    https://github.com/tensorflow/tfjs-examples/blob/master/mnist/index.js, compiled
    with Adam and nothing else that is not Keras's default.
    """
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(
                8, 5, activation="relu", kernel_initializer="variance_scaling"
            ),
            layers.MaxPooling2D(),
            layers.Conv2D(
                16, 5, activation="relu", kernel_initializer="variance_scaling"
            ),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(
                10, activation="softmax", kernel_initializer="variance_scaling"
            ),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
