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
        ("FROM la▮", ["layers", "layer_sharing"]),
        ("from la▮", ["layers", "layer_sharing"]),
        ("FROM LA▮", ["layers", "layer_sharing"]),
        ("SELECT * FROM images JOIN la▮", ["layers", "layer_sharing"]),
        ("SELECT * FROM images, la▮", ["layers", "layer_sharing"]),
        ("SELECT * FROM images AS i, layers l,\n  la▮", ["layers", "layer_sharing"]),
        ("FROM fi▮", ["find("]),
        ("FROM m▮", ["Mine", '"my table"']),
        ("FROM ▮", ["images", "layers", "layer_sharing", "Mine", '"my table"', "find("]),
        ("SUMMARIZE im▮", ["images"]),
        ("DESCRIBE im▮", ["images"]),
        ('FROM "im▮', ['"images"']),
        ('FROM "my t▮', ['"my table"']),
        ('FROM images, "my ▮', ['"my table"']),
        ("FROM main.im▮", ["images"]),
        ('FROM "main"."im▮', ['"images"']),
        ("FROM main.images JOIN MAIN.la▮", ["layers", "layer_sharing"]),
        ("FROM other.im▮", []),
        ("FROM find('*.jar') AS f, la▮", ["layers", "layer_sharing"]),
    ],
)
def test_tables_where_a_table_has_to_be(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("FROM images SELECT la▮", ["layers"]),
        ("SELECT la▮ FROM images", ["layers"]),
        ("SELECT la▮ FROM images JOIN layers USING (x)", ["layers", "layer_digest", "layers"]),
        ("SELECT s▮ FROM images JOIN layer_sharing ON true", ["saved_bytes"]),
        ("SELECT s▮\nFROM images -- JOIN layer_sharing", []),
        ("SELECT s▮ FROM images WHERE x = 'FROM layer_sharing'", []),
        ("FROM images; SELECT re▮ FROM layers", []),
        ("SELECT re▮ FROM layers; FROM images", []),
        ("FROM images WHERE reference = 'it''s' AND la▮", ["layers"]),
        ("FROM images ORDER BY ref▮", ["reference"]),
        ("SELECT count(*), max(la▮ FROM images", ["layers"]),
        ("FROM mine SELECT re▮", ["reference"]),
        ('FROM Mine SELECT "re▮', ['"reference"']),
        ("FROM Mine SELECT two▮", ['"two words"']),
        ("FROM Mine SELECT ord▮", ['"order"']),
        ("FROM images AS pictures SELECT pi▮", ["pictures"]),
        ("FROM images SELECT s▮", []),
        ("FROM images WHERE w▮", []),
        ("FROM main.images SELECT re▮", ["reference"]),
        ('FROM "my table" SELECT fi▮', ["first"]),
        ('FROM "my table" SELECT "a ""▮', ['"a ""b"']),
        ("FROM find('*.jar') SELECT pa▮", ["path"]),
        ("SELECT pa▮ FROM find($pattern) AS f", ["path"]),
        ("SELECT lay▮ FROM find('*.jar') JOIN images USING (reference)", ["layers"]),
    ],
)
def test_columns_of_the_tables_that_are_named(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


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
    ("typed", "expected"),
    [
        ("FROM images WHERE layers > $le▮", ["least", "least_of_all"]),
        ("FROM images WHERE layers > $▮", VARIABLES),
        ("FROM images WHERE layers > $x▮", []),
    ],
)
def test_variables_behind_a_dollar(typed: str, expected: list[str]) -> None:
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


@pytest.mark.parametrize(
    "quoted",
    ['"it\'s"', '"a--b"', '"a/*b"', "$$it's$$", "$a$it's$a$", "$$--$$", r"E'it\'s'", "'--'", "'a\"b'", '"a""\'b"'],
)
def test_what_is_quoted_ends(quoted: str) -> None:
    assert offered(f"SELECT {quoted} FROM im▮") == ["images"]


@pytest.mark.parametrize("typed", ["FROM images -- all\nWHERE la▮", "FROM images /* all */ WHERE la▮"])
def test_what_comes_behind_a_comment_is_no_comment(typed: str) -> None:
    assert offered(typed) == ["layers"]


def test_the_fragment_is_what_is_replaced() -> None:
    assert [complete(before, "", KNOWN, []).fragment for before in ("FROM im", "FROM ", 'FROM "im', "SELECT i.re")] == [  # type: ignore[union-attr]
        "im",
        "",
        '"im',
        "re",
    ]
