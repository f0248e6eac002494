"""Runs on tiny sets of drawings: that the networks learn, whatever images look like."""

import re
import types

import numpy as np
import pytest
from tfds_sets import build, feed_of

from trainer.machine.device import Device
from trainer.network import models
from trainer.quality import measures
from trainer.run import class_weights, loop
from trainer.run.compiling import compiled
from trainer.run.hyperparameters import Hyperparameters

SIZE = 16
CPU = Device("CPU", "CPU", cores=2)


def bars(labels, classes, paper, ink, noise=0, seed=0):
    """Draws a bar at an angle that is the class, and anywhere.

    Args:
      labels: of the images, int `(count,)`.
      classes: number of angles.
      paper: value of the pixels around the bar.
      ink: value of those of the bar.
      noise: standard deviation of what is added to both.
      seed: of the place, and the noise.

    Returns:
      Images uint8 `(count, 16, 16)` and labels.
    """
    angles = np.pi * labels[:, np.newaxis, np.newaxis] / classes
    random = np.random.default_rng(seed)
    places = random.uniform(-3, 3, angles.shape)
    rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    distances = columns * np.sin(angles) - rows * np.cos(angles) + places
    images = np.where(np.abs(distances) < 1.5, ink, paper)
    images = images + random.normal(0, noise, images.shape)
    return np.clip(images.round(), 0, 255).astype(np.uint8), labels


def dots(count, classes, seed=0):
    """Draws a pattern of 2 x 2 squares that is the class, a little moved."""
    patterns = np.random.default_rng(99).random((classes, 6, 6)) < 0.5
    patterns = patterns.repeat(2, axis=1).repeat(2, axis=2)
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = np.full((count, SIZE, SIZE), 230)
    for image, label, (row, column) in zip(
        images, labels, random.integers(1, 4, (count, 2)), strict=True
    ):
        image[row : row + 12, column : column + 12] -= 30 * patterns[label]
    return images.astype(np.uint8), labels


def learn(folder, train, test, model, epochs, class_weight="none", **kwargs):
    """Trains on drawings as `python -m trainer` does, and returns what came of it."""
    kind = models.MODELS[model]
    data = feed_of(
        build(folder, {"train": train, "test": test}),
        batch_size=kind.batch_size,
        seed=0,
        augment=epochs >= kind.augmented_from,
    )
    settings = Hyperparameters(
        model, epochs, kind.batch_size, kind.learning_rate, 0, 0, class_weight
    )
    return loop.run(settings, data, CPU, **kwargs), data


LOOKS = {
    "light paper": {"paper": 250, "ink": 210, "noise": 5},
    "faint": {"paper": 108, "ink": 102, "noise": 1},
    "1-bit": {"paper": 0, "ink": 1},
    "photo": {"paper": 150, "ink": 60, "noise": 60},
}


@pytest.mark.parametrize("model", ["cnn", "strong"])
@pytest.mark.parametrize("look", LOOKS)
def test_images_of_any_look_are_learnt(tmp_path, look, model):
    """Five classes from some dozens of steps, where chance is right for a fifth."""
    train = bars(np.arange(480) % 5, 5, **LOOKS[look])
    test = bars(np.arange(200) % 5, 5, **LOOKS[look], seed=1)
    result, _ = learn(tmp_path, train, test, model, epochs=6)
    assert result.accuracy > 0.8


def colored(count, seed=0):
    """Draws bars whose angle says nothing: their class is which channel they are in."""
    labels = np.arange(count) % 3
    images, _ = bars(
        np.random.default_rng(seed).integers(0, 5, count), 5, 200, 120, 20, seed
    )
    channels = np.full((*images.shape, 3), 200, np.uint8)
    channels[np.arange(count), ..., labels] = images
    return channels, labels


@pytest.mark.parametrize("model", ["cnn", "strong"])
def test_what_colors_alone_tell_is_learnt(tmp_path, model):
    """Where a third is right by chance."""
    result, data = learn(tmp_path, colored(480), colored(150, 1), model, epochs=6)
    assert data.train.image_shape == (16, 16, 3)
    assert result.accuracy > 0.8


