"""What a token says is told in words, whatever a service writes into it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ocinb.notebook.token_claims import told


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
