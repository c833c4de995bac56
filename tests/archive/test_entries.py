from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import text_of

NAMES = st.lists(st.sampled_from([b"\\", b"x", b"\xe9", b"e9", b"a", "é".encode(), b"\xed\xa0\x80"])).map(b"".join)


@given(NAMES, NAMES)
def test_no_two_names_fall_together(one: bytes, other: bytes) -> None:
    assert (text_of(one) == text_of(other)) == (one == other)


def spelled(raw: bytes) -> str:
    """Say by hand how a name reads: each run of backslashes is looked at once, with what follows it."""
    runs = [(char, "".join(run)) for char, run in groupby(raw.decode("utf-8", "surrogateescape"))]
    written = ""
    for place, (char, run) in enumerate(runs):
        after = runs[place + 1][0] if place + 1 < len(runs) else ""
        if char == "\\" and (after == "x" or "\udc80" <= after <= "\udcff"):
            written += run * 2
        elif "\udc80" <= char <= "\udcff":
            written += "".join(f"\\x{ord(one) - 0xDC00:02x}" for one in run)
        else:
            written += run
    return written


@given(NAMES)
def test_backslashes_are_doubled_only_where_they_could_be_mistaken(raw: bytes) -> None:
    assert text_of(raw) == spelled(raw)


@given(st.binary())
def test_every_name_is_text_that_can_be_written(raw: bytes) -> None:
    text = text_of(raw)
    assert text.encode().decode() == text