@pytest.mark.parametrize(("model", "least"), [("cnn", 0.05), ("strong", 0.5)])
def test_two_hundred_classes_are_learnt(tmp_path, model, least):
    """On light paper, where chance is right for 0.005."""
    train, test = dots(1600, 200), dots(400, 200, seed=1)
    result, _ = learn(tmp_path, train, test, model, epochs=6)
    assert result.accuracy > least


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([10, 10], [1, 1]),
        ([30, 10], [40 / 60, 2]),
        ([60, 30, 30], [40 / 60, 40 / 30, 40 / 30]),
        # A class without examples has no weight, and no part in the others'.
        ([30, 0, 10], [40 / 60, 0, 2]),
        ([7], [1]),
        # A hundred times as much as another, and no more.
        ([1000, 10], [1010 / 2000, 1010 / 20]),
        ([2997, 3], [3000 / 3297, 300_000 / 3297]),
        ([65_536, 0, 1], [65_537 / 65_636, 0, 6_553_700 / 65_636]),
    ],
)
def test_balanced_weights_add_up_to_the_same_for_each_class(counts, expected):
    weights = class_weights.balanced(np.array(counts))
    assert list(weights) == list(range(len(counts)))
    assert list(weights.values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("class_weight", "counts", "kind", "said"),
    [
        ("auto", [80, 20], "none", ""),
        ("auto", [2997, 3], "bounded", " up to 100 to 1 (2,997 of 3,000 are cat)"),
        ("auto", [0, 900, 9], "balanced", " (900 of 909 are dog)"),
        ("auto", [0, 900], "none", ""),
        ("balanced", [0, 900], "balanced", " (900 of 900 are dog)"),
        ("balanced", [1, 1], "balanced", " (1 of 2 are cat)"),
        ("none", [2997, 3], "none", ""),
    ],
)
def test_what_weighs_alike_is_said_with_its_bound_and_without_rounding(
    class_weight, counts, kind, said
):
    train = types.SimpleNamespace(
        class_counts=np.array(counts), label_names=("cat", "dog", "eel")
    )
    weights = class_weights.of(class_weight, types.SimpleNamespace(train=train))
    assert weights.kind == kind
    assert weights.said == (f"classes weighed alike{said}" if said else "")


def rare(count, seed=0):
    """Draws two classes that are hard to tell apart, 19 to 1; the label 1 has none."""
    rare = np.arange(count) % 20 == 0
    images, _ = bars(3 * rare, 40, paper=100, ink=160, noise=30, seed=seed)
    return images, 2 * rare


def test_a_rare_class_is_seen_with_balanced_weights_and_the_run_judged_by_it(tmp_path):
    recalls = {}
    for weights in ("none", "balanced"):
        folder = tmp_path / weights
        kept = {"workdir": f"{folder / 'run'}"}
        result, data = learn(folder, rare(500), rare(250, 1), "cnn", 6, weights, **kept)
        found = measures.evaluate(
            result.model, data.eval_batches, data.train.label_names
        )
        recalls[weights] = found.class_accuracy
        page = (folder / "run" / "report.html").read_text()
        title = f"<h1>{found.by_classes.value:.2%} balanced accuracy"
        assert (title in page) == (weights == "balanced")
        assert np.isnan(found.class_accuracy[1])
    assert recalls["none"][2] < 0.2
    assert recalls["balanced"][2] > 0.6
    assert recalls["balanced"][0] > 0.8


@pytest.mark.parametrize(
    ("majority", "as_with"), [(80, "none"), (81, "balanced"), (100, "none")]
)
def test_classes_weigh_alike_by_themselves_where_one_has_more_than_80_percent(
    tmp_path, capsys, majority, as_with
):
    images, labels = bars(np.arange(100) % 2, 2, paper=0, ink=255)
    train = images, (np.arange(100) >= majority).astype(int)
    builder = build(tmp_path, {"train": train, "test": (images, labels)})
    data = feed_of(builder, batch_size=48, seed=0)
    said = {}
    for weights in ("auto", "none", "balanced"):
        capsys.readouterr()
        loop.run(Hyperparameters("cnn", 1, 48, 0.01, 0, 0, weights), data, CPU)
        said[weights] = capsys.readouterr().out
    assert said["auto"] == said[as_with]
    alike = f"classes weighed alike ({majority} of 100 are 0)"
    assert (alike in said["auto"]) == (as_with == "balanced")
    assert ("\nbalanced accuracy 0." in said["auto"]) == (as_with == "balanced")
    if majority < 100:
        assert said["none"] != said["balanced"]


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
@pytest.mark.parametrize(
    ("model", "feed"), [("cnn", "memory"), ("cnn", "stream"), ("strong", "memory")]
)
def test_training_is_weighed_and_no_loss_in_the_log_is(
    tmp_path, capsys, model, feed, class_weight
):
    """For 30 images of a class and 10 of another, to which a network gives 0.6 and 0.4."""
    train = np.zeros((40, SIZE, SIZE), np.uint8), np.arange(40) // 30
    test = train[0][:9], np.ones(9, int)
    builder = build(tmp_path, {"train": train, "test": test})
    data = feed_of(builder, feed=feed, batch_size=40, seed=0)
    network = models.MODELS[model].build(data.train.image_shape, 2, data.pixels)
    head = network.layers[-1]
    head.set_weights([np.zeros(head.kernel.shape), np.log([0.6, 0.4])])
    settings = Hyperparameters(model, 1, 40, 1e-5, 1, 0, class_weight)
    trained = compiled(network, settings, data, CPU)
    capsys.readouterr()
    weights = class_weights.of(class_weight, data)
    last = loop.fit(trained, settings, data, weights)
    loss = re.search(r" step 1/1  loss (\S+)", capsys.readouterr().out)[1]
    losses = -np.log([0.6, 0.4])
    assert float(loss) == pytest.approx(losses @ (0.75, 0.25), abs=1e-4)
    assert last["test_loss"] == pytest.approx(losses[1], rel=1e-4)
    # To three quarters as classes are, to a half where they weigh alike.
    moved = head.bias.numpy() - np.log([0.6, 0.4])
    assert (moved[0] > moved[1]) == (class_weight == "none")
