"""The page about a run: its structure, and how a browser lays it out."""

import base64
import html.parser
import io
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from trainer.quality import curves, measures, report

SETTINGS = {
    "dataset": "own/1.0.0",
    "eval_split": "test",
    "image_shape": [6, 5, 1],
    "train_examples": 60000,
    "learning_rate": 0.01,
    "model": "cnn",
    "seed": 12345,
}
METRICS = [
    {"step": 20, "epoch": 1, "loss": 1.9474, "accuracy": 0.4375},
    {"step": 40, "epoch": 1, "loss": 0.1, "accuracy": 0.97},
    {"step": 40, "epoch": 1, "test_loss": 0.0957, "test_accuracy": 0.9711},
]
# What would be code, and what would be wider than a phone.
BAD_NAMES = (
    "<script>alert(1)</script>",
    "\"&amp;' onload=x",
    "W" * 60,
    "two words that are long, and longer still, and then some",
)
VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use", "rect", "defs"}
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)


class Page(html.parser.HTMLParser):
    """A page's elements, as (tag, attributes), and the text in each kind of tag."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def evaluated(names, examples=200, right=0.7, shape=(6, 5, 1)):
    """An evaluation of random answers, as `evaluate` makes it."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), examples)
    images = rng.integers(0, 256, (examples, *shape), np.uint8)

    class Guess:
        def predict_on_batch(self, images):
            guesses = rng.integers(0, len(names), len(images))
            answers = np.where(rng.random(len(images)) < right, labels, guesses)
            noise = rng.random((len(images), len(names))) / 10
            noise[np.arange(len(images)), answers] += 1
            return (noise / noise.sum(axis=1, keepdims=True)).astype(np.float32)

    return measures.evaluate(Guess(), [(images, labels)], names)


@pytest.fixture
def page(tmp_path):
    def write(result, settings=SETTINGS, metrics=METRICS, evaluated=None, **kwargs):
        path = tmp_path / "r.html"
        report.write(path, settings, metrics, result, evaluated, **kwargs)
        assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
        return Page((tmp_path / "r.html").read_text("utf-8"))

    return write


def pixels(uri):
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    return np.asarray(Image.open(io.BytesIO(data)))


def test_page_has_what_was_run_and_what_came_of_it(page):
    result = evaluated("abc")
    found = page(result)
    assert found.texts["h2"] == [
        *("Learning curves", "Classes", "Confusions", "Do the probabilities hold?"),
        *("Most confident mistakes", "What was run"),
    ]
    (main,) = found.texts["main"]
    low, high = result.verdict.interval
    for text in (
        f"{result.accuracy:.2%} accuracy",
        f"between {low:.2%} and {high:.2%}",
        f"Loss {result.loss:.4f}",
        f"is {result.auc:.2%} in the mean over the classes",
        f"They are {result.calibration_error:.2%} from the truth",
        "own/1.0.0, split test",
    ):
        assert text in main
    assert found.texts["title"] == [f"{result.accuracy:.2%} on own/1.0.0"]
    settings = dict(zip(found.texts["dt"], found.texts["dd"], strict=True))
    assert settings["image shape"] == "6 x 5 x 1"
    assert settings["train examples"] == "60,000"
    assert settings["seed"] == "12345"


@pytest.mark.parametrize(("majority", "leads"), [(60, False), (61, True)])
def test_a_majority_above_60_percent_puts_balanced_accuracy_in_the_heading(
    page, majority, leads
):
    images = np.zeros((100, 6, 5, 1), np.uint8)
    labels = np.arange(100) >= majority

    class Better:
        """Right for all of the majority, and half of the others."""

        def predict_on_batch(self, images):
            return np.eye(2, dtype=np.float32)[
                (labels & (np.arange(100) % 2 == 0)).astype(int)
            ]

    result = measures.evaluate(Better(), [(images, labels.astype(int))], ("up", "down"))
    found = page(result)
    balanced = f"{result.by_classes.value:.2%}"
    assert (f"{balanced} balanced" in found.texts["h1"][0]) == leads
    text = " ".join(found.texts["header"][0].split())
    assert f"most frequent class, up, would be right for {majority}.00%" in text
    assert f"balanced accuracy, the mean of the classes' own, is {balanced}" in text


def test_a_model_no_better_than_the_majority_is_said_to_be_none(page):
    for right, said in ((0, True), (0.9, False)):
        result = evaluated("ab", right=right)
        (header,) = page(result).texts["header"]
        assert ("better than" in header) == said == bool(result.verdict.note)


