"""Writes the tables of docs/flags.md from the programs' own flags.

    python tests/helpers/flags_page.py

What stands above the mark in that page is written by hand, and stays.
"""

import argparse
import pathlib
import re
import runpy
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from unittest import mock

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "flags.md"
MARK = "<!-- What follows is written by tests/helpers/flags_page.py. -->\n"
TRAINER = (
    "trainer",
    *(f"trainer.{n}" for n in ("evaluate", "predict", "demo", "export", "suspects")),
)
DATA_SET = tuple(
    f"mnist_idx_tfds.{n}" for n in ("pack", "idx", "unpack", "render_digits")
)
# Of each program: (flag with its value, default, what it does).
Row = tuple[str, str, str]


def tables() -> str:
    """Returns the tables of all programs, as the page has them."""
    parts = [_table(name, _absl_rows(name)) for name in TRAINER]
    parts += [_table(name, _argparse_rows(name)) for name in DATA_SET]
    return "\n".join(parts)


def flags() -> dict[str, set[str]]:
    """Returns the names of each program's flags, such as `--size`."""
    found = {}
    for names, rows in ((TRAINER, _absl_rows), (DATA_SET, _argparse_rows)):
        for name in names:
            found[name] = {re.match(r"--\w+|\w+", row[0])[0] for row in rows(name)}
    return found


def _table(program: str, rows: Iterator[Row]) -> str:
    lines = [f"## `python -m {program}`", "", "| | default | |", "|---|---|---|"]
    for flag, default, text in rows:
        lines.append(f"| `{flag}` | {f'`{default}`' if default else ''} | {text} |")
    return "\n".join(lines) + "\n"


def _absl_rows(program: str) -> Iterator[Row]:
    shown = subprocess.run(
        [sys.executable, "-m", program, "--helpxml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    for flag in ET.fromstring(shown.stdout).iter("flag"):
        if flag.findtext("key") != "yes":
            continue
        default = flag.findtext("default")
        # A switch is off unless it is given; absl writes no default that is none.
        default = "" if default in (None, "None", "false") else default
        yield f"--{flag.findtext('name')}", default, _cell(flag.findtext("meaning"))


def _argparse_rows(program: str) -> Iterator[Row]:
    parsers: list[argparse.ArgumentParser] = []
    with (
        mock.patch(
            "mnist_idx_tfds.program.run", lambda parser, main: parsers.append(parser)
        ),
        warnings.catch_warnings(),
    ):
        # That tests have imported it before.
        warnings.simplefilter("ignore", RuntimeWarning)
        runpy.run_module(program, run_name="__main__")
    for action in parsers[0]._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        name = action.option_strings[0] if action.option_strings else action.metavar
        default = (
            ""
            if action.default in (None, False) and action.default != 0
            else f"{action.default}"
        )
        yield name, default, _cell(action.help % {"default": action.default})


def _cell(text: str) -> str:
    text = re.sub(r"^<[\w|]+>: ", "", " ".join(text.split()))
    return text.replace("|", "\\|")


if __name__ == "__main__":
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{head}{MARK}\n{tables()}", encoding="utf-8")
