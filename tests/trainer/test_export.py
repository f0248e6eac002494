"""A network for other programs."""

import dataclasses
import functools
import pathlib
import resource
import sys
import types
import zipfile

import keras
import numpy as np
import processes
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter
from idx_files import write_set

from trainer import export
from trainer.data import source
from trainer.errors import TrainerError
from trainer.network import architectures, exported, models, saved
from trainer.network import card as cards
from trainer.network.card import Card

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("ant", "bee", "café")
CARD = Card(NAMES, (20, 20, 1), "ink", settings={"dataset": "own"})
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 20, 31, 1), np.uint8)


def card_of(network):
    return Card(NAMES, network.input_shape[1:])


@pytest.fixture(scope="module", params=["cnn", "deep", "strong"])
def export_of(request, tmp_path_factory):
    """A network after some training, and the folder that it was exported to."""
    keras.utils.set_random_seed(0)
    network = models.MODELS[request.param].build((20, 31, 1), 3, (130, 70))
    network.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    network.fit(IMAGES, np.arange(7) % 3, epochs=2, verbose=0)
    folder = tmp_path_factory.mktemp("export")
    exported.write(network, card_of(network), folder)
    return network, folder


@pytest.fixture(scope="module")
def onnxruntime():
    """What runs ONNX files, where what writes them is there, too."""
    reason = "it comes with pip install '.[test]'"
    pytest.importorskip("tf2onnx", reason=reason)
    return pytest.importorskip("onnxruntime", reason=reason)


@pytest.fixture
def network():
    return architectures.cnn((20, 20, 1), 3)


@pytest.mark.parametrize("count", [1, 7])
def test_tensorflow_serving_gets_the_same_probabilities_for_any_number_of_images(
    export_of, count
):
    network, folder = export_of
    served = tf.saved_model.load(folder / "1").signatures["serving_default"]
    (outputs,) = served(image=tf.constant(IMAGES[:count])).values()
    expected = network.predict(IMAGES[:count], verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 7])
def test_litert_gets_the_same_probabilities_for_any_number_of_images(export_of, count):
    network, folder = export_of
    lite = interpreter.Interpreter(str(folder / "1" / "model.tflite"))
    (outputs,) = lite.get_signature_runner()(image=IMAGES[:count]).values()
    expected = network.predict(IMAGES[:count], verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 7])
def test_onnx_gets_the_same_probabilities_for_any_number_of_images(
    export_of, onnxruntime, tmp_path, count
):
    network, _ = export_of
    exported.write(network, card_of(network), tmp_path, onnx=True)
    session = onnxruntime.InferenceSession(tmp_path / "1" / "model.onnx")
    (image,) = session.get_inputs()
    assert (image.name, image.type) == ("image", "tensor(uint8)")
    (outputs,) = session.run(None, {"image": IMAGES[:count]})
    expected = network.predict(IMAGES[:count], verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4)


def test_a_version_has_all_of_it_and_nothing_else_is_left(export_of):
    _, folder = export_of
    assert saved.read_labels(folder / "1", 3) == NAMES
    assert [path.name for path in folder.iterdir()] == ["1"]
    found = {f"{path.relative_to(folder)}" for path in folder.glob("1/*")}
    keras_own = {"assets", "fingerprint.pb", "saved_model.pb", "variables"}
    ours = {"assets.extra", "labels.txt", "model.tflite"}
    assert found == {f"1/{name}" for name in keras_own | ours}


def test_each_format_has_the_card_in_its_own_place(network, onnxruntime, tmp_path):
    images = np.zeros((2, 20, 20, 1), np.uint8)
    version = exported.write(network, CARD, tmp_path, onnx=True, calibration=images)
    texts = [(version / "assets.extra" / "card.json").read_text(encoding="utf-8")]
    for name in ("model.tflite", "model-int8.tflite"):
        with zipfile.ZipFile(version / name) as archive:
            texts.append(archive.read("card.json").decode())
            assert archive.read("labels.txt").decode() == "ant\nbee\ncafé\n"
    session = onnxruntime.InferenceSession(version / "model.onnx")
    texts.append(session.get_modelmeta().custom_metadata_map["card"])
    assert [cards.of_json(text)[0] for text in texts] == [CARD] * 4


def test_an_older_export_stays_as_it_is(network, onnxruntime, tmp_path):
    """That of other classes, which would else be under this one's names."""
    older = exported.write(network, CARD, tmp_path, onnx=True)
    before = {path: path.read_bytes() for path in older.rglob("*") if path.is_file()}
    other = dataclasses.replace(CARD, label_names=("x", "y", "z"))
    newer = exported.write(network, other, tmp_path)
    assert before == {path: path.read_bytes() for path in before}
    assert not (newer / "model.onnx").exists()