def test_a_model_for_classes_that_weigh_alike_is_judged_by_balanced_accuracy(page):
    """Right for three quarters of the many and all of the few, where many are 19 in 20."""
    labels = (np.arange(200) % 20 == 0).astype(int)

    class Wary:
        def predict_on_batch(self, images):
            answers = np.where(np.arange(200) % 4 == 1, 1, labels)
            return np.eye(2, dtype=np.float32)[answers]

    images = np.zeros((200, 6, 5, 1), np.uint8)
    result = measures.evaluate(Wary(), [(images, labels)], "ab", balanced=True)
    assert result.by_accuracy.note
    found = page(result)
    (header,) = found.texts["header"]
    low, high = result.by_classes.interval
    assert found.texts["h1"] == ["86.84% balanced accuracy 75.00% accuracy"]
    text = " ".join(header.split())
    assert f"the balanced accuracy lies between {low:.2%} and {high:.2%}" in text
    assert "better than" not in header


def test_page_lists_what_is_odd_about_the_data_set(page):
    findings = ("9 of 10 test images & more", BAD_NAMES[0])
    found = page(evaluated("abc"), findings=findings)
    assert "What is odd about the data set" in found.texts["h2"]
    assert tuple(found.texts["li"][:2]) == findings
    assert "script" not in found.texts
    assert not any("odd" in heading for heading in page(evaluated("abc")).texts["h2"])


def test_page_asks_for_nothing_and_runs_nothing(page):
    found = page(evaluated(BAD_NAMES), SETTINGS | {"dataset": BAD_NAMES[0]})
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:").startswith("data:")
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    for style in [*found.texts["style"], *(str(a) for _, a in found.elements)]:
        assert "@import" not in style
        assert re.findall(r"url\((?!#)", style) == []
    assert any("default-src 'none'" in m.get("content", "") for m in found.all("meta"))


def test_names_are_text_whatever_is_in_them(page):
    result = evaluated(BAD_NAMES)
    found = page(result, SETTINGS | {"dataset": BAD_NAMES[0]})
    (text,) = found.texts["main"]
    for name in BAD_NAMES:
        assert name in text
    assert BAD_NAMES[0] in found.texts["title"][0]


def test_mistakes_are_pictures_with_their_labels(page):
    result = evaluated("abc", examples=400)
    found = page(result)
    images = found.all("img")
    assert len(images) == len(result.mistakes) == 40
    for image, mistake in zip(images, result.mistakes, strict=True):
        np.testing.assert_array_equal(pixels(image["src"]), mistake.image[..., 0])
        assert str(mistake.index) in image["alt"]
    captions = [" ".join(c.split()) for c in found.texts["figcaption"]]
    first = result.mistakes[0]
    true, predicted = "abc"[first.label], "abc"[first.predicted]
    expected = f"true {true} as {predicted} {first.probability:.2%}"
    assert expected in captions


def test_where_the_network_looked_lies_over_each_picture_of_its_form(page):
    """Dark where it did not look, and orange where it did, clear in between."""
    result = evaluated("ab", examples=100, shape=(40, 80, 3))
    looked = np.array([[0, 1], [0.5, 0.5]], np.float32)
    count = len(result.mistakes) + 2
    found = page(result.with_looks(lambda images, labels: np.array([looked] * count)))
    assert "Surest right answers" in found.texts["h2"]
    images = found.all("img")
    assert len(images) == 2 * count
    for picture, over in zip(images[::2], images[1::2], strict=True):
        assert pixels(picture["src"]).shape == (40, 80, 3)
        assert len(over["src"]) < 1000
        data = base64.b64decode(over["src"].partition(",")[2])
        rgba = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)
        assert rgba.shape == (16, 32, 4)
        dark, orange, clear = rgba[0, 0], rgba[0, -1], rgba[-1, 16]
        assert dark[3] > 100 > dark[:3].sum()
        assert orange[3] > 100 < orange[0] - orange[2]
        assert clear[3] < 40


def test_a_mistake_has_its_place_in_the_files_where_it_is_known(page):
    result = evaluated("abc", examples=400)
    assert "counted from 0." not in page(result).texts["main"][0]
    sources = [f"t10k.gz item {n}: {BAD_NAMES[0]}{n}" for n in range(39)]
    found = page(result.with_sources([*sources, None]))
    assert "items are counted from 0." in found.texts["main"][0]
    assert [text for text in found.texts["p"] if text.startswith("t10k")] == sources
    assert "script" not in found.texts


