"""`python -m trainer.demo` as its users see it: in a terminal, and in a browser."""

import contextlib
import functools
import importlib.util
import itertools
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

import keras
import numpy as np
import processes
import pytest
from pads import ONE, SEVEN, ZERO, Pad, picture
from PIL import Image

from mnist_idx_tfds import render_digits
from trainer.network import architectures, saved
from trainer.network.card import Card
from trainer.picture import addresses, classify

NAMES = ("sífr", "एक", "two", "三", "<b>4</b>", "خمسة", "six", "семь", "8", "nine")
# What a process asks of a network is an error, and a line.
GUARD = """
import socket, sys
def guard(name, given):
    def guarded(self, address, *args):
        own = self.family == socket.AF_UNIX or address[0] == "::1"
        if not own and address[0][:4] != "127.":
            print("asked", address, file=sys.stderr, flush=True)
            raise OSError("no network")
        return given(self, address, *args)
    setattr(socket.socket, name, guarded)
for name in ("connect", "connect_ex", "sendto"):
    guard(name, getattr(socket.socket, name))
def no_names(host, *args, asked=socket.getaddrinfo, **kwargs):
    if host and host[:4] != "127." and host not in ("0.0.0.0", "localhost"):
        print("asked", host, file=sys.stderr, flush=True)
        raise OSError("no network")
    return asked(host, *args, **kwargs)
socket.getaddrinfo = no_names
"""

