"""Proxies: through whom the environment says that a host is asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from ocinb.errors import TransportError
from ocinb.network.addresses import is_loopback, netloc_of, safe_url

HINT = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment say who is asked through which proxy"


def proxies_for(url: str) -> dict[str, str]:
    """Give the proxy for a URL as requests wants it said, or nothing; this machine is asked without one.

    Raises
    ------
    TransportError
        If it has no address that can be used; it is not quoted, since it may have a password in it.
    """
    parts = urlsplit(url)
    if is_loopback(parts.hostname):
        return {}
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return {}
    full = proxy if "://" in proxy else f"http://{proxy}"  # as curl reads it
    if not _is_usable(full):
        what = f"the proxy on the way to {netloc_of(url)} lets nobody through: its address cannot be used"
        raise TransportError(what, url=safe_url(url), hint=HINT)
    return {parts.scheme: full}


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
