"""Realms: where a registry may have tokens asked for, and whom it may have credentials shown to.

Whether it leads into a network that only we are in is judged when it is asked, as for all that a registry leads to.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ocinb._settings import Settings
from ocinb.errors import AuthError, TransportError
from ocinb.network.addresses import followed, is_loopback, safe_url, same_origin
from ocinb.network.tls import is_insecure


def realm_of(parameter: str, base: str, settings: Settings) -> str:
    """Give the address at which a registry wants tokens to be asked for."""
    try:
        realm = followed(base, parameter)
    except TransportError as error:
        raise AuthError("the registry wants tokens to be asked for at no readable address", url=error.url) from None
    if not may_give_tokens(realm, base, settings):
        raise refused_realm(realm, base)
    return realm


def refused_realm(realm: str, base: str, why: str = "") -> AuthError:
    """Make the error of a realm at which nothing is asked for."""
    what = f"the registry wants tokens to be asked for at {safe_url(realm)}, which is refused"
    hint = "Tokens are asked for over https, and nowhere that only this machine or its network can reach"
    return AuthError(f"{what}: {why}" if why else what, url=safe_url(base), hint=hint)


def may_give_tokens(realm: str, base: str, settings: Settings) -> bool:
    """Say whether a registry may have tokens asked for at an address.

    At its own; at any over https; over plain http, if it speaks that itself, on its own host, at hosts that were said
    to be insecure, and on this machine.
    """
    there, here = urlsplit(realm), urlsplit(base)
    if there.scheme not in {"http", "https"} or not there.hostname:
        return False
    if there.scheme == "https" or same_origin(realm, base):
        return True
    both_on_this_machine = is_loopback(there.hostname) and is_loopback(here.hostname)
    return may_see_credentials(realm, base, settings) or (here.scheme == "http" and both_on_this_machine)


def may_see_credentials(realm: str, base: str, settings: Settings) -> bool:
    """Say whether a registry's credentials may be shown where it has tokens asked for.

    Over https, as docker does: what a registry has shown to another, it could as well have asked for itself. Over
    plain http, if it speaks that itself, on its own host at whatever port, and at hosts that were said to be insecure.
    """
    there, here = urlsplit(realm), urlsplit(base)
    if there.scheme == "https":
        return True
    return here.scheme == "http" and (there.hostname == here.hostname or is_insecure(there.netloc, settings))
