"""A page to draw on, in a browser without a head."""

import itertools

import numpy as np
from PIL import Image

# Strokes of digits, in shares of the pad's sides.
ZERO = [
    (0.5 - 0.2 * np.sin(a), 0.5 - 0.35 * np.cos(a)) for a in np.linspace(0, 6.3, 25)
]
ONE = [(0.5, 0.15), (0.5, 0.85)]
SEVEN = [(0.3, 0.2), (0.7, 0.2), (0.6, 0.45), (0.45, 0.85)]


class Pad:
    """The page in a browser, with what it asks for and what it throws."""

    def __init__(self, chromium, address, width=1200, scheme="light", script=""):
        self.context = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            has_touch=True,
        )
        self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.asked, self.errors = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("pageerror", lambda error: self.errors.append(error))
        self.page.goto(address)
        self.page.get_by_text("Draw here").wait_for()
        # Until all is loaded, Gradio has something above the page that takes strokes.
        self.page.locator("canvas").click(trial=True)

    def place(self, point):
        box = self.page.locator("canvas").bounding_box()
        return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]

    def draw(self, points):
        mouse = self.page.mouse
        mouse.move(*self.place(points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(point), steps=4)
        mouse.up()

    def best(self):
        """Waits for an answer; returns names and shares of the best classes."""
        self.page.locator(".answer li").first.wait_for()
        names = self.page.locator(".answer .name").all_inner_texts()
        return names, self.page.locator(".answer .share").all_inner_texts()

    def after(self, act):
        """Acts, waits for the answer to change, and returns it as `best` does."""
        before = self.page.locator(".answer").inner_html()
        act()
        self.page.wait_for_function(
            "before => document.querySelector('.answer').innerHTML != before",
            arg=before,
        )
        return self.best()


def picture(path, points, size=(300, 400), **kwargs):
    """Writes a picture of a stroke, dark on paper that is not quite white."""
    pixels = np.full(size, 240, np.uint8)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for start, end in itertools.pairwise(points):
        for share in np.linspace(0, 1, 60):
            x = (start[0] + share * (end[0] - start[0])) * size[1]
            y = (start[1] + share * (end[1] - start[1])) * size[0]
            pixels[(rows - y) ** 2 + (columns - x) ** 2 < 12**2] = 30
    Image.fromarray(pixels).save(path, **kwargs)