run = functools.partial(processes.run, "trainer.demo")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network that knows rendered digits, as `RUN/model.keras`."""
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    images = np.concatenate([*render_digits.images(4000, 1, render_digits.TRAIN)])
    labels = np.concatenate([*render_digits.labels(4000, 1, render_digits.TRAIN)])
    pixels = float(images.mean()), float(images.std())
    network = architectures.cnn((28, 28, 1), 10, pixels)
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fitted = network.fit(images[..., None], labels, 50, epochs=6, verbose=0)
    assert fitted.history["accuracy"][-1] > 0.9
    path = folder / "model.keras"
    saved.save(path, network, Card(NAMES, (28, 28, 1), "ink"))
    return path


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Serves a model with flags; returns the process and the page's address."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("gradio, of the extra demo, is not installed")
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(GUARD)

    @contextlib.contextmanager
    def serve(model, *flags, no_browser=True, env=()):
        args = ("-m", "trainer.demo", f"--model={model}", "--device=cpu", *flags)
        if no_browser:
            args += ("--no_browser",)
        # Where there is a proxy, it is not for 127.0.0.1; this one answers nobody.
        env = {"http_proxy": "http://127.0.0.1:9", **dict(env)}
        with processes.start(*args, path=guard, env=env) as process:
            try:
                line = process.stdout.readline()
                address = re.match(r"http://\S+:\d+/", line)
                if not address:
                    process.kill()
                    raise AssertionError(line + process.communicate()[1])
                yield process, address[0]
            finally:
                process.kill()

    return serve


@pytest.fixture(scope="module")
def address(serve, model):
    """The address of a page that is served to several tests."""
    with serve(model) as (_, address):
        yield address


@pytest.fixture
def pad(chromium, address):
    """The page of the model that knows digits."""
    pad = Pad(chromium, address)
    yield pad
    pad.context.close()
    assert pad.errors == []


def predicted(model, path, **options):
    """What `trainer.predict` says of a picture: names and shares, as printed."""
    network, card = saved.load(model)
    (found,) = classify.predict(
        network, card.label_names, [str(path)], complain=pytest.fail, **options
    )
    return (
        [c["name"] for c in found.predictions],
        [f"{c['probability']:.2%}" for c in found.predictions],
    )


@pytest.mark.parametrize(
    ("stroke", "digit"), [(ZERO, 0), (ONE, 1), (SEVEN, 7)], ids=["0", "1", "7"]
)
def test_a_digit_drawn_by_mouse_is_labelled_right(pad, stroke, digit):
    pad.draw(stroke)
    names, shares = pad.best()
    assert names[0] == NAMES[digit]
    assert len(names) == len(shares) == 3
    assert all(re.fullmatch(r"\d+\.\d\d%", share) for share in shares)


def test_a_digit_drawn_by_finger_is_labelled_right(pad):
    finger = pad.context.new_cdp_session(pad.page)

    def touch(kind, *points):
        places = [dict(zip("xy", pad.place(point), strict=True)) for point in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", SEVEN[0])
    for start, end in itertools.pairwise(SEVEN):
        for share in np.linspace(0, 1, 5):
            touch("touchMove", tuple(np.add(start, share * np.subtract(end, start))))
    touch("touchEnd")
    assert pad.best()[0][0] == NAMES[7]
    assert pad.page.evaluate("scrollY") == 0


def test_strokes_add_up_until_the_pad_is_cleared(pad):
    """Of a line and one across it, and of the line alone once more."""
    pad.draw(ONE)
    line = pad.best()
    crossed = pad.after(lambda: pad.draw([(0.2, 0.5), (0.8, 0.5)]))
    assert crossed != line
    pad.page.get_by_role("button", name="Clear").click()
    pad.page.get_by_text("three best classes appear here").wait_for()
    pad.draw(ONE)
    assert pad.best() == line


def test_what_the_network_sees_is_shown(pad):
    """28 x 28 pixels, light ink on dark paper as it learned."""
    pad.draw(ONE)
    pad.best()
    pixels = pad.page.evaluate(
        """() => {
          const image = document.querySelector(".answer img");
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
          return [canvas.width, canvas.height, data[0], Math.max(
            ...data.filter((_, i) => i % 4 == 0))];
        }"""
    )
    assert pixels == [28, 28, 0, 255]
    assert "light and dark exchanged" in pad.page.inner_text(".answer")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_picture_has_the_answer_of_trainer_predict(pad, model, tmp_path, suffix):
    """A browser shows no TIFF, and the network sees it all the same."""
    path = tmp_path / f"seven.{suffix}"
    picture(path, SEVEN)
    pad.page.set_input_files("input[type=file]", path)
    assert pad.best() == predicted(model, path)
    assert pad.best()[0][0] == NAMES[7]


def test_fit_and_inversion_are_those_of_trainer_predict(pad, model, tmp_path):
    path = tmp_path / "seven.png"
    picture(path, SEVEN)
    pad.page.set_input_files("input[type=file]", path)
    assert pad.best() == predicted(model, path)
    whole = pad.after(lambda: pad.page.get_by_label("the whole of it").check())
    assert whole == predicted(model, path, how="whole")
    inverted = pad.after(lambda: pad.page.get_by_label("yes").check())
    assert inverted == predicted(model, path, how="whole", invert="yes")
    assert len({tuple(found[1]) for found in (whole, inverted)}) == 2


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(pad, model, tmp_path, kind):
    path = tmp_path / "seven.png"
    picture(path, SEVEN)
    pad.page.evaluate(
        """([kind, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "seven.png"));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(kind == "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: data })
            : new ClipboardEvent("paste", { ...options, clipboardData: data }));
        }""",
        [kind, list(path.read_bytes())],
    )
    assert pad.best() == predicted(model, path)


def test_to_draw_after_a_picture_begins_anew(pad, tmp_path):
    pad.draw(ONE)
    line = pad.best()
    picture(tmp_path / "seven.png", SEVEN)
    pad.after(
        lambda: pad.page.set_input_files("input[type=file]", tmp_path / "seven.png")
    )
    assert pad.after(lambda: pad.draw(ONE)) == line


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"text", "<i>.png: image: expected a readable picture, found data of no"),
        (b"", "<i>.png: image: expected a readable picture, found data of no"),
        (None, "<i>.png: image: expected a readable picture, found an error"),
    ],
    ids=["text", "empty", "cut short"],
)
def test_a_file_that_is_no_picture_gets_a_message(pad, tmp_path, data, says):
    """And the next picture an answer."""
    path = tmp_path / "seven.png"
    picture(path, SEVEN)
    whole = path.read_bytes()
    bad = tmp_path / "<i>.png"
    bad.write_bytes(whole[: len(whole) // 2] if data is None else data)
    pad.page.set_input_files("input[type=file]", bad)
    pad.page.locator(".answer .error").wait_for()
    assert pad.page.inner_text(".answer").startswith(says)
    pad.page.set_input_files("input[type=file]", path)
    assert pad.best()[0][0] == NAMES[7]


def test_an_empty_picture_gets_a_message(pad, tmp_path):
    Image.new("L", (50, 50), 255).save(tmp_path / "empty.png")
    pad.page.set_input_files("input[type=file]", tmp_path / "empty.png")
    pad.page.get_by_text("ink: expected some that is lighter").wait_for()


def test_the_page_asks_nothing_of_any_other_host(pad):
    """For what its program asks, see the test of signals: `GUARD` would say it."""
    pad.draw(ONE)
    pad.best()
    pad.page.wait_for_timeout(1000)  # For what Gradio's page asks later.
    asked = [url for url in pad.asked if not url.startswith("data:")]
    assert len(asked) > 5
    assert {re.match(r"\w+://([^/:]+)", url)[1] for url in asked} == {"127.0.0.1"}


@pytest.fixture(scope="module")
def in_color(serve, tmp_path_factory):
    """The page of a network for color, with hundreds of classes of long names."""
    folder = tmp_path_factory.mktemp("color")
    names = tuple(f"{'字W' * 40} {n}" for n in range(300))
    network = architectures.cnn((20, 32, 3), 300)
    saved.save(folder / "model.keras", network, Card(names, (20, 32, 3), "whole"))
    with serve(folder / "model.keras") as (_, address):
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_page_fits_the_screen_and_the_readers_light(chromium, in_color, width, scheme):
    pad = Pad(chromium, in_color, width, scheme)
    pad.draw(SEVEN)
    names, _ = pad.best()
    assert all(name.startswith("字W") for name in names)
    assert pad.page.evaluate("document.documentElement.scrollWidth") == width
    color = pad.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", color)[0]) > 128) == (scheme == "light")
    pad.context.close()
    assert pad.errors == []


def test_paper_has_the_proportions_of_a_networks_images_and_colors_of_its_own(
    chromium, in_color
):
    pad = Pad(chromium, in_color)
    box = pad.page.locator("canvas").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(32 / 20, rel=0.02)
    pad.draw(ONE)
    black = pad.best()
    pad.page.get_by_label("Color of the pen").fill("#ff0000")
    pad.page.get_by_role("button", name="Clear").click()
    pad.page.get_by_text("three best classes appear here").wait_for()
    pad.draw(ONE)
    assert pad.best() != black
    pad.context.close()


def test_paper_is_as_dark_as_what_a_network_of_own_files_learned(
    serve, chromium, tmp_path
):
    """As its pictures are taken whole, and not inverted."""
    architectures.cnn((28, 28, 1), 2, (30.0, 60.0)).save(tmp_path / "model.keras")
    settings = {"dataset": "mnist_idx_tfds/own-0123456789ab/1.0.0"}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with serve(tmp_path / "model.keras") as (_, address):
        pad = Pad(chromium, address)
        pad.draw(ONE)
        pad.best()
        corner, stroke = (
            pad.page.evaluate(
                """([x, y]) => {
                  const canvas = document.querySelector("canvas");
                  return canvas.getContext("2d").getImageData(x, y, 1, 1).data[0];
                }""",
                place,
            )
            for place in ([0, 0], [200, 200])
        )
        pad.context.close()
    assert (corner, stroke) == (0, 255)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_it_in_one_line_while_a_page_is_open(
    serve, chromium, model, number, code
):
    with serve(model) as (process, address):
        pad = Pad(chromium, address)
        pad.draw(ONE)
        pad.best()
        process.send_signal(number)
        out, err = process.communicate()
        pad.context.close()
    assert (process.returncode, out, err) == (code, "", "trainer.demo: interrupted\n")


def test_a_port_that_is_taken_is_passed_over(serve, model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serve(model, f"--port={port}") as (_, address):
            found = int(re.search(r":(\d+)/", address)[1])
    assert port < found < port + 100


def test_it_listens_on_this_machine_alone(address):
    """Not even on another of the loopback's own addresses, where there are such."""
    assert urllib.request.urlopen(address).status == 200
    port = int(re.search(r"^http://127\.0\.0\.1:(\d+)/$", address)[1])
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", port), timeout=10)


