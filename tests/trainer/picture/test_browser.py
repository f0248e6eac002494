"""The page that has a network in it, in a browser; and the network in Node.js."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess

import keras
import numpy as np
import pytest
from pads import ONE, SEVEN, Pad, picture
from PIL import Image

from mnist_idx_tfds import idx, render_digits
from mnist_idx_tfds.pictures import making
from trainer.errors import TrainerError
from trainer.network import models, tfjs
from trainer.network.card import Card
from trainer.picture import browser, classify, fit, pad

NAMES = (
    "sífr",
    "एक",
    "</script>",
    "三",
    "<b>4</b>",
    "خمسة",
    "six",
    "семь",
    "8",
    "nine",
)
PICTURE = ".choose input"
TFJS = pathlib.Path(browser.__file__).parent / "tfjs"
NETWORKS = (
    ("cnn", (20, 31, 1), 3),
    ("deep", (28, 28, 3), 300),
    ("strong", (90, 100, 3), 7),
    ("photo", (40, 40, 1), 5),
)


def written(path, network, names, how="whole", calibration=None):
    """Writes the page of a network and returns where it is."""
    model, weights = tfjs.written(network, "--html").artifacts(small=True)
    values = names, network.input_shape[1:], how, calibration
    card = dict(zip(browser.KNOWN, values, strict=True))
    page = browser.page(model, weights, card, pad.is_dark(network, how), "A <run>")
    (path / "page.html").write_bytes(page)
    return (path / "page.html").as_uri()


def built(name, shape, classes):
    """A network whose answers differ, and images for it."""
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    network = models.MODELS[name].build(shape, classes, (120.0, 70.0))
    layers = [
        x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)
    ]
    for layer in layers if name == "strong" else ():
        layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    if name == "photo":
        last = network.layers[-1]
        last.set_weights([random.normal(0, 0.05, w.shape) for w in last.weights])
    return network, random.integers(0, 256, (2, *shape), np.uint8)


@pytest.fixture(scope="module")
def network():
    """A network that knows rendered digits."""
    keras.utils.set_random_seed(0)
    images = np.concatenate([*render_digits.images(2000, 1, render_digits.TRAIN)])
    labels = np.concatenate([*render_digits.labels(2000, 1, render_digits.TRAIN)])
    pixels = float(images.mean()), float(images.std())
    network = models.MODELS["cnn"].build((28, 28, 1), 10, pixels)
    network.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    network.fit(images[..., None], labels, 50, epochs=6, verbose=0)
    return network


@pytest.fixture(scope="module")
def address(network, tmp_path_factory):
    """Where its page is."""
    return written(tmp_path_factory.mktemp("page"), network, NAMES, "ink")


@pytest.fixture
def page(chromium, address):
    """Its page in a browser, whose context has no network."""
    page = Pad(chromium, address)
    page.context.set_offline(True)
    yield page
    page.context.close()
    assert page.errors == []
    asked = [url for url in page.asked if not url.startswith(("data:", "blob:"))]
    assert asked == [address]


def computed(page, images):
    """The probabilities of all classes that the network in a page has."""
    found = page.page.evaluate(
        """async ([images]) => {
          const pixels = images.map((all) => Uint8Array.from(all));
          return Array.from((await call(await network, pixels))[0]);
        }""",
        [[image.ravel().tolist() for image in images]],
    )
    return np.reshape(found, (len(images), -1))


def predicted(network, path, names=NAMES, how="ink", invert="auto"):
    """What `trainer.predict` says of a picture."""
    options = {"complain": pytest.fail, "how": how, "invert": invert}
    (found,) = classify.predict(network, names, [str(path)], **options)
    return [(c["name"], c["probability"]) for c in found.predictions]


def same(said, expected):
    """Whether a page's names and shares are what was predicted."""
    names, shares = said
    return names == [name for name, _ in expected] and np.allclose(
        [float(share.rstrip("%")) / 100 for share in shares],
        [share for _, share in expected],
        atol=1e-3,
    )


