"""Shows a page on which one draws, and what a trained network says of the drawing.

`python -m trainer.demo --model=DIR/model.keras` serves it on this machine alone, opens it
in the browser, and ends by Ctrl-C. It needs the extra `demo`.
"""

import importlib.util
import threading
import webbrowser

from absl import flags

from trainer import cli
from trainer.errors import TrainerError


def main(_: list[str]) -> None:
    """Serves the page as the flags say, until a signal ends it."""
    f = flags.FLAGS
    if importlib.util.find_spec("gradio") is None:
        raise TrainerError(
            "gradio: expected it installed, found none. Run, in the project's folder: "
            "python -m pip install 'mnist-idx-tfds[demo]'"
        )
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device

    device.select(f.device)  # Before others use TensorFlow.
    from trainer.network import familiar, saved
    from trainer.picture import page

    network, card = saved.load(f.model)
    judge = familiar.judge(network, card.calibration, f.model)
    built = page.build(network, card.label_names, card.fit, f.model, judge)
    try:
        url, *others = page.serve(built, f.host, f.port)
        print(f"{url}  Ctrl-C ends it", flush=True)
        for other in others:
            print(f"{other}  from other machines", flush=True)
        if not f.no_browser:
            webbrowser.open(url)
        threading.Event().wait()
    finally:
        built.close(verbose=False)


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    flags.DEFINE_string("model", None, "Trained network, a .keras file.")
    flags.register_validator("model", bool, "expected a .keras file")
    cli.define_device()
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 lets in whoever reaches this machine.",
    )
    flags.register_validator("host", bool, "expected an address of this machine")
    flags.DEFINE_integer(
        "port",
        7860,
        "Port to listen on; the next free one where it is taken.",
        lower_bound=1,
        upper_bound=2**16 - 1,
    )
    flags.DEFINE_boolean(
        "no_browser", False, "Open no browser; the address is printed."
    )


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.demo", main)