@pytest.fixture(scope="module")
def open_page(serve, model):
    """A page for whoever reaches this machine: its process, and its addresses."""
    with serve(model, "--host=0.0.0.0") as (process, address):
        others = addresses.of_others("0.0.0.0")
        yield process, [address, *(process.stdout.readline() for _ in others)]


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux")
def test_for_all_hosts_the_addresses_are_said_by_which_a_phone_reaches_it(open_page):
    _, (first, *others) = open_page
    port = int(re.fullmatch(r"http://localhost:(\d+)/", first)[1])
    assert urllib.request.urlopen(f"http://127.0.0.2:{port}/").status == 200
    for line in others:
        address = re.fullmatch(rf"(http://[\d.]+:{port}/)  from other machines\n", line)
        assert urllib.request.urlopen(address[1]).status == 200


def test_the_server_takes_what_the_page_sends_and_nothing_else(open_page):
    process, (address, *_) = open_page

    def status(path, data=None):
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(address + path, data, headers)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status
        except urllib.error.HTTPError as e:
            return e.code

    join = "gradio_api/queue/join"
    no_picture = {"name": "x\0<b>", "data": "data:,%"}
    good = {"data": [no_picture, None, "no"], "fn_index": 0, "session_hash": "a0"}
    assert status(join, good) == 200
    for wrong in (
        *({**good, "data": data} for data in ([], 1, [1, 2, 3], [{}, None, "no"])),
        {**good, "data": [{**no_picture, "name": "\ud800"}, None, "no"]},
        {**good, "data": [no_picture, ["ink"], "no"]},
        {**good, "fn_index": 1},
        {**good, "session_hash": "../x"},
        {**good, "batched": True},
        {**good, "event_data": {"target": 1}},
        {**good, "trigger_id": [1]},
        *([], b"null", b"", b"\xff", b"[" * 100_000),
    ):
        assert status(join, wrong) == 400
    for path in ("upload", "gradio_api/upload", "gradio_api/run/predict", "login"):
        assert status(path, good) == 404
    for path in ("gradio_api/file=/etc/hosts", "gradio_api/proxy=http://localhost"):
        assert status(path) == 404
    session = urllib.request.urlopen(f"{address}gradio_api/queue/data?session_hash=a0")
    while b"process_completed" not in (line := session.readline()):
        assert line
    assert b"&lt;b&gt;: expected a picture" in line
    os.set_blocking(process.stderr.fileno(), False)
    with pytest.raises(BlockingIOError):  # As there is nothing to read.
        os.read(process.stderr.fileno(), 1)


