"""What people type leads to a path, and a name that is none is recognised as a file's."""

from __future__ import annotations

import pytest

from ocinb.errors import InvalidError
from ocinb.sources.name_lookup import local_path


def test_a_nul_is_no_part_of_a_path() -> None:
    with pytest.raises(InvalidError, match="is no path: it has a NUL in it"):
        local_path("folder\0elsewhere")
    with pytest.raises(InvalidError, match="is no path: it has half a character in it"):
        local_path("\ud800")
