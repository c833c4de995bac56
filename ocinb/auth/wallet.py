"""The wallet: where credentials are looked up: what was set, written in a file, or told by a helper.

What was given in ``ocinb.settings.credentials`` comes first, then the files in the order of
:mod:`ocinb.auth.authfiles`. Within each of them the key that fits a repository best decides; for one key a helper of
its own (``credHelpers``) comes before the helper for all (``credsStore``), and that before what stands in ``auths``.
No file is read and no helper run before a registry has asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocinb._credentials import BEARER_USER, HUB, IDENTITY_USER, is_bearer, keys_for
from ocinb._settings import Settings
from ocinb._text import Hidden
from ocinb.auth.authfiles import AuthFile, AuthFiles, Entry
from ocinb.auth.credentials import Credential, Found, Kind
from ocinb.auth.helpers import PREFIX, Helpers

# What docker calls Docker Hub when it asks a helper; podman asks for the name that people use.
HUB_SERVERS = ("https://index.docker.io/v1/", HUB)
_SETTINGS = "ocinb.settings.credentials"


class Wallet:
    """Looks for the credentials of one registry, each time anew: a login in another terminal is heard.

    Parameters
    ----------
    settings
        What people have set.
    registry
        The registry's name.
    """

    def __init__(self, settings: Settings, registry: str) -> None:
        self._settings = settings
        self._registry = registry
        self._files = AuthFiles()
        self._helpers = Helpers(settings)

    def find(self, repository: str | None) -> Found:
        """Find who we are in a repository, or in the registry as a whole."""
        keys = keys_for(self._registry, repository)
        given = self._given(keys)
        if given is not None:
            return Found(given)
        faults: list[str] = []
        for file in self._files:
            for credential in self._in_file(file, keys, faults):
                return Found(credential, tuple(faults))
        return Found(None, tuple(faults))

    def forget(self) -> None:
        """Believe no helper any more what it said before."""
        self._helpers.forget()

    def _given(self, keys: list[str]) -> Credential | None:
        for key in keys:
            pair = self._settings.credentials.get(key)
            if pair is not None:
                return _credential(Entry(*pair), f'{_SETTINGS}["{key}"]')
        return None

    def _in_file(self, file: AuthFile, keys: list[str], faults: list[str]) -> Iterator[Credential]:
        """Give what a file knows for the keys, the best first, and note what is wrong on the way."""
        if "" in file.faults:
            faults.append(file.faults[""])
        for key in keys:
            helper = file.helpers.get(key) or (file.store if key == keys[-1] else None)
            if helper:
                yield from self._told(helper, file, faults)
            if key in file.entries:
                yield _credential(file.entries[key], f"{file.path} for {key}")
            if key in file.faults:
                faults.append(file.faults[key])

    def _told(self, helper: str, file: AuthFile, faults: list[str]) -> Iterator[Credential]:
        for server in HUB_SERVERS if self._registry == HUB else (self._registry,):
            said = self._helpers.ask(helper, server, file.stamp)
            if said.fault:
                faults.append(f"{said.fault} ({file.path} names it)")
                return
            if said.user or said.secret:
                origin = f"{PREFIX}{helper}, which {file.path} names"
                yield _credential(Entry(said.user, said.secret), origin, is_told=True)


def _credential(entry: Entry, origin: str, *, is_told: bool = False) -> Credential:
    secret = Hidden(entry.secret)
    if entry.user == IDENTITY_USER:
        return Credential(Kind.IDENTITY, entry.user_beside, secret, origin, Hidden(entry.secret_beside), is_told)
    if entry.user == BEARER_USER and is_bearer(secret):
        return Credential(Kind.BEARER, "", secret, origin, is_told=is_told)
    return Credential(Kind.PASSWORD, entry.user, secret, origin, is_told=is_told)
