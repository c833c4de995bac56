"""An os-release file says which distribution it is of, and whatever else it says does no harm."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ocinb.rootfs.os_release import distribution_of


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"ID={text}\nVERSION_ID={text}".encode()))
def test_the_result_is_always_short_and_plain(raw: bytes) -> None:
    result = distribution_of(raw)
    assert result is None or re.fullmatch(r"[A-Za-z0-9._+~-]{1,64}( [A-Za-z0-9._+~-]{1,64})?", result)
