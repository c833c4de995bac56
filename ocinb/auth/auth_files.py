"""Auth files: what docker and podman have written down about logins, where it stands, and in which order it counts.

The order is podman's, with what somebody named in the environment before what lies in its usual place:

1. ``$REGISTRY_AUTH_FILE``
2. ``$DOCKER_CONFIG/config.json``; where the variable is set, ``~/.docker`` is not looked into
3. ``$XDG_RUNTIME_DIR/containers/auth.json``, or ``/run/containers/UID/auth.json`` where the variable is not set; on
   other systems than Linux ``~/.config/containers/auth.json``
4. ``$XDG_CONFIG_HOME/containers/auth.json``, or ``~/.config/containers/auth.json``
5. ``~/.docker/config.json``
6. ``~/.dockercfg``, docker's old form

Sources: containers-auth.json(5); the documentation of ``docker login``. As with both programs, who else may read a file
is not checked.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocinb._credentials import BEARER_USER, IDENTITY_USER, fold_key, is_bearer

# A thousand logins have less; what is longer is something else.
MAX_BYTES = 4 * 1024 * 1024

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AuthPath:
    """A place where a file may be.

    Attributes
    ----------
    path
        The file.
    variable
        The variable that names this very file, so that it is a mistake if it is not there.
    is_legacy
        Whether the whole file is what stands under ``auths`` in the others.
    """

    path: Path
    variable: str | None = None
    is_legacy: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A login as a file has it; it does not show itself.

    Attributes
    ----------
    user, secret
        In the words of settings: the user may be ``"<token>"`` or ``"<bearer>"``.
    user_beside, secret_beside
        User and password that stand beside an identity token, for services that know no such tokens.
    """

    user: str = field(repr=False)
    secret: str = field(repr=False)
    user_beside: str = field(default="", repr=False)
    secret_beside: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AuthFile:
    """What a file says.

    Attributes
    ----------
    path
        The file.
    stamp
        What changes when it is written anew.
    entries
        Logins by key.
    helpers
        Names of credential helpers by key.
    store
        Name of the helper for all hosts.
    faults
        What is wrong with an entry, by its key; with ``""`` as the key, what is wrong with all of the file. Nothing of
        what stands in it is quoted.
    """

    path: Path
    stamp: Stamp
    entries: Mapping[str, Entry] = field(default_factory=dict)
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None
    faults: Mapping[str, str] = field(default_factory=dict)


class AuthFiles:
    """The files of this machine, read when they are asked for and again when they have changed."""

    def __init__(self) -> None:
        self._read: dict[Path, AuthFile] = {}

    def __iter__(self) -> Iterator[AuthFile]:
        """Give the files that are there, in the order in which they count."""
        for place in auth_paths(os.environ, sys.platform):
            stamp = _stamp(place.path)
            if stamp is None:
                self._read.pop(place.path, None)
                if place.variable:
                    fault = f"{place.variable} names {place.path}, which is not there"
                    yield AuthFile(place.path, (), faults={"": fault})
                continue
            known = self._read.get(place.path)
            if known is None or known.stamp != stamp:
                known = self._read[place.path] = _read(place, stamp)
            yield known


def auth_paths(environment: Mapping[str, str], system: str) -> list[AuthPath]:
    """List where files may be, in the order in which they count; a place that is named twice is looked into once."""
    home = _home(environment)
    named, docker = environment.get("REGISTRY_AUTH_FILE"), environment.get("DOCKER_CONFIG")
    places = []
    if named:
        places.append(AuthPath(Path(named), variable="REGISTRY_AUTH_FILE"))
    if docker:
        places.append(AuthPath(Path(docker) / "config.json"))
    places += [AuthPath(path) for path in _podman_paths(environment, system, home)]
    if home and not docker:
        places.append(AuthPath(home / ".docker" / "config.json"))
    if home:
        places.append(AuthPath(home / ".dockercfg", is_legacy=True))
    first: dict[Path, AuthPath] = {}
    for place in places:
        first.setdefault(place.path, place)
    return list(first.values())


