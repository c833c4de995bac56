"""Each compression, and both libraries for gzip."""

from __future__ import annotations

import pytest
from isal import igzip_lib

from ocinb.archive import compression


@pytest.fixture(params=["isal", "zlib"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a gzip read by either library."""
    monkeypatch.setattr(compression, "igzip_lib", igzip_lib if request.param == "isal" else None)
    return str(request.param)


@pytest.fixture(params=["gzip", "gzip by zlib", "zstd", "bzip2", "xz"])
def packer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have it compressed by each, and a gzip read by either library."""
    name, *by_zlib = str(request.param).split(" ", 1)
    monkeypatch.setattr(compression, "igzip_lib", None if by_zlib else igzip_lib)
    return name
