"""What people may set, and every limit by its name: the one place that knows a default."""

from __future__ import annotations

import difflib
import os
import platform as _machine
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ocinb.errors import InvalidError

MIB = 1024 * 1024


class Credentials(MutableMapping[str, tuple[str, str]]):
    """User and secret by registry host, in memory only; a repr shows the hosts and never a secret.

    >>> credentials = Credentials({"registry.example": ("ada", "s3cret")})
    >>> credentials
    Credentials({'registry.example': ('***', '***')})
    """

    def __init__(self, entries: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._entries: dict[str, tuple[str, str]] = {}
        for host, pair in (entries or {}).items():
            self[host] = pair

    def __setitem__(self, host: str, pair: tuple[str, str]) -> None:
        # The pair is checked without being quoted: an error message is a place where secrets leak.
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):  # noqa: PLR2004
            raise InvalidError(f"the credentials of {host} have to be a pair of texts: (user, secret)")
        self._entries[host] = (pair[0], pair[1])

    def __getitem__(self, host: str) -> tuple[str, str]:
        return self._entries[host]

    def __delitem__(self, host: str) -> None:
        del self._entries[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Credentials({dict.fromkeys(self._entries, ('***', '***'))})"


def _user_dir(kind: str) -> Callable[[], Path]:
    def default() -> Path:
        import platformdirs

        return Path(platformdirs.user_data_dir("ocinb") if kind == "data" else platformdirs.user_cache_dir("ocinb"))

    return default


def _default_platform() -> str:
    # Images are made for Linux; on a Mac only the architecture is the machine's own.
    machine = _machine.machine().lower()
    return f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine or 'amd64') }"


def _meaning(text: str) -> dict[str, str]:
    return {"meaning": text}


@dataclass(slots=True)
class Settings:
    """How ocinb behaves in this process.

    Each attribute is first read from an environment variable named after it: ``tag_ttl`` from ``OCINB_TAG_TTL``.
    Credentials have no variable. A name that is not there is refused, with the nearest one that is.

    >>> settings = Settings()
    >>> settings.tag_ttl
    300
    >>> settings.tag_tll = 60
    Traceback (most recent call last):
        ...
    ocinb.errors.InvalidError: there is no setting 'tag_tll'. Did you mean 'tag_ttl'?
    """

    platform: str = field(
        default_factory=_default_platform,
        metadata=_meaning("the platform that is chosen from an index when none is asked for"),
    )
    credentials: Credentials = field(
        default_factory=Credentials,
        metadata=_meaning("user and secret by registry host: credentials[host] = (user, secret)"),
    )
    store_dir: Path = field(
        default_factory=_user_dir("data"), metadata=_meaning("where documents and blobs are kept, an OCI image layout")
    )
    cache_dir: Path = field(
        default_factory=_user_dir("cache"),
        metadata=_meaning("where answers to questions by name (tags, lists) are kept"),
    )
    tag_ttl: int = field(
        default=300, metadata=_meaning("seconds for which a tag is believed without asking again; 0 asks every time")
    )
    progress: bool = field(default=True, metadata=_meaning("whether transfers draw bars"))
    concurrency: int = field(default=6, metadata=_meaning("exchanges with one registry at a time"))
    timeout: float = field(
        default=30.0, metadata=_meaning("seconds without a byte after which an exchange is given up")
    )
    retries: int = field(default=3, metadata=_meaning("times that a broken download is resumed within one call"))
    max_manifest_bytes: int = field(
        default=4 * MIB, metadata=_meaning("largest index, manifest or config that is read")
    )
    max_answer_bytes: int = field(default=1 * MIB, metadata=_meaning("largest token or error that is read"))
    max_list_bytes: int = field(
        default=32 * MIB, metadata=_meaning("largest page of a tag list or catalogue that is read")
    )
    max_list_pages: int = field(default=10_000, metadata=_meaning("most pages that one list may have"))
    max_redirects: int = field(default=10, metadata=_meaning("most redirects that one request may take"))
    max_index_depth: int = field(default=8, metadata=_meaning("how deep indexes may lie in indexes"))
    max_index_children: int = field(
        default=10_000, metadata=_meaning("most manifests that one index and those in it may name together")
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what is unknown or of the wrong type at once, not when it is first used."""
        types = _TYPES or {entry.name: entry.type for entry in fields(self)}
        if name not in types:
            raise InvalidError(f"there is no setting {name!r}", hint=_suggestion(name, types))
        object.__setattr__(self, name, _converted(name, str(types[name]), value))

    def __post_init__(self) -> None:
        for name in _TYPES or ():
            text = os.environ.get(f"OCINB_{name.upper()}")
            if text is not None and name != "credentials":
                setattr(self, name, text)


_TYPES: dict[str, Any] = {}
_TYPES.update({entry.name: entry.type for entry in fields(Settings)})

_FALSE = {"0", "false", "no", "off", ""}
_TRUE = {"1", "true", "yes", "on"}


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}"


def _converted(name: str, type_name: str, value: Any) -> Any:
    if type_name == "Credentials":
        return value if isinstance(value, Credentials) else Credentials(value)
    try:
        if type_name == "Path":
            return Path(value).expanduser().absolute()
        if type_name == "bool":
            return _boolean(value)
        if type_name == "str":
            return str(value)
        number = float(value) if type_name == "float" else int(value)
    except (TypeError, ValueError):
        raise InvalidError(f"the setting {name!r} takes a value of type {type_name}, not {value!r}") from None
    if number < 0 or (number == 0 and name in {"concurrency", "timeout"}):
        raise InvalidError(f"the setting {name!r} has to be positive, not {value!r}")
    return number


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _FALSE | _TRUE:
        raise ValueError(text)
    return text in _TRUE


settings = Settings()
