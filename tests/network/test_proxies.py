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
    ("environment", "url", "proxy"),
    [
        ({}, URL, None),
        ({"https_proxy": "http://p:3128"}, URL, "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, URL, "http://p:3128"),
        ({"HTTP_PROXY": "http://p:3128"}, URL, None),
        ({"http_proxy": "http://p:3128"}, "http://registry.example/", "http://p:3128"),
        ({"ALL_PROXY": "http://p:3128"}, URL, "http://p:3128"),
        ({"all_proxy": "socks5h://p:1080"}, URL, "socks5h://p:1080"),
        ({"https_proxy": "ada:pw@p:3128"}, URL, "http://ada:pw@p:3128"),
        ({"https_proxy": "http://p:3128", "NO_PROXY": "registry.example"}, URL, None),
        ({"https_proxy": "http://p:3128", "no_proxy": ".example"}, URL, None),
        ({"https_proxy": "http://p:3128", "no_proxy": "*"}, URL, None),
        ({"https_proxy": "http://p:3128", "no_proxy": "10.0.0.0/8"}, "https://10.1.2.3:5000/", None),
        ({"https_proxy": "http://p:3128", "no_proxy": "other.example"}, URL, "http://p:3128"),
        ({"ALL_PROXY": "http://p:3128"}, "http://127.0.0.1:5000/", None),
        ({"ALL_PROXY": "http://p:3128"}, "http://localhost:5000/", None),
    ],
)
def test_who_is_asked_through_whom(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert list(proxies_for(url).values()) == ([proxy] if proxy else [])


@pytest.mark.parametrize(
    "proxy", ["http://ada:hidden@", "http://ada:hidden@p:99999", "http://ada:hidden@p:0", "http://[::1"]
)
def test_a_proxy_without_an_address(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(TransportError, match=r"its address cannot be used .*HTTPS_PROXY") as caught:
        proxies_for(URL)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
