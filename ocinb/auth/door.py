"""The door of a registry: it stands open until somebody asks who is there, and only then are keys looked for.

What is asked of a registry goes through it as a visit: sent, refused perhaps, and sent again with what opens.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ocinb._settings import Settings
from ocinb.auth.opening import REFUSALS, Opening
from ocinb.network.addresses import same_origin
from ocinb.network.response import Answer
from ocinb.network.session import Http
from ocinb.storage.responses import is_asking

if TYPE_CHECKING:
    from ocinb.auth.keyring import Keyring

# To learn what is wanted, to be told that it was not enough, and once more.
TRIES = 3


class Door:
    """The way into one registry.

    Parameters
    ----------
    http
        Who asks for tokens.
    settings
        Where credentials are looked up, each time anew.
    registry
        The registry's name.
    """

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._keyring: Keyring | None = None
        self._was_asking: bool | None = None

    def visit(self, scope: str) -> Visit:
        """Begin a question; ``scope`` is what a token has to open, such as ``repository:NAME:pull``."""
        return Visit(self, scope)

    def principals(self, scope: str) -> tuple[str, ...]:
        """Say whose answers may be given to us again: our own, and those that were given to nobody in particular.

        Files are not read and helpers not run for a registry that has never asked.
        """
        if self._was_asking is None:
            self._was_asking = is_asking(self._settings.cache_dir, self._registry)
        has_asked = self._keyring is not None and self._keyring.has_asked
        return (self._keys().principal(scope), "") if has_asked or self._was_asking else ("",)

    def opening(self, base: str, scope: str) -> Opening:
        """Give what opens a scope, as far as the registry has said before what it wants.

        Parameters
        ----------
        base
            The registry's URL.
        scope
            What is to be opened.

        Raises
        ------
        AuthError
            If no token is given.
        """
        return Opening() if self._keyring is None else self._keyring.opening(base, scope)

    def hear(self, answer: Answer, base: str, scope: str, used: str | None) -> bool:
        """Learn from a refusal, as `Keyring.hear` does."""
        return self._keys().hear(answer, base, scope, used)

    def _keys(self) -> Keyring:
        # Tokens, logins and the programs that tell them need not be loaded for a registry that nobody has to enter.
        from ocinb.auth.keyring import Keyring

        with self._lock:
            if self._keyring is None:
                self._keyring = Keyring(self._http, self._settings, self._registry)
            return self._keyring


class Visit:
    """One question, from its first try to its last: what each is sent with, and what its refusal teaches."""

    def __init__(self, door: Door, scope: str) -> None:
        self._door = door
        self._scope = scope
        self._left = TRIES - 1
        self._opening = Opening()

    def opening(self, base: str) -> Opening:
        """Give what the next try is sent with.

        Raises
        ------
        AuthError
            If no token is given.
        """
        self._opening = self._door.opening(base, self._scope)
        return self._opening

    def may_try_again(self, answer: Answer, base: str) -> bool:
        """Learn from an answer, and say whether another try can help.

        Raises
        ------
        AuthError
            If the registry wants what there is not.
        """
        # What a redirect led to has no say in where this registry's credentials go.
        if answer.status not in REFUSALS or not same_origin(answer.url, base) or not self._left:
            return False
        self._left -= 1
        return self._door.hear(answer, base, self._scope, self._opening.authorization)

    @property
    def words(self) -> str:
        """Say as whom the registry was asked."""
        return self._opening.words

    @property
    def secrets(self) -> tuple[str, ...]:
        """Give what the registry was told."""
        return self._opening.secrets
