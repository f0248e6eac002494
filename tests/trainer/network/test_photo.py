import keras
import numpy as np
import pytest
from PIL import Image

from trainer.network import imagenet, models, photo
from trainer.network.models import MODELS

DAISY = 985  # Of the 1000 classes of ImageNet.


@pytest.fixture(scope="module")
def weights():
    if not imagenet.found():
        pytest.skip("the extra photo is not installed")
    return imagenet.weights()


def test_it_knows_what_is_on_a_photograph(weights):
    """With the last layer that it learned ImageNet with."""
    datasets = pytest.importorskip("sklearn.datasets")
    flower = Image.fromarray(datasets.load_sample_image("flower.jpg"))
    image = np.asarray(flower.crop((60, 0, 487, 427)).resize((224, 224)))
    inputs = keras.Input(image.shape, dtype="uint8")
    network = keras.Model(inputs, photo.features(inputs, 224))
    photo.give_weights(network, weights)
    maps = network(image[None], training=False).numpy()
    logits = maps.mean((1, 2)) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert logits.argmax() == DAISY


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 28, 3), (40, 30, 1)])
def test_any_image_goes_in_and_all_classes_begin_alike(weights, shape):
    network = MODELS["photo"].build(shape, 3)
    assert network.input_shape == (None, *shape)
    image = np.full((1, *shape), 200, np.uint8)
    np.testing.assert_allclose(network(image, training=False), [[1 / 3] * 3], rtol=1e-6)


def test_an_export_answers_as_the_network_does(weights, tmp_path):
    tf = pytest.importorskip("tensorflow")
    network = MODELS["photo"].build((20, 20, 3), 2)
    kernel = network.get_layer("probabilities").kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    images = np.random.default_rng(1).integers(0, 256, (4, 20, 20, 3), np.uint8)
    network.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    saved = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(
        saved.serve(images), network(images, training=False), atol=1e-5
    )


@pytest.mark.parametrize(
    ("sides", "expected"), [((8, 8), 96), ((64, 40), 128), ((70, 96), 160)]
)
def test_images_are_seen_at_twice_their_size_within_bounds(sides, expected):
    assert photo.side((*sides, 3)) == expected


def test_it_is_trained_as_a_whole(weights):
    """Its blocks have branches, which parts of a batch are not computed along."""
    from trainer.network import parallel

    network = MODELS["photo"].build((16, 16, 3), 2)
    trained = parallel.divided(network, 1, 48)
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(trained(images), network(images), atol=1e-6)


def test_an_image_is_answered_alike_whatever_is_beside_it(weights):
    """In training, too, but for dropout, as nothing is normalized by a batch."""
    network = MODELS["photo"].build((16, 16, 3), 2)
    body = keras.Model(network.input, network.get_layer("head").output)
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    together = body(images, training=True)
    np.testing.assert_allclose(together[:1], body(images[:1]), atol=1e-4)


def test_photographs_begin_from_photographs_where_the_weights_are(monkeypatch):
    monkeypatch.setattr(imagenet, "found", lambda: True)
    assert models.default((28, 28, 3), lambda: 0.9) == ("photo", "")
    assert models.default((28, 28, 1), lambda: 0.2) == ("photo", "")
    assert models.default((28, 28, 1), lambda: 0.3) == ("strong", "")
    assert models.default((64, 64, 1), lambda: 0.3) == ("photo", "")
    assert models.default((64, 64, 1), lambda: 0.6) == ("strong", "")
    monkeypatch.setattr(imagenet, "found", lambda: False)
    name, advice = models.default((28, 28, 3), lambda: 0.9)
    assert name == "strong"
    assert "pip install 'mnist-idx-tfds[photo]'" in advice
