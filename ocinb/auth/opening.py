"""The opening: what a question to a registry is sent with, and what may be told of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocinb.auth.credentials import Credential, Found

# How those are answered who have no opening, or not the right one.
REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Opening:
    """What a question is sent with.

    Attributes
    ----------
    authorization
        The header, or None.
    principal
        A fingerprint of who asks, never the secret itself: empty if the registry is told nothing at all.
    words
        As whom the registry is asked, for an error.
    credential
        As whom, if as anybody.
    """

    authorization: str | None = field(default=None, repr=False)
    principal: str = ""
    words: str = Found().words
    credential: Credential | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the registry is told, or was."""
        own = (self.authorization.partition(" ")[2],) if self.authorization else ()
        return (*own, *(self.credential.secrets if self.credential else ()))

    @property
    def headers(self) -> dict[str, str]:
        """What goes into the request."""
        return {"Authorization": self.authorization} if self.authorization else {}