def test_no_other_answer_and_probabilities_within_a_thousandth(page, network, request):
    """Of 300 test images of MNIST, where they are; else of rendered digits."""
    try:
        folder = request.getfixturevalue("mnist_idx_dir")
    except pytest.skip.Exception:
        images = np.concatenate([*render_digits.images(300, 1, render_digits.TEST)])
    else:
        (path,) = folder.glob("t10k-images*")
        images = next(iter(idx.read(path)))[:300]
    expected = classify.probabilities(network, images[..., None])
    found = computed(page, images)
    assert (found.argmax(1) == expected.argmax(1)).all()
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(("name", "shape", "classes"), NETWORKS)
def test_every_network_has_its_probabilities_in_gray_and_color(
    chromium, tmp_path, name, shape, classes
):
    network, images = built(name, shape, classes)
    names = tuple(map(str, range(classes)))
    page = Pad(chromium, written(tmp_path, network, names))
    expected = classify.probabilities(network, images)
    np.testing.assert_allclose(computed(page, images), expected, atol=1e-3)
    page.context.close()


def test_pixels_are_those_of_predict_bit_for_bit(page):
    """Of pictures of all sizes, gray and in color, as ink and whole, inverted or not."""
    random = np.random.default_rng(0)
    cases, expected = [], []
    for n in range(90):
        channels = (1, 3)[n % 3 == 2]
        height, width = random.integers(1, 90, 2) if n % 4 else (28, 20)
        pixels = random.integers(0, 256, (height, width, channels), np.uint8)
        if n % 5:  # Some with much paper, and some symmetric, whose center is a tie.
            pixels[: height // 3] = pixels[:, : width // 4] = random.choice([0, 240])
            pixels = np.maximum(pixels, pixels[:, ::-1])
        shape = (28, 28, channels) if n % 2 else (20, 33, channels)
        how, invert = ("ink", "whole")[n // 6 % 2], ("auto", "yes", "no")[n % 3]
        try:
            made = fit.fit(making.of_pixels(pixels), shape, invert, how)
        except TrainerError:
            continue
        image = {"height": height, "width": width, "channels": channels}
        cases.append([image, pixels.ravel().tolist(), shape, invert, how])
        expected.append([made.inverted, *made.pixels.ravel().tolist()])
    found = page.page.evaluate(
        """(cases) => cases.map(([image, data, shape, invert, how]) => {
          const made = fit({ ...image, data: Uint8Array.from(data) }, shape, invert, how);
          return [made.inverted, ...made.pixels.data];
        })""",
        json.loads(json.dumps(cases, default=int)),
    )
    assert len(found) > 70
    assert found == expected


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_has_the_answer_of_predict(page, network, tmp_path, suffix):
    """Dropped as a file, as its ink and whole, light and dark exchanged or not."""
    path = tmp_path / f"seven.{suffix}"
    picture(path, SEVEN)
    page.page.set_input_files(PICTURE, path)
    assert same(page.best(), predicted(network, path))
    assert page.best()[0][0] == NAMES[7]
    whole = page.after(lambda: page.page.get_by_label("the whole of it").check())
    assert same(whole, predicted(network, path, how="whole"))
    seen = page.page.evaluate("async () => Array.from((await seen()).pixels.data)")
    loaded = classify.load(path, (28, 28, 1), "whole")
    pixels = fit.fit(loaded, (28, 28, 1), how="whole").pixels.ravel()
    # A large JPEG is decoded at a part of its size there, and averaged here.
    apart = np.abs(np.subtract(seen, pixels, dtype=np.int16))
    assert apart.max() <= (0, 2)[suffix == "jpg"]
    exchanged = page.after(lambda: page.page.get_by_label("yes").check())
    assert same(exchanged, predicted(network, path, how="whole", invert="yes"))


def test_what_is_transparent_or_turned_is_seen_as_predict_sees_it(
    page, network, tmp_path
):
    """White ink on nothing, and a photo that its EXIF data turn."""
    picture(tmp_path / "dark.png", SEVEN)
    ink = Image.open(tmp_path / "dark.png").point(lambda value: 255 * (value < 100))
    white = Image.new("L", ink.size, 255)
    Image.merge("LA", (white, ink)).save(tmp_path / "white.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(tmp_path / "dark.png").rotate(90, expand=True)
    turned.save(tmp_path / "turned.jpg", exif=exif)
    for name in ("white.png", "turned.jpg"):
        path = tmp_path / name
        said = page.after(lambda p=path: page.page.set_input_files(PICTURE, p))
        assert said[0][0] == NAMES[7]
        assert same(said, predicted(network, path))


def test_strokes_add_up_until_the_pad_is_cleared(page):
    page.draw(ONE)
    line = page.best()
    assert page.after(lambda: page.draw([(0.2, 0.5), (0.8, 0.5)])) != line
    page.page.get_by_role("button", name="Clear").click()
    page.page.get_by_text("three best classes appear here").wait_for()
    page.draw(ONE)
    assert page.best() == line


def test_a_browser_without_webassembly_computes_the_same(chromium, address):
    script = "delete globalThis.WebAssembly;"
    said = []
    for given in ("", script):
        page = Pad(chromium, address, script=given)
        page.draw(SEVEN)
        said.append(page.best())
        page.context.close()
        assert page.errors == []
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "data", [b"text", b"", None], ids=["text", "empty", "cut short"]
)
def test_a_file_that_is_no_picture_gets_a_sentence(page, tmp_path, data):
    """And the next picture an answer."""
    path, bad = tmp_path / "seven.png", tmp_path / "<i>.png"
    picture(path, SEVEN)
    whole = path.read_bytes()
    bad.write_bytes(whole[:60] if data is None else data)
    page.page.set_input_files(PICTURE, bad)
    page.page.locator(".answer .error").wait_for()
    assert page.page.inner_text(".answer").startswith("<i>.png: this is no picture, or")
    page.page.set_input_files(PICTURE, path)
    assert page.best()[0][0] == NAMES[7]


def test_an_empty_picture_gets_a_sentence(page, tmp_path):
    Image.new("L", (50, 50), 255).save(tmp_path / "empty.png")
    page.page.set_input_files(PICTURE, tmp_path / "empty.png")
    page.page.get_by_text("There is no ink that is lighter").wait_for()


def test_where_nobody_knows_how_to_fit_the_page_asks(chromium, network, tmp_path):
    page = Pad(chromium, written(tmp_path, network, NAMES, None))
    page.draw(SEVEN)
    page.page.get_by_text("Choose what of a picture to take").wait_for()
    page.page.get_by_label("its ink").check()
    assert page.best()[0][0] == NAMES[7]
    page.context.close()


def test_a_picture_is_taken_with_the_camera_where_there_is_one(page):
    """That of the browser's own making, which draws a pattern."""
    page.page.evaluate(
        """() => {
          const canvas = document.createElement("canvas");
          canvas.getContext("2d").fillRect(20, 20, 60, 60);
          const stream = canvas.captureStream(20);
          setInterval(() => canvas.getContext("2d").fillRect(20, 20, 60, 60), 40);
          navigator.mediaDevices.getUserMedia = async () => stream;
        }"""
    )
    page.page.get_by_role("button", name="Camera").click()
    page.page.get_by_role("button", name="Take picture").click()
    assert len(page.best()[0]) == 3
    page.page.get_by_role("button", name="Camera").wait_for()
    assert page.page.evaluate("document.querySelector('video').hidden")


def test_a_camera_that_may_not_be_used_is_a_sentence(page):
    page.page.get_by_role("button", name="Camera").click()
    page.page.get_by_text("No camera can be used here").wait_for()


def test_names_are_text_in_any_script(page):
    """One would end the script that it is in, and one is HTML."""
    page.page.evaluate(
        """() => {
          const pixels = { width: 1, height: 1, channels: 1, data: [0] };
          show({ pixels }, [0, 0, 0.5, 0, 0.3, 0.2, 0, 0, 0, 0], [1]);
        }"""
    )
    assert page.best()[0] == ["</script>", "<b>4</b>", "خمسة"]
    assert page.page.title() == "A <run>"


@pytest.fixture(scope="module")
def in_color(tmp_path_factory):
    """The page of a network for color, with hundreds of classes of long names."""
    names = tuple(f"{'字W' * 40} {n}" for n in range(300))
    network = models.MODELS["cnn"].build((20, 32, 3), 300)
    return written(tmp_path_factory.mktemp("color"), network, names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_page_fits_the_screen_and_the_readers_light(chromium, in_color, width, scheme):
    page = Pad(chromium, in_color, width, scheme)
    page.draw(SEVEN)
    assert all(name.startswith("字W") for name in page.best()[0])
    assert page.page.evaluate("document.documentElement.scrollWidth") == width
    color = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", color)[0]) > 128) == (scheme == "light")
    page.context.close()
    assert page.errors == []


def test_tensorflow_js_is_the_one_that_is_written_down():
    text = (TFJS / "README.md").read_text(encoding="utf-8")
    digests = dict(re.findall(r"^\| `(\S+)` \| `(\w{64})` \|$", text, re.M))
    assert len(digests) == 2
    for name, digest in digests.items():
        assert hashlib.sha256((TFJS / name).read_bytes()).hexdigest() == digest


# TensorFlow.js as it is in a page, but in Node.js.
NODE = """
const { readFileSync } = require("fs");
const vm = require("vm");
const own = { console, performance, setTimeout, TextDecoder, TextEncoder };
const window = { document: {}, performance, fetch() {} };
const context = vm.createContext({ ...own, window, navigator: { userAgent: "" } });
const [, bundle, folder] = process.argv;
context.read = (name) => readFileSync(`${folder}/${name}`);
vm.runInContext(readFileSync(bundle, "utf8"), context);
vm.runInContext(`(async () => {
  await tf.setBackend("cpu");
  const { format, modelTopology, weightsManifest: [part], userDefinedMetadata } =
    JSON.parse(read("tfjs/model.json"));
  const weightData = Uint8Array.from(read("tfjs/" + part.paths[0])).buffer;
  const artifacts = { format, modelTopology, weightSpecs: part.weights, weightData };
  const model = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  const { shape, pixels } = JSON.parse(read("images.json"));
  const found = await model.predict(tf.tensor(pixels, shape)).data();
  console.log(JSON.stringify([Array.from(found), userDefinedMetadata]));
})()`, context);
"""


@pytest.mark.parametrize(("name", "shape", "classes"), NETWORKS)
def test_a_layers_model_has_the_same_probabilities_in_node(
    tmp_path, name, shape, classes
):
    if not (node := shutil.which("node")):
        pytest.skip("node is not on PATH")
    network, images = built(name, shape, classes)
    card = Card(tuple(map(str, range(classes))), shape)
    (tmp_path / "tfjs").mkdir()
    for file, data in tfjs.written(network, "--tfjs").files(card).items():
        (tmp_path / file).write_bytes(data)
    given = {"shape": images.shape, "pixels": images.ravel().tolist()}
    (tmp_path / "images.json").write_text(json.dumps(given))
    args = (node, "-e", NODE, TFJS / "tfjs.min.js", tmp_path)
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    found, metadata = json.loads(done.stdout.splitlines()[-1])
    expected = classify.probabilities(network, images)
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, atol=1e-5)
    assert metadata["card"] == json.loads(card.to_json())


def test_layers_that_cannot_be_written_are_named():
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="gelu", name="first"),
            layers.Dropout(0.1),
            layers.ReLU(negative_slope=0.5, name="second"),
            layers.UnitNormalization(name="third"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    with pytest.raises(TrainerError) as error:
        tfjs.written(network, "--html")
    assert str(error.value) == (
        "--html: expected layers that can be written for TensorFlow.js, found others: "
        "Conv2D (first, activation=gelu), ReLU (second, negative_slope=0.5), "
        "UnitNormalization (third). Without it, the network is exported for other "
        "programs."
    )


def test_what_is_unlike_all_that_was_learned_is_marked_as_the_card_says(
    chromium, network, tmp_path
):
    """By the formula of the card, of two layers; and what is of one color."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 28, 28, 1), np.uint8)
    images[5] = 7
    layers = [x for x in network.layers if isinstance(x, keras.layers.ReLU)]
    maps = keras.Model(network.inputs[0], [x.output for x in layers])(images)
    v = np.concatenate([np.mean(x, axis=(1, 2)) for x in maps], axis=1)
    axes = np.linalg.qr(random.normal(size=(v.shape[1], 3)))[0].T
    mean, scale, spread = v.mean(axis=0), v.std(axis=0) + 0.1, np.array([2, 1, 0.5])
    u = (v - mean) / scale
    z = u @ axes.T
    scores = (z**2 / spread).sum(1) + ((u**2).sum(1) - (z**2).sum(1)) / 0.7
    kept = {"mean": mean, "scale": scale, "axes": axes, "spread": spread}
    kept = {name: values.tolist() for name, values in kept.items()}
    kept |= {"layers": [x.name for x in layers], "rest": 0.7, "blank": True}
    kept["most"] = float(np.median(scores[:5]) + 1e-3)
    familiar = {"familiar": kept}
    page = Pad(chromium, written(tmp_path, network, NAMES, "ink", familiar))
    found = page.page.evaluate(
        """(images) => Promise.all(images.map(async (all) => {
          const data = Uint8Array.from(all);
          const [, , ...maps] = await call(await network, [data]);
          return isUnlike(maps, { data, channels: 1 });
        }))""",
        [image.ravel().tolist() for image in images],
    )
    assert found == [*(scores[:5] > kept["most"]).tolist(), True]
    assert set(found[:5]) == {False, True}
    page.page.evaluate("familiar.most = 0")
    page.draw(SEVEN)
    page.best()
    assert page.page.inner_text(".answer").startswith("Unlike anything that it was")
    page.context.close()


def triangles(folder, count):
    """Writes drawings of a triangle, each another."""
    random = np.random.default_rng(0)
    for n in range(count):
        corners = np.array([(0.5, 0.2), (0.2, 0.8), (0.8, 0.8)])
        a, b, c = corners + random.normal(0, 0.03, (3, 2))
        picture(folder / f"{n}.png", [a, b, c, a])
    return [folder / f"{n}.png" for n in range(count)]


def test_a_class_that_is_taught_in_the_page_is_answered_and_kept(
    page, network, tmp_path
):
    """By ten drawings; twenty others have it, and digits have what they had."""
    paths = triangles(tmp_path, 30)
    name = "<b>三角</b>"
    page.page.get_by_text("Add a class").click()
    page.page.set_input_files(".teach .more", paths[:10])
    page.page.get_by_text("Give the class a name first.").wait_for()
    page.page.get_by_label("Name of the class").fill(name)
    page.page.set_input_files(".teach .more", paths[:10])
    page.page.get_by_text(f"{name}: 10 of 10 examples").wait_for()
    page.page.set_input_files(PICTURE, paths[10])
    assert page.best()[0][0] == name
    answered = """(images) => Promise.all(images.map(async (all) => {
      const { names, shares } = withTaught(...(await call(await network, [Uint8Array.from(all)])));
      return names[shares.indexOf(Math.max(...shares))];
    }))"""
    drawn = [fit.fit(Image.open(path), (28, 28, 1)).pixels for path in paths[10:]]
    found = page.page.evaluate(answered, [x.ravel().tolist() for x in drawn])
    assert found.count(name) >= 18
    digits = next(iter(render_digits.images(100, 1, render_digits.TEST)))
    own = classify.probabilities(network, digits[..., None]).argmax(1)
    found = page.page.evaluate(answered, [x.ravel().tolist() for x in digits])
    assert sum(a == NAMES[b] for a, b in zip(found, own, strict=True)) >= 90
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Save as a file").click()
    download.value.save_as(tmp_path / "classes.json")
    page.asked.clear()
    page.page.reload()
    page.page.get_by_text("Add a class").click()
    page.page.get_by_text(f"{name}: 10 of 10 examples").wait_for()
    page.page.get_by_role("button", name="Remove").click()
    page.page.set_input_files(".teach .open", paths[0])
    page.page.get_by_text(
        "0.png: this is no file of classes for this network"
    ).wait_for()
    page.page.set_input_files(".teach .open", tmp_path / "classes.json")
    page.page.get_by_text(f"{name}: 10 of 10 examples").wait_for()
