"""What the trainer's command lines share: what a user can mend is one line."""

import gc
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from absl import app, flags, logging

from trainer import errors, signals
from trainer.errors import TrainerError
from trainer.machine import backend

flags.disclaim_key_flags()  # So that --help shows them as the program's own.


def define_device(several: bool = False) -> None:
    """Defines the flag `--device`, with the names that `device.select` takes.

    Args:
      several: whether the program can compute on more than one.
    """
    names, pattern = backend.devices(several)
    flags.DEFINE_string(
        "device", "auto", f"Where to compute: {names}; auto is a GPU if there is one."
    )
    flags.register_validator(
        "device",
        lambda name: re.fullmatch(pattern, name) is not None,
        f"expected {names}",
    )


def define_data(purpose: str, default: str) -> None:
    """Defines the flags that say which data set, as `source.prepare` takes it.

    Args:
      purpose: what the data set is for, such as "train on".
      default: which one that is where no flag says it.
    """
    define_folder(f"{purpose}, instead")
    flags.DEFINE_string(
        "dataset",
        None,
        f"Data set of TFDS to {purpose}, such as fashion_mnist or emnist/letters "
        f"(default: {default}).",
    )
    flags.DEFINE_string(
        "manual_dir",
        None,
        "Folder with the files that the data set would download, such as the four "
        "published MNIST files.",
    )
    for other in ("dataset", "manual_dir"):
        flags.register_multi_flags_validator(
            ["idx_dir", other],
            lambda given: not all(given.values()),
            f"give --idx_dir (your own files) or --{other}, not both",
        )


def define_folder(purpose: str) -> None:
    """Defines the flags that say which folder of IDX files.

    Args:
      purpose: what it is for, such as "train on".
    """
    flags.DEFINE_string(
        "data_dir",
        None,
        "Where prepared data sets are kept, as for TFDS (default: $TFDS_DATA_DIR or "
        "~/tensorflow_datasets).",
    )
    flags.DEFINE_string("idx_dir", None, f"Folder of four IDX files to {purpose}.")
    flags.DEFINE_enum(
        "transpose",
        "auto",
        ["auto", "yes", "no"],
        "Whether images in --idx_dir are stored with rows as columns; auto takes those of "
        "EMNIST as published for such.",
    )


def data() -> dict[str, Any]:
    """Returns what the flags of `define_data` say, by the names of its arguments."""
    names = ("data_dir", "manual_dir", "idx_dir", "dataset", "transpose")
    return {name: flags.FLAGS[name].value for name in names}


def run(
    name: str,
    main: Callable[[list[str]], int | None],
    arguments: str = "",
    instead: Callable[[], int | None] = lambda: None,
) -> None:
    """Parses the command line, runs `main`, and exits.

    Errors that the user can mend end the program with one line on standard error: those
    of the command line with exit code 2, those that `main` raises with their own; so do
    signals. With `--verbosity=1` the line comes after Python's traceback.

    Args:
      name: what users call the program, such as "trainer.predict".
      main: is given the arguments that are not flags, and returns the exit code, None
        for 0; see `program.guard`.
      arguments: what these are, such as "IMAGE"; empty where none are expected.
      instead: is called before anything heavy is imported; where it returns an exit
        code, `main` is not called.
    """
    # Imports leave no garbage to speak of; to look for it every 700 objects, as Python
    # does, takes a tenth of the start.
    gc.set_threshold(100_000)
    # Without Python's traceback, as long as there is nothing to save or to say.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    def parse_flags(argv: list[str]) -> list[str]:
        try:
            rest = flags.FLAGS(argv)
        except flags.Error as e:
            wrong("; ".join(str(e).splitlines()))  # Of several flags.
        except SystemExit:
            sys.exit(0)  # absl has printed the help, and calls that a failure.
        own = flags.FLAGS.get_key_flags_for_module(argv[0])
        # Such as that of a variable that is not set, in place of which no other choice
        # is to be made.
        empty = [f"--{flag.name}" for flag in own if flag.value == ""]
        if empty or "" in rest:
            wrong(f"{(*empty, arguments)[0]}: expected a value, found an empty one")
        if rest[1:] and not arguments:
            wrong(f"unexpected argument {rest[1]!r}: options are --name=value")
        if arguments and not rest[1:]:
            wrong(f"expected {arguments}, found none")
        return rest

    def wrong(what: str) -> NoReturn:
        print(f"{name}: {what}. See python -m {name} --help.", file=sys.stderr)
        sys.exit(2)  # As of `argparse`.

    def guarded(argv: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.ERROR)
        try:
            code = instead()
        except TrainerError as e:
            sys.exit(f"{name}: {e}")
        if code is not None:
            sys.exit(code)
        # Keras's advice on a network with one class, where always 1 is right.
        warnings.filterwarnings("ignore", "You are using a softmax over axis -1")
        # Imports TFDS, which takes a while; the flags are checked by now.
        from mnist_idx_tfds import program

        def explained() -> int | None:
            try:
                return main(argv[1:])
            except Exception as e:
                if logging.level_debug():
                    traceback.print_exception(e)
                if error := errors.explained(e):
                    raise error from e
                raise

        signals.install()
        program.guard(name, explained, TrainerError)

    app.run(guarded, flags_parser=parse_flags)
