"""A network of somebody else's, put on the images and classes of a set."""

import re

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import adopted, saved

L = keras.layers
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 8, 8, 3), np.uint8)


def network(*layers, shape=(8, 8, 3), **kwargs):
    return keras.Sequential([keras.Input(shape, **kwargs), *layers])


def flat():
    return L.Flatten(), L.Dense(4, activation="softmax")


def adopt(start, shape=(8, 8, 3), classes=2, **kwargs):
    return adopted.adopt(start, shape, classes, path="m.keras", **kwargs)


def refusal(*args, **kwargs):
    with pytest.raises(TrainerError) as caught:
        adopt(*args, **kwargs)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("--from_model=m.keras: ")
    return line


def adapted():
    layer = L.Normalization()
    layer.adapt(IMAGES)
    return layer


def known(name):
    """A network with the name of one of Keras's, which scales nothing itself."""
    x = inputs = keras.Input((8, 8, 3))
    for layer in (L.Flatten(), L.Dense(4, activation="softmax")):
        x = layer(x)
    return keras.Model(inputs, x, name=name)


@pytest.mark.parametrize(
    ("start", "pixels"),
    [
        (lambda: network(*flat(), dtype="uint8"), "0..255"),
        (lambda: network(L.Rescaling(1 / 127.5, -1), *flat()), "0..255"),
        (lambda: network(adapted(), *flat()), "0..255"),
        (
            lambda: network(L.RandomFlip(), network(L.Rescaling(1 / 255)), *flat()),
            "0..255",
        ),
        (lambda: network(L.Rescaling(2.0, -1), *flat()), "0..1"),
        (
            lambda: network(
                L.Normalization(mean=[0.4] * 3, variance=[0.1] * 3), *flat()
            ),
            "0..1",
        ),
        (lambda: known("mobilenetv2_1.00_96"), "-1..1"),
        (lambda: known("resnet50v2"), "-1..1"),
        (lambda: known("resnet50"), "caffe"),
        (lambda: network(known("densenet121")), "torch"),
    ],
)
def test_the_range_of_its_pixels_is_found_in_it(start, pixels):
    assert adopt(start()).pixels == pixels


def test_a_preprocessing_of_keras_within_it_is_found():
    inputs = keras.Input((8, 8, 3))
    x = keras.applications.mobilenet_v2.preprocess_input(inputs)
    x = L.Flatten()(L.Conv2D(2, 3)(x))
    assert adopt(keras.Model(inputs, L.Dense(4)(x))).pixels == "0..255"


@pytest.mark.parametrize("pixels", [*adopted.RANGES[1:3], "torch", "caffe"])
def test_pixels_are_brought_to_the_range_that_is_said(pixels):
    start = network(*flat())
    expected = {
        "0..1": IMAGES / np.float32(255),
        "-1..1": IMAGES / np.float32(127.5) - 1,
    }.get(pixels)
    if expected is None:
        utils = keras.applications.imagenet_utils
        expected = utils.preprocess_input(IMAGES.astype("float32"), mode=pixels)
    found = adopt(start, classes=4, pixels=pixels, same_classes=True)
    assert (found.is_new, found.why) == (False, "by --pixels")
    np.testing.assert_allclose(
        found.network(IMAGES, training=False), start(expected), atol=1e-5
    )


def test_a_range_that_nothing_says_is_asked_for():
    line = refusal(network(*flat()))
    assert "--pixels=0..255, 0..1, -1..1, or torch or caffe" in line


def test_of_its_layers_all_but_the_last_stay_and_keep_what_they_know():
    base = network(adapted(), L.Conv2D(3, 3), L.BatchNormalization())
    base.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = L.GlobalAveragePooling2D()(base(inputs, training=False))
    start = keras.Model(inputs, L.Softmax()(L.Dense(4)(x)), name="theirs")
    base.layers[2].moving_mean.assign([3.0, 2.0, 1.0])
    made = adopt(start, (20, 30, 3)).network
    assert made.name == "theirs"
    assert [v.path for v in made.trainable_variables] == [
        "probabilities/kernel",
        "probabilities/bias",
    ]
    features = keras.Model(made.inputs[0], made.layers[-1].input)
    constant = np.full((1, 20, 30, 3), 90, np.uint8)
    expected = keras.Model(inputs, x)(np.full((1, 8, 8, 3), 90, np.float32))
    for training in (False, True):  # What is frozen stays as it is.
        np.testing.assert_allclose(
            features(constant, training=training), expected, atol=1e-5
        )


