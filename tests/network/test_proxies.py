"""The environment says who is asked through whom, in either case, and a proxy's password is shown to nobody else."""

from __future__ import annotations

import pytest

from ocinb.errors import TransportError
from ocinb.network.proxies import proxies_for

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
URL = "https://registry.example/v2/"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "proxy", ["http://ada:hidden@", "http://ada:hidden@p:99999", "http://ada:hidden@p:0", "http://[::1"]
)
def test_a_proxy_without_an_address(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(TransportError, match=r"its address cannot be used .*HTTPS_PROXY") as caught:
        proxies_for(URL)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
