"""A network and its card as one object, in a program of one's own."""

import base64
import io
import re
import shutil
import signal
import sys
import zipfile

import keras
import numpy as np
import processes
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter
from idx_files import bars, encode, write_arrays
from PIL import Image

import trainer
from mnist_idx_tfds import render_digits
from trainer import Classifier, signals
from trainer.data import arrays
from trainer.errors import TrainerError
from trainer.network import architectures, exported, familiar, saved
from trainer.network import card as cards
from trainer.network.card import Card
from trainer.picture import classify, fit
from trainer.run import lines, training

NAMES = ("top", "middle", "bottom")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder, with a set of bars in `DIR`."""
    folder = tmp_path_factory.mktemp("user")
    write_arrays(folder / "DIR", {"train": bars(150), "test": bars(30, 1)})
    (folder / "DIR" / "labels.txt").write_text("".join(f"{n}\n" for n in NAMES))
    return folder


FIT = """
import sys
from trainer import Classifier
model = Classifier.fit("DIR", model="cnn", epochs=3, seed=4, data_dir="data")
model.save("m.keras")
print(model.evaluate("DIR", data_dir="data").accuracy)
"""


@pytest.fixture(scope="module")
def fitted(folder):
    """What a program that fits a classifier prints; it is saved as `m.keras`."""
    return processes.end(processes.start("-c", FIT, cwd=folder))


def test_fit_gives_the_bits_of_the_program_for_the_same_settings(folder, fitted):
    assert fitted.stderr == ""
    args = ("--idx_dir=DIR", "--model=cnn", "--epochs=3", "--seed=4")
    run = processes.run(
        "trainer", *args, "--data_dir=data", "--workdir=RUN", "--device=cpu", cwd=folder
    )
    assert run.returncode == 0
    networks = [saved.load(folder / name) for name in ("m.keras", "RUN/model.keras")]
    bits = [[w.tobytes() for w in network.get_weights()] for network, _ in networks]
    assert bits[0] == bits[1]
    assert networks[0].card == networks[1].card
    assert networks[0].card.label_names == NAMES
    assert networks[0].card.digests.keys() == {
        path.name for path in (folder / "DIR").iterdir()
    }
    # Lines follow each other, where output goes to no terminal.
    *_, final, accuracy = fitted.stdout.splitlines()
    assert re.fullmatch(r"final  test_loss \S+  test_accuracy \S+", final)
    assert accuracy == "1.0"


def test_a_model_that_was_moved_answers_as_it_did(folder, fitted, tmp_path):
    shutil.copy(folder / "m.keras", tmp_path / "moved.keras")
    model = Classifier.load(tmp_path / "moved.keras")
    images, labels = bars(30, 1)
    found = model.predict(images)
    assert [p.name for p in found] == [NAMES[k] for k in labels]
    assert all(p.probability > 0.5 for p in found)
    assert model.evaluate((images, [NAMES[k] for k in labels])).accuracy == 1
    np.testing.assert_allclose(model.predict_proba(images).sum(1), 1, rtol=1e-5)
    large = np.kron(images, np.ones((3, 3), np.uint8))
    assert [p.name for p in model.predict(large)] == [NAMES[k] for k in labels]
    Image.fromarray(large[1]).save(tmp_path / "a.png")
    for one in (tmp_path / "a.png", [str(tmp_path / "a.png")]):
        (prediction,) = model.predict(one)
        assert prediction.name == "middle"
    assert repr(model).startswith("<Classifier of 16x16x1 in 3 classes, of mnist_idx_")


def test_what_is_unlike_anything_is_said_in_python_and_on_the_page(folder, fitted):
    page = pytest.importorskip("trainer.picture.page", exc_type=ModuleNotFoundError)
    model = Classifier.load(folder / "m.keras")
    bar = bars(30, 1)[0]
    noise = np.random.default_rng(0).integers(0, 256, (9, 16, 16), np.uint8)
    assert all(p.unknown for p in model.predict(noise))
    known = [p.unknown for p in model.predict(bar)]
    assert sum(known) < 6
    judge = familiar.judge(model.network, model.card.calibration)
    built = page.build(model.network, model.classes, "whole", "m", judge)
    (answer,) = {function.fn for function in built.fns.values()}
    for picture, unlike in ((noise[0], True), (bar[known.index(False)], False)):
        assert ("Unlike anything" in said_of(answer, picture, "whole")) == unlike


def test_arrays_are_fitted_with_labels_of_any_kind(capsys):
    images, labels = bars(60)
    names = np.array(NAMES)[labels]
    model = Classifier.fit(
        (images / 1.0, names), test=bars_named(9), model="cnn", epochs=8, verbose=False
    )
    assert capsys.readouterr() == ("", "")
    assert model.classes == ("bottom", "middle", "top")
    assert not {"data_dir", "idx_dir"} & model.card.settings.keys()
    assert model.evaluate((images, names)).accuracy == 1


def bars_named(count):
    images, labels = bars(count, 1)
    return images, [NAMES[k] for k in labels]


IMAGES = np.zeros((4, 16, 16), np.uint8)


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (
            "DIR",
            {"test": (IMAGES, [0] * 4)},
            "test: expected it with data=(images, labe",
        ),
        (5, {}, "data: expected a folder or (images, labels), found int"),
        (
            (IMAGES / 255 + 0.1, [0] * 4),
            {},
            "images: expected whole numbers from 0 to 2",
        ),
        (
            (IMAGES + np.nan, [0] * 4),
            {},
            "images: expected whole numbers from 0 to 255",
        ),
        ((IMAGES[0], [0] * 16), {}, "images: expected an array (n, height, width), or"),
        ((IMAGES, [0] * 3), {}, "labels: expected one for each of 4 images, found an"),
        ((IMAGES, ["a\nb"] * 4), {}, "labels: expected names to print, found 'a\\nb'"),
        (
            (IMAGES, [0, 1, 0, 1]),
            {"test": (IMAGES, [0, 1, 2, 2])},
            "test: expected labels that are trained on, found '2', too",
        ),
        ("none", {}, "none: folder: expected"),
        ("none", {"model": "huge"}, "model: expected cnn, deep, strong, photo, f"),
        ("none", {"epochs": 0}, "epochs: expected a whole number from 1 to"),
        ("none", {"seed": 1.5}, "seed: expected a whole number from 0 to"),
        ("none", {"learning_rate": 0}, "learning_rate: expected more than 0, found 0"),
        ("none", {"seed": 2**31}, "seed: expected a whole number from 0 to 2147483647"),
        ("none", {"epochs": np.True_}, "epochs: expected a whole number from 1 to"),
        (
            "none",
            {"target_accuracy": 1.5},
            "target_accuracy: expected more than 0, at most 1, found 1.5",
        ),
        (
            "none",
            {"target_accuracy": np.nan},
            "target_accuracy: expected more than 0, a",
        ),
        ("", {}, "data: expected a value, found an empty one"),
        ("none", {"workdir": ""}, "workdir: expected a value, found an empty one"),
        (
            "none",
            {"from_model": ""},
            "from_model: expected a value, found an empty one",
        ),
        (
            "none",
            {"idx_dir": "B"},
            "idx_dir: expected none with a folder as data, found",
        ),
        ("none", {"dataset": "mnist"}, "dataset: expected none with a folder as data"),
        (
            None,
            {"idx_dir": "A", "dataset": "mnist"},
            "dataset: expected none with idx_d",
        ),
        *(
            (
                (IMAGES, [0, 1, 0, 1]),
                {name: "A"},
                f"{name}: expected none with data=(im",
            )
            for name in ("idx_dir", "dataset", "manual_dir", "data_dir", "transpose")
        ),
        (
            (IMAGES, [0, 1, 0, 1]),
            {"test": (np.zeros((4, 16, 16, 3), np.uint8), [0, 1, 0, 1])},
            "test: expected images of 16x16x1, as those that are trained on, found some o",
        ),
        (
            "none",
            {"device": "CPU"},
            "device: expected auto, cpu, gpu or gpu:N, or with",
        ),
        ("none", {"device": None}, "device: expected auto, cpu, gpu or gpu:N, or with"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(data, options, says):
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        Classifier.fit(data, verbose=False, **options)
    assert "\n" not in str(error.value)


def test_what_cannot_be_asked_is_one_line(tmp_path):
    network = architectures.cnn((16, 16, 1), 3)
    model = Classifier(network, Card(NAMES, (16, 16, 1)))
    for ask, says in (
        (
            lambda: model.predict(str(tmp_path / "gone.png")),
            "gone.png: image: expected",
        ),
        (lambda: model.predict(IMAGES, fit="crop"), "fit: expected auto, ink, whole"),
        (lambda: model.predict(IMAGES, invert="no "), "invert: expected auto, yes, no"),
        (lambda: model.predict(IMAGES[:, :9]), "--fit: expected ink or whole for a"),
        (lambda: model.evaluate((IMAGES, [*"abcd"])), "found none of the name a, b, c"),
        (lambda: model.save(tmp_path / "m.h5"), "name: expected one that ends in"),
        (
            lambda: model.predict([IMAGES[0], IMAGES[0, :9]]),
            "found (9, 16) and (16, 16)",
        ),
        (lambda: model.predict(5), "images: expected an array (n, height, width), or"),
        (
            lambda: model.predict(["a.png", ""]),
            "pictures: expected paths, found an empty",
        ),
        (lambda: model.evaluate(""), "data: expected a value, found an empty one"),
        (
            lambda: model.evaluate(split=""),
            "split: expected a value, found an empty one",
        ),
        (
            lambda: model.evaluate("A", idx_dir="B"),
            "idx_dir: expected none with a folder",
        ),
        (
            lambda: model.evaluate((IMAGES, [*"abcd"]), split="train"),
            "split: expected none with data=(images, labels)",
        ),
        (
            lambda: model.evaluate((IMAGES, [*"abcd"]), data_dir="A"),
            "data_dir: expected none with data=(images, labels)",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(says)) as error:
            ask()
        assert "\n" not in str(error.value)


def test_pictures_may_come_one_by_one_from_a_generator(tmp_path):
    model = Classifier(architectures.cnn((16, 16, 1), 3), Card(NAMES, (16, 16, 1)))
    for name in "ab":
        Image.fromarray(IMAGES[0]).save(tmp_path / f"{name}.png")
    assert len(model.predict(tmp_path.glob("*.png"))) == 2
    assert len(model.predict(iter(IMAGES))) == 4
    assert len(model.predict_proba(iter(IMAGES))) == 4


def test_what_judges_is_taken_from_all_of_the_images(monkeypatch):
    """They may be sorted by class."""
    written = []

    def write(folder, train, test):
        written.append(test)
        raise TrainerError("enough")

    monkeypatch.setattr(arrays, "write", write)
    images = np.zeros((2001, 4, 4), np.uint8)
    with pytest.raises(TrainerError, match="enough"):
        Classifier.fit((images, np.arange(2001) // 667), verbose=False)
    ((judging, labels),) = written
    assert len(judging) == 667
    assert np.bincount(labels).tolist() == [223, 222, 222]


def test_numbers_of_numpy_are_those_of_the_settings():
    number = training._whole("seed", np.int64(3), 0)
    assert (type(number), number) == (int, 3)
    rate = training._above_0("learning_rate", np.float32(0.5))
    assert (type(rate), rate) == (float, 0.5)


@pytest.mark.parametrize(
    "line",
    [
        "Balanced accuracy 0.5 is",
        "balanced accuracy 0.5  95%",
        "9 steps in all are few t",
    ],
)
def test_a_verdict_stays_on_a_terminal(line):
    stream = io.StringIO()
    lines._OneLine(stream).write(f"{line}\n")
    assert stream.getvalue() == f"\r{line}\n"


def test_on_a_terminal_and_in_a_notebook_lines_take_each_others_place(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", stream)
    with lines.shown(verbose=True):
        print("odd: three images are alike")
        print("epoch 1/2  step 40/469")
        print("epoch 1/2")
        print("final  test_accuracy 0.9")
    assert stream.getvalue() == (
        "\rodd: three images are alike\n"
        "\repoch 1/2  step 40/469"
        "\repoch 1/2             "
        "\rfinal  test_accuracy 0.9\n"
    )


@pytest.mark.parametrize(("times", "went_on"), [(1, True), (2, False)])
def test_an_interrupt_waits_for_the_steps_in_progress_once_and_is_forgotten(
    times, went_on
):
    before, after = signal.getsignal(signal.SIGINT), []

    def interrupted():
        with signals.borrowed(), signals.held_back():
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
            after.append(signals.received())

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert after == [True] * went_on
    assert signal.getsignal(signal.SIGINT) is before
    assert not signals.received()


def test_importing_the_trainer_is_light_and_names_what_it_has(nothing_heavy):
    code = "import trainer; trainer.Other"
    found = processes.end(processes.start("-c", code, path=nothing_heavy))
    assert "has no attribute 'Other'" in found.stderr.splitlines()[-1]
    assert set(trainer.__all__) == {"Classifier", "ImageClassifier"}


@pytest.fixture(scope="module")
def digits():
    """A thousand rendered digits, and a network that has learned of others."""
    keras.utils.set_random_seed(0)
    part = render_digits.TRAIN
    images = np.concatenate([*render_digits.images(3000, 1, part)])[..., np.newaxis]
    labels = np.concatenate([*render_digits.labels(3000, 1, part)])
    network = architectures.cnn(
        (28, 28, 1), 10, (float(images.mean()), float(images.std()))
    )
    network.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    network.fit(images[:2000], labels[:2000], 50, epochs=4, verbose=0)
    return images[2000:, ..., 0], network


@pytest.mark.parametrize("how", ["ink", "whole"])
def test_a_thousand_pictures_are_answered_alike_wherever_the_model_is_used(
    digits, how, tmp_path
):
    """Upright and enlarged, by program, page, Python and each export, of its card."""
    page = pytest.importorskip("trainer.picture.page", exc_type=ModuleNotFoundError)
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    upright, network = digits
    names = tuple(f"digit {n}" for n in range(10))
    saved.save(tmp_path / "m.keras", network, Card(names, (28, 28, 1), how))
    model = Classifier.load(tmp_path / "m.keras")
    version = exported.write(model.network, model.card, tmp_path / "out", onnx=True)

    lite = interpreter.Interpreter(str(version / "model.tflite")).get_signature_runner()
    onnx = onnxruntime.InferenceSession(version / "model.onnx")
    served = tf.saved_model.load(version).signatures["serving_default"]
    with zipfile.ZipFile(version / "model.tflite") as archive:
        lites_card = archive.read("card.json")
    exports = [
        (
            (version / "assets.extra" / "card.json").read_bytes(),
            lambda pixels: next(
                iter(served(image=tf.constant(pixels)).values())
            ).numpy(),
        ),
        (lites_card, lambda pixels: next(iter(lite(image=pixels).values()))),
        (
            onnx.get_modelmeta().custom_metadata_map["card"],
            lambda pixels: onnx.run(None, {"image": pixels})[0],
        ),
    ]
    built = page.build(model.network, model.classes, model.card.fit, "m")
    (answer,) = {function.fn for function in built.fns.values()}

    for pictures in upright, np.kron(upright, np.ones((3, 3), np.uint8)):
        expected = [p.name for p in model.predict(pictures)]
        assert len(set(expected)) == 10
        path = tmp_path / "pictures-idx3-ubyte"
        path.write_bytes(encode(pictures))
        by_program = classify.predict(
            *(model.network, model.classes, [str(path)]), complain=pytest.fail, how=how
        )
        assert [p.name for p in by_program] == expected
        # It takes them one at a time: all of them once, as they mostly come there.
        step = 1 if how == "ink" and pictures is not upright else 10
        shown = [best_of(answer, picture, how) for picture in pictures[::step]]
        assert shown == expected[::step]
        for text, outputs_of in exports:
            card, _ = cards.of_json(text)
            pixels = np.stack(
                [
                    fit.fit(Image.fromarray(x), card.image_shape, how=card.fit).pixels
                    for x in pictures
                ]
            )
            best = outputs_of(pixels).argmax(axis=1)
            assert [card.label_names[k] for k in best] == expected


def best_of(answer, picture, how):
    """Returns the best class of what the page says of a picture that is dropped there."""
    return re.search(r'dir="auto">([^<]+)<', said_of(answer, picture, how))[1]


def said_of(answer, picture, how):
    """Returns what the page says of a picture that is dropped there."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=1)
    data = base64.b64encode(stream.getvalue()).decode()
    dropped = {"name": "a.png", "data": f"data:image/png;base64,{data}"}
    return answer(dropped, how, "auto")
