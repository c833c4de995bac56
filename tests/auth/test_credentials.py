"""What says who we are is told apart without being told."""

from __future__ import annotations

from ocinb.auth.credentials import Credential, Kind


def test_fingerprints_tell_all_apart() -> None:
    ones = [
        Credential(Kind.PASSWORD, "ada", "x", "o"), Credential(Kind.PASSWORD, "ada", "y", "o"),
        Credential(Kind.PASSWORD, "eve", "x", "o"), Credential(Kind.IDENTITY, "ada", "x", "o"),
        Credential(Kind.IDENTITY, "ada", "x", "o", "y"), Credential(Kind.PASSWORD, "ada\0x", "", "o"),
        Credential(Kind.PASSWORD, "ada", "\udcff", "o"),
    ]  # fmt: skip
    assert len({one.fingerprint for one in ones}) == len(ones)
