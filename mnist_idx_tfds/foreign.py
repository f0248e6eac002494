"""Text from outside, such as names of files and classes, where it can do no harm."""

import re

# What moves a terminal's cursor, ends its lines, or turns the order of letters round.
# Joiners, which some scripts need, are no such thing.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
# What a spreadsheet takes for a formula: no number, and more than a sign.
_FORMULA = re.compile(r"[=+\-@](?![\d.,]*$)")


def shown(text: object) -> str:
    r"""Returns text for a line of a terminal, control characters as `\n` or `\x1b`.

    Without it a name could clear the screen, or forge a row of a table.
    """
    return _CONTROL.sub(lambda c: c[0].encode("unicode_escape").decode(), f"{text}")


def cell(text: str) -> str:
    """Returns text for a cell of a CSV file, as `shown`, and for no spreadsheet a formula.

    What one would compute begins with an apostrophe, as spreadsheets write text.
    """
    text = shown(text)
    return f"'{text}" if _FORMULA.match(text) else text
