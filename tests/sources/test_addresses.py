"""What is this machine, and what only looks like it."""

from __future__ import annotations

import pytest

from ocinb.sources.addresses import is_loopback, is_within


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("a.localhost", True),
        ("localhost.", True),
        ("::ffff:127.0.0.1", True),
        ("127.1", True),
        ("2130706433", True),
        ("", False),
        (None, False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_what_is_this_machine(host: str | None, here: bool) -> None:  # noqa: FBT001 - a row
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("host", "within"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),
        ("0", True),
        ("::", True),
        ("10.0.0.1", False),
        ("203.0.113.7", False),
        ("registry.example", False),
        (None, False),
    ],
)
def test_where_nobody_from_elsewhere_may_lead(host: str | None, within: bool) -> None:  # noqa: FBT001 - a row
    assert is_within(host) is within
