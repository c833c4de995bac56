"""Credentials: what says who we are at a registry, and where it was found."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from ocinb._text import Hidden


class Kind(StrEnum):
    """What a secret is."""

    PASSWORD = "password"  # noqa: S105 - a word
    IDENTITY = "identity token"
    BEARER = "bearer token"


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a secret, or a token, and where it was found; it shows only the latter.

    Attributes
    ----------
    kind
        What the secret is: a password, a token for which a token service gives others, or the registry's own token.
    user, secret
        The user is empty where a token needs none.
    origin
        Where it was found, and under which key.
    password
        What stands beside an identity token, for who takes only a password.
    is_told
        Whether a helper said so, which may say something else when it is asked again.
    """

    kind: Kind
    user: str = field(repr=False)
    secret: str = field(repr=False)
    origin: str
    password: str = field(default="", repr=False)
    is_told: bool = False

    @property
    def basic(self) -> str:
        """The header for who takes a user and a password (RFC 7617), in UTF-8."""
        pair = f"{self.user}:{self.password or self.secret}".encode("utf-8", "surrogateescape")
        return Hidden("Basic " + base64.b64encode(pair).decode("ascii"))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that may not be shown, should somebody whom it was told say it back."""
        return tuple(filter(None, (self.secret, self.password, self.basic.partition(" ")[2])))

    @property
    def fingerprint(self) -> str:
        """What tells this one from all others, and does not tell the secret."""
        parts = ("ocinb", self.kind, self.user, self.secret, self.password)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought.

    Attributes
    ----------
    credential
        The one to use, or None.
    faults
        What could not be read or run on the way to it: it may have been the one that was meant.
    """

    credential: Credential | None = None
    faults: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Say as whom the registry was asked, and what went wrong in finding that out."""
        who = f"with the credentials of {self.credential.origin}" if self.credential else "without credentials"
        return "; ".join([f"It was asked {who}", *self.faults])