@pytest.mark.parametrize(
    ("border", "paper"),
    [
        ([250], "rgb(250 250 250)"),
        ([0], "rgb(0 0 0)"),
        ([40, 255], "rgb(40 40 40)"),
        ([10, 20, 30], "rgb(10 20 30)"),
        ([10, 20, 30, 255], "rgb(10 20 30)"),
    ],
)
def test_a_picture_stands_on_the_color_of_its_own_border(page, border, paper):
    images = np.full((3, 9, 7, len(border)), border, np.uint8)
    images[:, 1:-1, 1:-1] = 128
    images[:, 0, :3] = 99  # Ink that touches it.

    class Wrong:
        def predict_on_batch(self, images):
            return np.eye(2, dtype=np.float32)[[1] * len(images)]

    result = measures.evaluate(Wrong(), [(images, np.zeros(3, int))], "ab")
    styles = [image["style"] for image in page(result).all("img")]
    assert styles == [f"--paper: {paper}"] * 3


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_large_pictures_are_made_small(page, channels):
    result = evaluated("ab", examples=4, right=0, shape=(400, 200, channels))
    for image in page(result).all("img"):
        assert pixels(image["src"]).shape[:2] == (160, 80)


def test_classes_are_listed_worst_first(page):
    result = evaluated([f"n{i}" for i in range(25)], examples=300)
    found = page(result)
    rows = [cell for cell in found.texts["th"] if re.fullmatch(r"n\d+", cell)]
    expected = [f"n{label}" for label in result.worst_first()]
    assert rows[:25] == expected
    assert found.texts["summary"] == ["Evaluations in numbers", "5 more"]


def test_a_small_confusion_matrix_is_a_table(page):
    result = evaluated("abc")
    cells = [
        int(cell) for cell in page(result).texts["td"] if re.fullmatch(r"\d+", cell)
    ]
    assert str(result.confusion.ravel().tolist())[1:-1] in str(cells)


def test_a_large_confusion_matrix_is_a_picture_with_its_most_frequent_pairs(page):
    names = [f"n{i}" for i in range(31)]
    result = evaluated(names, examples=2000)
    found = page(result)
    picture = pixels(found.all("img")[0]["src"])
    assert picture.shape == (31, 31, 4)
    np.testing.assert_array_equal(picture[..., 3] > 0, result.confusion > 0)
    wrong = result.confusion * (1 - np.eye(31, dtype=np.int64))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    row = f"{names[true]}\n{names[predicted]}\n{wrong.max()}"
    assert row in "\n".join(found.texts["td"])


def test_too_many_classes_have_no_matrix(page):
    (text,) = page(evaluated([f"n{i}" for i in range(1001)])).texts["main"]
    assert "no confusion matrix of 1,001 classes" in text


def test_a_bare_model_has_no_curves_and_says_what_it_was_evaluated_on(page):
    facts = {"model": "m.keras", "dataset": "other/2.0.0", "split": "train[:10%]"}
    found = page(evaluated("ab"), {}, [], facts)
    assert "Learning curves" not in found.texts["h2"]
    assert len(found.all("svg")) == 1  # Of the probabilities.
    assert "m.keras on other/2.0.0, split train[:10%]" in found.texts["main"][0]
    assert found.texts["h3"] == ["Accuracy by probability", "Evaluated on"]


def test_no_mistakes_are_said_to_be_none(page):
    found = page(evaluated("ab", right=1))
    assert "every image is right" in found.texts["main"][0]
    assert "100% accuracy" in found.texts["h1"]
    assert found.all("img") == []


def test_a_model_that_is_always_wrong_has_a_page(page):
    result = evaluated("ab", examples=1, right=0)
    assert result.accuracy in (0, 1)
    assert page(result).texts["h1"] == [f"{result.accuracy:.0%} accuracy"]


def test_an_old_page_stays_where_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    (tmp_path / "r.html").write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        report.write(tmp_path / "r.html", SETTINGS, METRICS, evaluated("ab"))
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert (tmp_path / "r.html").read_text() == "old"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1, "100%"),
        (0.99999, ">99.99%"),
        (0.9916, "99.16%"),
        (0.5, "50.00%"),
        (0.00001, "<0.01%"),
        (0, "0%"),
    ],
)
def test_a_share_looks_like_all_or_nothing_only_where_it_is(share, text):
    assert report.percent(share) == text


