"""Names that do not stay where they are put."""

import pytest

from mnist_idx_tfds import foreign


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("a\x9b31mb\x7f", r"a\x9b31mb\x7f"),
        ("a\u2028b", r"a\u2028b"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("क\u200dष ü 字 \u00a0", "क\u200dष ü 字 \u00a0"),
        (r"C:\new", r"C:\new"),
    ],
)
def test_what_is_shown_stays_in_its_line(text, expected):
    assert foreign.shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *('=HYPERLINK("http://a.example","b")', "@SUM(A1)", "-1+cmd|' /C calc'!A0"),
        *("+A1", "-2+3\n=A2"),
    ],
)
def test_what_a_spreadsheet_would_compute_is_text(text):
    assert foreign.cell(text) == f"'{foreign.shown(text)}"


@pytest.mark.parametrize(
    "text", ["", "-", "+", "=", "-1", "+0.5", "a=b", "-1,000", " =a"]
)
def test_what_it_would_not_compute_is_as_it_is(text):
    assert foreign.cell(text) == text