def test_gray_images_become_three_channels_of_its_size():
    start = network(*flat(), shape=(8, 6, 3))
    made = adopt(start, (8, 6, 1), 4, pixels="0..1", same_classes=True).network
    gray = IMAGES[:, :, :6, :1]
    np.testing.assert_allclose(
        made(gray), start(np.repeat(gray / np.float32(255), 3, -1)), atol=1e-5
    )


def test_a_convolution_of_one_pixel_may_be_the_last_layer():
    """As in Keras's MobileNet."""
    stack = (L.Flatten(), L.Reshape((1, 1, -1)), L.Conv2D(4, 1))
    start = network(*stack, L.Flatten(), L.Softmax())
    assert adopt(start, pixels="0..1").network.output_shape == (None, 2)


@pytest.mark.parametrize(
    ("start", "shape", "found"),
    [
        (
            lambda: network(L.Conv2D(2, 3), L.GlobalAveragePooling2D()),
            (8, 8, 3),
            "Conv2D",
        ),
        (
            lambda: network(L.Flatten(), L.Dense(4), L.BatchNormalization()),
            (8, 8, 3),
            "Dense",
        ),
        (lambda: network(L.Flatten()), (8, 8, 3), "found none with weights"),
        (lambda: network(*flat(), shape=(8, 8, 1)), (8, 8, 3), "in gray, .* in color"),
        (
            lambda: network(*flat(), shape=(8, 8, 4)),
            (8, 8, 1),
            "of 4 channels, .* in gray",
        ),
        (
            lambda: network(
                L.Conv2D(2, 9),
                L.GlobalAveragePooling2D(),
                L.Dense(4),
                shape=(None, None, 3),
            ),
            (4, 4, 3),
            "that cannot take them: Computed output size would be zero or negative",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_in_a_line(start, shape, found):
    assert re.search(found, refusal(start(), shape, pixels="0..1"))


def test_it_is_trained_exported_and_asked_like_others(tmp_path):
    """With a layer within it that Keras exports wrong, and images of another size."""
    tf = pytest.importorskip("tensorflow")
    onnxruntime = pytest.importorskip("onnxruntime")
    from trainer import Classifier
    from trainer.network import exported

    start = network(
        L.Resizing(6, 6),
        L.Rescaling(1 / 255),
        L.Conv2D(4, 3),
        L.BatchNormalization(),
        L.GlobalAveragePooling2D(),
        L.Dense(5, activation="softmax"),
    )
    start.save(tmp_path / "theirs.keras")
    images = np.zeros((48, 12, 10, 1), np.uint8)
    labels = np.arange(48) % 2
    images[labels == 1] = 200
    options = {"from_model": tmp_path / "theirs.keras", "epochs": 1, "verbose": False}
    model = Classifier.fit((images, labels), learning_rate=0.1, **options)
    assert model.evaluate((images, labels)).examples == 48
    model.save(tmp_path / "m.keras")
    expected = model.predict_proba(images)
    loaded = Classifier.load(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict_proba(images), expected)
    folder = exported.write(loaded.network, loaded.card, tmp_path / "e", onnx=True)
    served = tf.saved_model.load(folder)
    np.testing.assert_allclose(served.serve(images), expected, atol=1e-5)
    runner = tf.lite.Interpreter(f"{folder / 'model.tflite'}").get_signature_runner()
    (image,) = runner.get_input_details()
    (found,) = runner(**{image: images}).values()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: images})
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # What it began is begun from again, with the last layer that it has.
    again = adopted.adopt(
        saved.load(tmp_path / "m.keras").network,
        (12, 10, 1),
        2,
        path="m",
        same_classes=True,
    )
    found = again.network(images, training=False)
    np.testing.assert_allclose(found, expected, atol=1e-5)