def test_curves_have_words_and_the_colors_of_the_page():
    svg = curves.draw(METRICS, "loss")
    assert ">step</text>" in svg
    assert set(re.findall(r"(?:stroke|fill): ([^;\"]*)", svg)) == {
        *("none", "var(--ink)", "var(--line)", "var(--train)", "var(--test)"),
    }


def test_two_curves_share_no_name():
    """As clipping paths and markers are referred to by names of the whole page."""
    loss, accuracy = (
        set(re.findall(r'id="([^"]+)"', curves.draw(METRICS, name)))
        for name in ("loss", "accuracy")
    )
    assert loss
    assert not loss & accuracy


def test_the_same_metrics_give_the_same_curve():
    assert curves.draw(METRICS, "loss") == curves.draw(METRICS, "loss")


def test_what_is_not_finite_is_left_out():
    metrics = [{"step": 1, "loss": float("nan")}, {"step": 2, "loss": None}, METRICS[0]]
    assert curves.points(metrics, "loss").tolist() == [[20, 1.9474]]


def test_accuracies_near_one_are_told_apart():
    """The scale is logarithmic in what is wrong, and ends where nothing is."""
    metrics = [
        {"step": i, "accuracy": a} for i, a in enumerate((0.5, 0.9, 0.99, 0.999, 1))
    ]
    labels = re.findall(r">([\d.]+%)</text>", curves.draw(metrics, "accuracy"))
    assert labels == [
        *("99.9%", "99.8%", "99.5%", "99%", "98%", "95%", "90%", "80%", "50%"),
        "100%",
    ]


@pytest.mark.parametrize("count", [1, 2, 40_000])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_any_number_of_equal_points_is_a_curve_of_a_small_size(count, value):
    metrics = [
        {"step": i, "loss": value, "accuracy": value, "test_accuracy": value}
        for i in range(count)
    ]
    for name in ("loss", "accuracy"):
        assert 1000 < len(curves.draw(metrics, name)) < 40_000


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory):
    """Runs a browser without a network on a page, and returns what it prints."""
    if not CHROMIUM:
        pytest.skip("no chromium, chromium-browser or google-chrome on PATH")

    def browse(path, *options):
        profile = tmp_path_factory.mktemp("profile")
        return subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-quic", "--no-first-run", "--disable-sync"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--allow-file-access-from-files", f"--user-data-dir={profile}"),
                *(*options, path.as_uri()),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    return browse


def test_nothing_is_wider_than_a_phone(in_browser, tmp_path):
    """At 360 pixels, for few, many, and badly named classes."""
    sets = ([str(i) for i in range(10)], BAD_NAMES, [f"n{i:08}" for i in range(300)])
    frames = ""
    for number, names in enumerate(sets):
        result = evaluated(names, examples=10_000, shape=(28, 28, 1))
        sources = [f"t10k-images-idx3-ubyte.gz item {n}: {'W' * 60}" for n in range(40)]
        result = result.with_sources(sources)
        report.write(tmp_path / f"{number}.html", SETTINGS, METRICS, result)
        frames += f'<iframe src="{number}.html" width="360" height="800"></iframe>'
    (tmp_path / "all.html").write_text(
        f"""<!doctype html>{frames}<pre></pre><script>onload = () => {{
          const widths = [...document.querySelectorAll("iframe")].map(
            f => f.contentDocument.documentElement.scrollWidth);
          document.querySelector("pre").textContent = JSON.stringify(widths);
        }}</script>"""
    )
    dom = in_browser(tmp_path / "all.html", "--dump-dom")
    widths = json.loads(re.search(r"<pre>(.*)</pre>", dom)[1])
    assert len(widths) == 3
    assert max(widths) <= 360
    assert min(widths) > 300


@pytest.mark.parametrize(("scheme", "is_light"), [(0, False), (1, True)])
def test_page_is_light_or_dark_as_the_reader_has_it(
    in_browser, tmp_path, scheme, is_light
):
    report.write(tmp_path / "r.html", SETTINGS, METRICS, evaluated("abc"))
    in_browser(
        tmp_path / "r.html",
        f"--screenshot={tmp_path / 'r.png'}",
        "--window-size=800,1200",
        f"--blink-settings=preferredColorScheme={scheme}",
    )
    grey = np.asarray(Image.open(tmp_path / "r.png").convert("L"))
    assert grey.shape == (1200, 800)
    assert (np.median(grey) > 128) == is_light
    assert np.ptp(grey) > 180
