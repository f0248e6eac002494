"""What the package's programs share: what a user can mend is one line."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from mnist_idx_tfds import idx

_Chunk = TypeVar("_Chunk", bound=Sized)


def run(
    parser: argparse.ArgumentParser, main: Callable[[argparse.Namespace], int]
) -> None:
    """Parses the command line, runs `main`, and exits.

    Args:
      parser: of the command line; what is wrong with that is exit code 2.
      main: is given the arguments and returns the exit code. An `idx.IdxError` or
        `OSError` that it raises becomes one line on standard error and exit code 1.
    """
    # A path or a name may hold what the terminal cannot show.
    sys.stdout.reconfigure(errors="backslashreplace")
    args = parser.parse_args()
    try:
        code = main(args)
        sys.stdout.flush()
    except BrokenPipeError:  # The reader, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (idx.IdxError, OSError) as e:
        print(f"{parser.prog}: {e}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


def progress(
    chunks: Iterable[_Chunk], total: int, name: str, unit: str
) -> Iterator[_Chunk]:
    """Passes chunks through, with a line on stderr every two seconds."""
    done, last = 0, time.monotonic()
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if time.monotonic() - last > 2:
            last = time.monotonic()
            print(f"{name}: {done:,} of {total:,} {unit}", file=sys.stderr)
