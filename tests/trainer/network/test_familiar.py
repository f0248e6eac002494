"""Whether an image is like those that a network was trained on."""

import json

import keras
import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.network import architectures, familiar

SHAPE = (20, 18, 1)


def strokes(count, seed=0):
    """Images of a bright upright stroke each, somewhere on a dark ground."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 30, (count, *SHAPE), np.uint8)
    for image, column, top in zip(
        images, rng.integers(3, 13, count), rng.integers(1, 6, count), strict=True
    ):
        image[top : top + 12, column : column + 3] += 200
    return images


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return architectures.cnn(SHAPE, 4)


@pytest.fixture(scope="module")
def known(network):
    return familiar.measured(network, [strokes(250), strokes(150, seed=1)])


def test_images_of_the_same_kind_are_known_and_others_are_not(network, known):
    judge = familiar.judge(network, {"familiar": known})
    rng = np.random.default_rng(0)
    own = strokes(300, seed=2)
    probabilities, unknown = judge(own)
    np.testing.assert_allclose(
        probabilities, network.predict(own, verbose=0), rtol=1e-5
    )
    assert unknown.dtype == bool
    assert unknown.mean() < 0.05
    blank = np.broadcast_to(
        np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1), (256, *SHAPE)
    )
    for others in (rng.integers(0, 256, (99, *SHAPE), np.uint8), 255 - own, blank):
        assert judge(others)[1].mean() > 0.99


def test_the_rule_is_what_other_programs_are_told(network, known):
    """Computed as the module says, from the card as it is read again."""
    known = json.loads(json.dumps(known))
    images = np.concatenate([strokes(40, seed=3), 255 - strokes(10, seed=4)])
    images[20:30] //= 2
    v = []
    for name in known["layers"]:
        part = keras.Model(network.inputs[0], network.get_layer(name).output)
        v.append(part.predict(images, verbose=0).mean(axis=(1, 2)))
    u = (np.concatenate(v, axis=1) - known["mean"]) / known["scale"]
    z = u @ np.transpose(known["axes"])
    score = (z * z / known["spread"]).sum(axis=1)
    score += ((u * u).sum(axis=1) - (z * z).sum(axis=1)) / known["rest"]
    unknown = familiar.judge(network, {"familiar": known})(images)[1]
    assert 0 < unknown.sum() < 50
    np.testing.assert_array_equal(score > known["most"], unknown)


def test_a_blank_image_is_known_where_there_were_some(network):
    images = strokes(300)
    images[7] = 9
    judge = familiar.judge(network, {"familiar": familiar.measured(network, [images])})
    assert not judge(np.full((1, *SHAPE), 9, np.uint8))[1] or judge(images[7:8])[1]


@pytest.mark.parametrize(
    ("build", "count"),
    [(architectures.cnn, 2), (architectures.deep, 4), (architectures.strong, 3)],
)
def test_a_network_is_asked_by_its_first_activations_of_each_size(build, count):
    network = build(SHAPE, 3)
    known = familiar.measured(network, [strokes(120)])
    assert len(known["layers"]) == count
    assert familiar.judge(network, {"familiar": known})(strokes(5))[1].shape == (5,)


def test_a_network_without_maps_is_asked_by_what_its_last_layer_sees():
    inputs = keras.Input(SHAPE)
    x = keras.layers.Dense(8, activation="tanh")(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    known = familiar.measured(network, [strokes(200)])
    assert len(known["mean"]) == 8
    assert familiar.judge(network, {"familiar": known})(strokes(2))[1].shape == (2,)


def test_few_images_say_nothing(network):
    assert familiar.measured(network, [strokes(99)]) is None
    for calibration in (None, {}, {"familiar": None}, {"temperature": 2}):
        assert familiar.judge(network, calibration)(strokes(3))[1] is None


def test_images_that_are_all_alike_are_told_from_others(network):
    images = np.repeat(strokes(1), 200, axis=0)
    judge = familiar.judge(network, {"familiar": familiar.measured(network, [images])})
    assert not judge(images[:1])[1]
    assert judge(255 - images[:1])[1]


@pytest.mark.parametrize(
    "change",
    [
        {"layers": ["gone"]},
        {"layers": 3},
        {"mean": [1.0]},
        {"scale": "x"},
        {"axes": [[1.0]]},
        {"spread": None},
        {"rest": "x"},
        {"most": None},
    ],
)
def test_what_is_not_of_this_network_is_an_error(network, known, change):
    with pytest.raises(TrainerError, match=r"^m: card\.json: calibration: .* found"):
        familiar.judge(network, {"familiar": known | change}, "m")
    for name in known:
        less = {key: value for key, value in known.items() if key != name}
        with pytest.raises(TrainerError, match="familiar: expected"):
            familiar.judge(network, {"familiar": less})


def test_layers_of_a_network_may_have_the_names_that_keras_gives():
    """As those of one that was read from a file, where Keras counts anew."""
    keras.utils.clear_session()
    layers = keras.layers
    x = inputs = keras.Input(SHAPE, dtype="uint8")
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Concatenate(name="concatenate")([x, x, x])
    for n in range(2):
        x = layers.Conv2D(4, 3, 2, activation="relu", name=f"conv{n}")(x)
    x = keras.ops.mean(x, (1, 2))
    network = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    keras.utils.clear_session()
    known = familiar.measured(network, [strokes(250)])
    assert len(known["layers"]) == 2
    assert familiar.judge(network, {"familiar": known})(strokes(9))[1].shape == (9,)
