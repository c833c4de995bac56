"""Scopes: what a token opens, asked for as narrowly as a registry lets us.

Sources: distribution's spec/auth/scope.md; RFC 6749, section 3.3, for the characters that a scope is made of.
"""

from __future__ import annotations

import re

# A registry names one or two; the rest would only make an address too long to be sent.
MAX_CHARACTERS = 2048
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_READING = frozenset({"pull", "metadata_read"})
_REPOSITORY = re.compile(r"repository(?:\([^():]*\))?:(?P<name>.+):(?P<actions>[^:]*)")


def repository_of(scope: str) -> str | None:
    """Give the repository that a scope is about.

    >>> repository_of("repository:demo/shop:pull"), repository_of("registry:catalog:*")
    ('demo/shop', None)
    """
    match = _REPOSITORY.fullmatch(scope)
    return match["name"] if match else None


def wider(scope: str, named: str, *, insufficient: bool) -> tuple[str, ...]:
    """Give what to ask for when a registry names scopes of its own: ours, and of its what reading can need.

    Behind a proxy a repository may have another name, so a scope that opens another one for reading is taken over.
    More than reading is asked for only in the repository in question, and only if a token was not enough.

    Parameters
    ----------
    scope
        What we would ask for.
    named
        The parameter of the challenge: scopes with blanks between them. If one of them is none, all are left out.
    insufficient
        Whether a token for less was refused.

    >>> wider("repository:shop:pull", "repository:proxy/shop:pull repository:shop:pull,push", insufficient=False)
    ('repository:shop:pull', 'repository:proxy/shop:pull')
    """
    scopes = list(filter(None, named.split(" ")))
    if len(named) > MAX_CHARACTERS or not all(map(_SCOPE.fullmatch, scopes)):
        return (scope,)
    return tuple(dict.fromkeys((scope, *(one for one in scopes if _fits(scope, one, insufficient)))))


def _fits(scope: str, named: str, insufficient: bool) -> bool:  # noqa: FBT001 - as it came
    match = _REPOSITORY.fullmatch(named)
    if match is None:
        return insufficient  # "*", or what only this registry knows
    is_reading = set(match["actions"].split(",")) <= _READING
    return is_reading or (insufficient and match["name"] == repository_of(scope))