def test_each_export_is_the_version_after_the_highest(network, tmp_path):
    (tmp_path / "out" / "41").mkdir(parents=True)
    for number in ("42", "43"):
        version = exported.write(network, CARD, tmp_path / "out")
        assert version == tmp_path / "out" / number
        assert (version / "saved_model.pb").exists()


def test_others_may_read_what_one_user_exported(network, tmp_path):
    """As the user that TensorFlow Serving runs as."""
    version = exported.write(network, card_of(network), tmp_path)
    for path in (version, version / "saved_model.pb", version / "model.tflite"):
        assert path.stat().st_mode & 0o004


@pytest.mark.parametrize("limit", [4_000, 40_000])
def test_a_full_disk_leaves_nothing_that_could_be_served(network, tmp_path, limit):
    """Wherever the export stops: no file may be longer than so many bytes."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
    try:
        with pytest.raises(TrainerError) as error:
            exported.write(network, card_of(network), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    message = str(error.value)
    assert message.startswith(f"--export_dir={tmp_path}: expected a folder that can be")
    assert "too large" in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_a_layer_that_litert_does_not_have_is_an_error(tmp_path):
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    x = keras.layers.Reshape((4, 4))(keras.layers.Rescaling(1 / 255)(inputs))
    network = keras.Model(inputs, keras.ops.svd(x)[1])
    with pytest.raises(TrainerError, match="expected a network that can be exported"):
        exported.write(network, card_of(network), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_operation_that_onnx_does_not_have_is_an_error(onnxruntime, tmp_path):
    """LiteRT has it; the converter would write a file that nothing could run."""
    inputs = keras.Input((4,), dtype="uint8")
    x = keras.ops.cast(inputs, "int32")
    x = keras.ops.cast(keras.ops.bitwise_xor(x, x + 1), "float32")
    network = keras.Model(inputs, keras.ops.softmax(x))
    with pytest.raises(TrainerError, match=r"model\.onnx: expected a network that can"):
        exported.write(network, card_of(network), tmp_path, onnx=True)
    assert not list(tmp_path.iterdir())
    exported.write(network, card_of(network), tmp_path)
    assert (tmp_path / "1" / "model.tflite").exists()


def test_onnx_without_its_converter_is_an_error_that_says_how_to_have_it(
    monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # As if it were not there.
    with pytest.raises(TrainerError) as error:
        exported.check(tmp_path / "out", onnx=True)
    assert str(error.value) == (
        "--onnx: expected the package tf2onnx, without which model.onnx cannot be "
        "written, found none. It comes with pip install 'mnist-idx-tfds[onnx]'."
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["", "x"])
def test_a_folder_that_cannot_be_made_is_an_error(network, tmp_path, below):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / below
    message = f"--export_dir={folder}: expected a folder that can be written"
    with pytest.raises(TrainerError, match=message):
        exported.write(network, card_of(network), folder)
    with pytest.raises(TrainerError, match=message):
        exported.check(folder)


def test_to_try_a_folder_makes_it_and_leaves_nothing_in_it(tmp_path):
    exported.check(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())


def test_a_defect_of_this_program_is_not_taken_for_a_networks(tmp_path):
    """Only what Keras and the converter raise is."""
    with pytest.raises(AttributeError):
        exported.write(architectures.cnn((20, 20, 1), 3), None, tmp_path)


run = functools.partial(processes.run, "trainer.export")


def test_the_program_exports_a_saved_network_and_says_where_in_one_line(
    network, tmp_path
):
    saved.save(tmp_path / "model.keras", network, CARD)
    out = tmp_path / "out"
    result = run(f"--model={tmp_path / 'model.keras'}", f"--export_dir={out}")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"exported to {out / '1'}\n"
    text = (out / "1" / "assets.extra" / "card.json").read_text(encoding="utf-8")
    assert cards.of_json(text)[0] == CARD


def test_the_program_writes_other_formats_where_asked_and_names_files_of_version_1_1_0(
    network, onnxruntime, tmp_path
):
    """Which are where today's users look for them."""
    saved.save(tmp_path / "model.keras", network, CARD)
    out = tmp_path / "out"
    args = (f"--model={tmp_path / 'model.keras'}", f"--export_dir={out}")
    result = run(*args, "--onnx", "--tfjs", "--html")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"exported to {out / '1'}\n"
    for name in ("model.onnx", "tfjs/model.json", "tfjs/weights.bin", "page.html"):
        assert (out / "1" / name).exists()
    page = (out / "1" / "page.html").read_text(encoding="utf-8")
    assert f"<title>{tmp_path.name}</title>" in page
    (out / "model.tflite").touch()
    result = run(*args)
    assert (result.returncode, result.stderr) == (0, "")
    older = f"{out / 'model.tflite'} is of an earlier export; this one's files are in"
    assert result.stdout == f"exported to {out / '2'}\n{older} {out / '2'}\n"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A model beside its settings, and the set that these name, in classes of names."""
    folder = tmp_path_factory.mktemp("own")
    keras.utils.set_random_seed(0)
    made = write_set(folder / "set", train=25, test=40, shape=(20, 20), num_classes=3)
    (folder / "set" / "labels.txt").write_text("café\nbee\nant\n")
    builder = source.prepare(str(folder / "data"), None, str(folder / "set"))
    run_of_model = {
        "dataset": builder.info.full_name,
        "data_dir": str(folder / "data"),
        "train_split": "train[:80%]",
        "eval_split": "train[80%:]",
    }
    card = dataclasses.replace(CARD, settings=run_of_model)
    saved.save(folder / "model.keras", architectures.cnn((20, 20, 1), 3), card)
    return folder, made, builder


def test_the_program_prints_size_and_accuracy_of_the_quantized_beside_the_other(
    own, tmp_path
):
    """Of the set that flags say, whose classes have another order than the model's."""
    folder, made, _ = own
    model, data = f"--model={folder / 'model.keras'}", f"--data_dir={folder / 'data'}"
    args = (model, data, f"--idx_dir={folder / 'set'}", f"--export_dir={tmp_path}")
    result = run(*args, "--quantize")
    assert (result.returncode, result.stderr) == (0, "")
    _, from_what, *lines = result.stdout.splitlines()
    assert from_what.startswith("calibrated on 25 of 25 images of mnist_idx_tfds/set-")
    assert from_what.endswith(", split train; accuracy on 40 of split test")
    images, labels = made["test"]
    right = 2 - labels  # As the model has them.
    files = [tmp_path / "1" / f"model{kind}.tflite" for kind in ("", "-int8")]
    for file, line in zip(files, lines, strict=True):
        lite = interpreter.Interpreter(str(file))
        (outputs,) = lite.get_signature_runner()(image=images[..., None]).values()
        accuracy = np.mean(outputs.argmax(1) == right)
        size = f"{file.stat().st_size:,}"
        assert line.split() == [file.name, size, "bytes", f"{accuracy:.4f}"]
    assert files[1].stat().st_size < files[0].stat().st_size / 1.5


