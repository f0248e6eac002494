"""Text from outside, such as names of files and classes, where it can do no harm."""

import re

# What moves a terminal's cursor, ends its lines, or turns the order of letters round.
# Joiners, which some scripts need, are no such thing.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
# Beside these, what no UTF-8 has, and a byte order mark.
NO_NAME = re.compile(f"{_CONTROL.pattern}|[\ud800-\udfff\ufeff\ufffe\uffff]")
# What a spreadsheet takes for a formula: no number, and more than a sign.
_FORMULA = re.compile(r"[=+\-@](?![\d.,]*$)")


def shown(text: object) -> str:
    r"""Returns text for a line of a terminal, control characters as `\n` or `\x1b`.

    Without it a name could clear the screen, or forge a row of a table.
    """
    return _CONTROL.sub(lambda c: c[0].encode("unicode_escape").decode(), f"{text}")


def reason(e: Exception) -> str:
    """Returns what an error says, in the first of its lines, or else of what kind it is."""
    return shown(f"{e}".strip().partition("\n")[0].rstrip(".")) or type(e).__name__


def is_name(text: str) -> bool:
    """Returns whether text can be a class's name, which comes back from a line as it is.

    Joiners and no-break spaces may be in it, as some scripts and emoji need them.
    """
    return bool(text) and text == text.strip() and not NO_NAME.search(text)


def cell(text: str) -> str:
    """Returns text for a cell of a CSV file, as `shown`, and for no spreadsheet a formula.

    What one would compute begins with an apostrophe, as spreadsheets write text.
    """
    text = shown(text)
    return f"'{text}" if _FORMULA.match(text) else text
