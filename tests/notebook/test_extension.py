"""The extension leaves a shell as it found it: magics and formatters of others stay, or are there again."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._schemas import marked
from ocinb.notebook import markup
from ocinb.notebook.show.cells import ends
from ocinb.notebook.token_claims import told


def _load(shell: Any) -> None:
    shell.run_line_magic("load_ext", "ocinb")


def _unload(shell: Any) -> None:
    shell.run_line_magic("unload_ext", "ocinb")


def _theirs(_: object) -> str:
    return "theirs"


def _html(shell: Any, thing: object) -> str | None:
    formatted, _ = shell.display_formatter.format(thing)
    return formatted.get("text/html")  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", [pd.DataFrame, "pandas.DataFrame", object], ids=["type", "name", "above"])
def test_a_formatter_is_there_again_however_it_was_given(shell: Any, how: type | str) -> None:
    ours, other = marked(pd.DataFrame({"tag": ["1.0"]})), pd.DataFrame({"a": [1]})
    _unload(shell)
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(how, _theirs)
    _load(shell)
    assert "ocinb-show" in (_html(shell, ours) or "")
    assert _html(shell, other) == "theirs"
    _unload(shell)
    assert _html(shell, ours) == _html(shell, other) == "theirs"
    formatter.pop(how)
    assert _html(shell, ours) == ours._repr_html_()  # type: ignore[operator]


_FEW = st.integers(min_value=0, max_value=6)


@given(st.integers(min_value=0, max_value=20), _FEW, _FEW)
def test_all_rows_are_shown_or_counted(count: int, first: int, last: int) -> None:
    head, left_out, tail = ends(range(count), first, last)
    assert len(head) + left_out + len(tail) == count
    if left_out:
        assert [*head, *tail] == [*range(first), *range(count - last, count)]
    else:
        assert [*head, *tail] == [*range(count)]


DIGEST = f"sha256:{'0123456789abcdef' * 4}"
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[2J\u202e'


def test_what_is_not_there_is_a_dash() -> None:
    pieces = [markup.digest(None), markup.digest(""), markup.size(None), markup.moment(None), markup.folded(None)]
    assert pieces == [markup.missing()] * 5


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("exp", 1_764_000_000, "2025-11-24 16:00:00 UTC"),
        ("iat", 0.5, "1970-01-01 00:00:00 UTC"),
        ("nbf", 1e300, "1e+300"),
        ("exp", -(10**20), "-100000000000000000000"),
        ("exp", 10**11 * 9, "900000000000"),
        ("exp", "soon", "soon"),
        ("exp", None, "null"),
        ("exp", True, "true"),
        ("exp", math.inf, "Infinity"),
        ("sub", "", "nobody in particular"),
        ("sub", "ada", "ada"),
        ("aud", "", "nothing"),
        ("aud", ["a", "é"], '["a", "é"]'),
        ("access", [{"type": "repository", "name": "a", "actions": ["pull", "push"]}], "repository a: pull, push"),
        ("access", [{"type": "repository", "name": "a", "actions": []}], "repository a: nothing"),
        ("access", [{"type": "a", "name": "b", "actions": [1]}, {"type": "c", "name": "d"}], "a b: 1; c d: nothing"),
        ("access", [], "nothing"),
        ("access", [{"actions": 5}], " : nothing"),
        ("access", "all", "all"),
        ("access", [5], "[5]"),
        ("other", {"a": [1]}, '{"a": [1]}'),
    ],
)
def test_a_claim_is_told(name: str, value: Any, text: str) -> None:
    assert told(name, value) == text