def test_the_program_quantizes_with_the_data_of_the_models_run(own, tmp_path):
    folder, _, builder = own
    args = (f"--model={folder / 'model.keras'}", f"--export_dir={tmp_path}")
    result = run(*args, "--quantize")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1] == (
        f"calibrated on 20 of 20 images of {builder.info.full_name}, split "
        "train[:80%]; accuracy on 5 of split train[80%:]"
    )


def test_calibration_is_on_images_from_all_over_the_split():
    """In batches that do not divide by the steps between them."""
    numbers = np.arange(1203, dtype=np.uint16).reshape(-1, 1)
    batches = [
        (numbers[at : at + 100], numbers[at : at + 100]) for at in range(0, 1203, 100)
    ]
    split = types.SimpleNamespace(examples=1203, watched=lambda doing: batches)
    np.testing.assert_array_equal(export._spread(split), numbers[::3])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--quantize", "--eval_split=valid"], "--eval_split=valid: expected train"),
        (["--quantize", "--train_split=x"], "--train_split=x: expected train"),
        (["--eval_split=test"], "--eval_split is for --quantize"),
        (["--idx_dir=DIR"], "--idx_dir is for --quantize"),
    ],
)
def test_what_does_not_go_with_quantizing_is_one_line_and_nothing_is_written(
    own, tmp_path, args, message
):
    out = tmp_path / "out"
    result = run(f"--model={own[0] / 'model.keras'}", f"--export_dir={out}", *args)
    code = 1 if "--quantize" in args else 2
    assert (result.returncode, result.stdout) == (code, "")
    (line,) = result.stderr.splitlines()
    assert message in line
    assert not out.exists() or not list(out.iterdir())


def test_a_command_without_a_folder_is_one_line():
    result = run("--model=model.keras")
    assert (result.returncode, result.stdout) == (2, "")
    expected = "trainer.export: flag --export_dir=None: expected a folder. See python"
    (line,) = result.stderr.splitlines()
    assert line.startswith(expected)