def _podman_paths(environment: Mapping[str, str], system: str, home: Path | None) -> Iterator[Path]:
    runtime, config = environment.get("XDG_RUNTIME_DIR"), environment.get("XDG_CONFIG_HOME")
    if system == "linux":
        yield Path(runtime or f"/run/containers/{os.getuid()}", *(["containers"] if runtime else []), "auth.json")
    elif home:
        yield home / ".config" / "containers" / "auth.json"
    if config or home:
        yield Path(config or f"{home}/.config", "containers", "auth.json")


def _home(environment: Mapping[str, str]) -> Path | None:
    try:
        return Path(environment.get("HOME") or Path.home())
    except RuntimeError:  # nobody's home is known
        return None


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return ()  # it may be there; why it cannot be read is said when it is
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def _read(place: AuthPath, stamp: Stamp) -> AuthFile:
    try:
        value = json.loads(_bytes(place.path))
    except OSError as error:
        return AuthFile(place.path, stamp, faults={"": f"{place.path} cannot be read: {error.strerror or error}"})
    except (ValueError, RecursionError):  # without their words: they quote what they read
        return AuthFile(place.path, stamp, faults={"": f"{place.path} is not valid JSON"})
    if not isinstance(value, dict):
        return AuthFile(place.path, stamp, faults={"": f"{place.path} is not a JSON object"})
    return _interpreted(place, stamp, value)


def _bytes(path: Path) -> bytes:
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no regular file")
        raw: bytes = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise OSError(f"it is longer than {MAX_BYTES:,} bytes")
    return raw


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that nobody writes to would be waited for


def _interpreted(place: AuthPath, stamp: Stamp, value: dict[str, Any]) -> AuthFile:
    parts = {"auths": value} if place.is_legacy else value
    entries: dict[str, Entry] = {}
    faults: dict[str, str] = {}
    for key, name, kept in _folded(parts.get("auths")):
        whole = key.partition("/")[0] if place.is_legacy else key
        try:
            entry = _entry(kept)
        except ValueError:
            faults[whole] = f"{place.path} has an entry for {whole} that cannot be read"
            continue
        # A key that needs no folding is meant more than one that was written in an old form.
        if entry and (whole not in entries or whole == name):
            entries[whole] = entry
    helpers = {key: helper for key, _, helper in _folded(parts.get("credHelpers")) if _is_text(helper)}
    store = parts.get("credsStore")
    return AuthFile(place.path, stamp, entries, helpers, str(store) if _is_text(store) else None, faults)


def _folded(mapping: Any) -> Iterator[tuple[str, str, Any]]:
    for name, value in mapping.items() if isinstance(mapping, dict) else ():
        key = fold_key(name)
        if key:
            yield key, name, value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _entry(kept: Any) -> Entry | None:
    """Read one login; None for the empty one that docker leaves where a helper keeps the secret."""
    if not isinstance(kept, dict):
        raise ValueError  # noqa: TRY004 - what is wrong with an entry is all one
    texts = {name: kept.get(name) or "" for name in ("auth", "username", "password", "identitytoken", "registrytoken")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError
    user, password = _decoded(texts["auth"]) if texts["auth"] else (texts["username"], texts["password"])
    if texts["registrytoken"]:
        if not is_bearer(texts["registrytoken"]):
            raise ValueError
        return Entry(BEARER_USER, texts["registrytoken"])
    if texts["identitytoken"]:
        return Entry(IDENTITY_USER, texts["identitytoken"], user, password)
    return Entry(user, password) if user or password else None


def _decoded(auth: str) -> tuple[str, str]:
    """Take user and password apart; bytes that are no UTF-8 are kept for the one who wants them as they are."""
    try:
        plain = base64.b64decode("".join(auth.split()), validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error:
        raise ValueError from None
    user, colon, password = plain.partition(":")
    if not colon:
        raise ValueError
    return user, password.strip("\0")
