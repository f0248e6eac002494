"""What all programs share, the trainer's too: what a user can mend is one line."""

import argparse
import io
import itertools
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TextIO, TypeVar

from mnist_idx_tfds import foreign, idx, idx_set

_Chunk = TypeVar("_Chunk")


def number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Returns a type for `argparse`: whole numbers within bounds, in plain digits."""
    expected = f"{least} or more" if most is None else f"{least} to {most}"

    def parse(text: str) -> int:
        found = int(text) if re.fullmatch("[0-9]{1,10}", text) else -1
        if found < least or (most is not None and found > most):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
        return found

    return parse


def parser(name: str, text: str | None) -> argparse.ArgumentParser:
    """Returns the parser of `python -m mnist_idx_tfds.NAME`.

    The text says in its first line what the program does.
    """
    return argparse.ArgumentParser(
        prog=f"python -m mnist_idx_tfds.{name}",
        description=(text or "").partition("\n")[0],
        allow_abbrev=False,
    )


def add_transpose(parser: argparse.ArgumentParser) -> None:
    """Adds the flag of how a set's images are stored."""
    parser.add_argument(
        "--transpose",
        choices=idx_set.TRANSPOSE,
        default="auto",
        help="whether images of a set are stored with rows as columns; auto takes those "
        "of EMNIST as published for such",
    )


def run(
    parser: argparse.ArgumentParser, main: Callable[[argparse.Namespace], int]
) -> NoReturn:
    """Parses the command line, runs `main`, and exits.

    Args:
      parser: of the command line; what is wrong with that is exit code 2.
      main: is given the arguments and returns the exit code; see `guard`.
    """
    # Flags may stand between the others, whether these are needed or not.
    args = parser.parse_intermixed_args()
    for name, value in vars(args).items():
        # Such as that of a variable that is not set: of a path it would be this folder.
        if value == "" or (isinstance(value, list) and "" in value):
            parser.error(f"{name}: expected a value, found an empty one")
    guard(parser.prog, lambda: main(args))


def guard(
    name: str, main: Callable[[], int | None], mendable: type[Exception] = idx.IdxError
) -> NoReturn:
    """Runs `main`, and exits.

    An `idx.IdxError`, an `OSError`, a `mendable` or a KeyboardInterrupt that it raises
    becomes one line on standard error and an exit code: the error's own `exit_code` if
    it has one, else 1, or 130 after an interrupt. Output that the terminal cannot show is
    escaped, and in that line what would not stay in it; output that nobody reads on, as
    behind `head`, is exit code 1 without a word.

    Args:
      name: of the program, as users call it.
      main: returns the exit code; None is 0.
      mendable: another error that the user can mend.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main() or 0
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (idx.IdxError, OSError, mendable) as e:
        code = getattr(e, "exit_code", 1)
        print(f"{name}: {foreign.shown(_line(e))}", file=sys.stderr)
    except KeyboardInterrupt as e:
        code = getattr(e, "exit_code", 130)
        print(f"{name}: {foreign.shown(e) or 'interrupted'}", file=sys.stderr)
    sys.exit(code)


def _line(e: Exception) -> str:
    """Returns what an error says; Python's own of an OSError begins with a number."""
    if isinstance(e, OSError):
        parts = [e.filename, e.strerror and e.strerror.lower()]
        return ": ".join(str(part) for part in parts if part) or str(e)
    return str(e)


def silent(chunks: Iterable[_Chunk], *args: Any, **kwargs: Any) -> Iterable[_Chunk]:
    """Passes chunks through, as `progress` does, and prints nothing."""
    return chunks


def progress(
    chunks: Iterable[_Chunk],
    total: int,
    name: str,
    unit: str,
    size: Callable[[_Chunk], int] = len,  # type: ignore[assignment]
    pauses: Iterable[int] = itertools.repeat(2),
    to: TextIO | None = None,
) -> Iterator[_Chunk]:
    """Passes chunks through, with a line every two seconds.

    Args:
      chunks: any.
      total: the sum of their sizes.
      name: of what is done.
      unit: of the sizes, such as "images".
      size: of a chunk.
      pauses: seconds between lines, where these are others.
      to: where lines go; None for standard error.
    """
    done, pauses = 0, iter(pauses)
    say_at = time.monotonic() + next(pauses)
    for chunk in chunks:
        yield chunk
        done += size(chunk)
        if time.monotonic() > say_at:
            print(
                f"{name}: {done:,} of {total:,} {unit}",
                file=to or sys.stderr,
                flush=True,
            )
            say_at = time.monotonic() + next(pauses)