@pytest.mark.parametrize("no_browser", [False, True])
def test_the_browser_is_opened_unless_told_otherwise(
    serve, model, tmp_path, no_browser
):
    script, opened = tmp_path / "browser.py", tmp_path / "opened"
    script.write_text(f"import sys; open({str(opened)!r}, 'a').write(sys.argv[1])")
    browser = {"BROWSER": f"{sys.executable} {script} %s"}
    with serve(model, no_browser=no_browser, env=browser) as (process, address):
        for _ in range(20 if no_browser else 600):
            if opened.exists() and opened.read_text():
                break
            time.sleep(0.1)
        assert process.poll() is None
    found = opened.read_text() if opened.exists() else None
    assert found == (None if no_browser else address)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "--model=None: expected a .keras file"),
        (["--model=x", "y.png"], "unexpected argument 'y.png'"),
        (["--model=x", "--port=0"], "--port=0"),
        (["--model=x", "--host="], "expected an address of this machine"),
        (["--model=x", "--no_browser=maybe"], "no_browser"),
        (["--model=x", "--device=tpu"], "expected auto, cpu, gpu or gpu:N"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_one_line_before_anything_heavy(
    nothing_heavy, args, message
):
    result = run(*args, path=nothing_heavy)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.demo: ")
    assert message in line


def test_help_waits_for_nothing_heavy(nothing_heavy):
    result = run("--help", path=nothing_heavy)
    assert "--[no]no_browser" in result.stdout
    assert result.stderr == ""


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['gradio'] = None"
    )
    result = run("--model=x.keras", "--no_browser", path=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer.demo: gradio: expected it installed, found none.")
    assert "pip install 'mnist-idx-tfds[demo]'" in line
