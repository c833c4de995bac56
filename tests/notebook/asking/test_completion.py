"""Which names are offered where somebody is typing in a question."""

from __future__ import annotations

import pytest

from ocinb.catalog.completion_schema import Vocabulary
from ocinb.notebook.sql_magic.completion import complete

KNOWN = Vocabulary(
    tables={
        "images": ("manifest_digest", "reference", "layers"),
        "layers": ("layer_digest", "compressed_bytes"),
        "layer_sharing": ("layer_digest", "saved_bytes"),
        "Mine": ("reference", "two words", "order"),
        "my table": ("first", 'a "b'),
    },
    functions={"find": ("reference", "path")},
    reserved=frozenset({"order", "left", "select", "where"}),
)
VARIABLES = ["least", "names", "least_of_all"]


def offered(typed: str) -> list[str] | None:
    """Give what is offered where the ▮ stands."""
    before, _, after = typed.partition("▮")
    completed = complete(before, after, KNOWN, VARIABLES)
    return None if completed is None else [word for word, _ in completed.words]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("SELECT i.▮ FROM images AS i JOIN layers AS l", ["manifest_digest", "reference", "layers"]),
        ("SELECT l.▮ FROM images i JOIN layers l", ["layer_digest", "compressed_bytes"]),
        ("SELECT images.re▮ FROM images", ["reference"]),
        ("SELECT IMAGES.re▮ FROM images", ["reference"]),
        ('SELECT "images".re▮ FROM images', ["reference"]),
        ("SELECT nothing.▮ FROM images", []),
        ("SELECT f.▮ FROM find('*.jar') AS f", ["reference", "path"]),
        ("SELECT main.images.re▮ FROM images", ["reference"]),
        ('SELECT "my table".f▮ FROM "my table"', ["first"]),
        ("FROM images SELECT Mine.two▮", ['"two words"']),
    ],
)
def test_columns_of_the_table_before_the_dot(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("la▮", ["layers", "layer_sharing", "layers", "layer_digest"]),
        ("SELECT saved▮", ["saved_bytes"]),
        ("SELECT saved▮ FROM unknown", ["saved_bytes"]),
    ],
)
def test_all_there_is_before_a_table_is_named(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "FROM images WHERE reference = 'la▮",
        "FROM images WHERE reference = 'it''s la▮",
        "FROM images -- la▮",
        "FROM images /* la▮",
        "FROM images /* la▮ */",
        "FROM '▮",
        "SELECT $$it's la▮",
        "SELECT $$it's la▮ $$",
        "SELECT $a$ $$ la▮",
        r"SELECT E'it\'s la▮",
    ],
)
def test_nothing_in_texts_and_comments(typed: str) -> None:
    assert offered(typed) is None


@pytest.mark.parametrize("typed", ["FROM images -- all\nWHERE la▮", "FROM images /* all */ WHERE la▮"])
def test_what_comes_behind_a_comment_is_no_comment(typed: str) -> None:
    assert offered(typed) == ["layers"]
