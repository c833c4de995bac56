"""The small pieces of HTML keep what they show whole, and let nothing of a stranger through."""

from __future__ import annotations

from ocinb.notebook import markup

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[2J\u202e'


def test_what_is_not_there_is_a_dash() -> None:
    pieces = [markup.digest(None), markup.digest(""), markup.size(None), markup.moment(None), markup.folded(None)]
    assert pieces == [markup.missing()] * 5
