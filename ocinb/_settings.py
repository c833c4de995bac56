"""What people may set, and every limit by its name: the one place that knows a default."""

from __future__ import annotations

import math
import operator
import os
import platform as _machine
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb._credentials import Credentials
from ocinb._suggestions import nearest
from ocinb._text import card
from ocinb.errors import InvalidError

MIB = 1024 * 1024


def _data_dir() -> str:
    import platformdirs

    return platformdirs.user_data_dir("ocinb")


def _cache_dir() -> str:
    import platformdirs

    return platformdirs.user_cache_dir("ocinb")


# What the kernel calls a machine, where images are called otherwise.
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i686": "386",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "loongarch64": "loong64",
}


def _default_platform() -> str:
    # Images are made for Linux; on a Mac only the architecture is the machine's own.
    machine = _machine.machine().lower() or "amd64"
    return f"linux/{_MACHINES.get(machine, machine)}"


def _setting(name: str, default: Any, meaning: str) -> Any:
    def first() -> Any:
        # A variable that is set to nothing says nothing; a store in "" would be one in the current folder.
        return os.environ.get(_variable(name)) or (default() if callable(default) else default)

    return field(default_factory=first, metadata={"meaning": meaning, "default": default})


def _variable(name: str) -> str:
    return f"OCINB_{name.upper()}"


@dataclass(slots=True)
class Settings:
    """How ocinb behaves in this process.

    Each attribute is first read from an environment variable named after it: ``tag_ttl`` from ``OCINB_TAG_TTL``.
    What is given to ``Settings()`` or set later wins over it; credentials have no variable. A name that is not there is
    refused, with the nearest one that is.

    >>> settings = Settings()
    >>> settings.tag_ttl
    300
    >>> settings.tag_tll = 60
    Traceback (most recent call last):
        ...
    ocinb.errors.InvalidError: there is no setting 'tag_tll'. Did you mean 'tag_ttl'?
    """

    platform: str = _setting(
        "platform", _default_platform, "the platform that is chosen from an index when none is asked for"
    )
    credentials: Credentials = field(
        default_factory=Credentials,
        metadata={
            "meaning": "user and secret by registry or path in it: credentials[host] = (user, secret); the user "
            '"<token>" says that the secret is an identity token, "<bearer>" that it is a token for the registry itself'
        },
    )
    store_dir: Path = _setting("store_dir", _data_dir, "where documents and blobs are kept, an OCI image layout")  # noqa: RUF009 - it makes a field
    cache_dir: Path = _setting("cache_dir", _cache_dir, "where answers to questions by name (tags, lists) are kept")  # noqa: RUF009 - it makes a field
    tag_ttl: int = _setting(
        "tag_ttl", 300, "seconds for which a tag is believed without asking again; 0 asks every time"
    )
    offline: bool = _setting(
        "offline", default=False, meaning="whether all answers come from the store and the cache, and nobody is asked"
    )
    ca_bundle: Path | None = _setting(  # noqa: RUF009 - it makes a field
        "ca_bundle", None, "a file or folder of certificate authorities to trust; None takes those of the system"
    )
    insecure_registries: tuple[str, ...] = _setting(
        "insecure_registries",
        (),
        "hosts, or networks such as 10.0.0.0/8, that may speak plain http, or TLS with a certificate that nobody "
        "vouches for",
    )
    progress: bool = _setting("progress", default=True, meaning="whether transfers draw bars")
    concurrency: int = _setting("concurrency", 6, "exchanges with one registry at a time")
    timeout: float = _setting("timeout", 30.0, "seconds without a byte after which an exchange is given up")
    retries: int = _setting("retries", 3, "times that what failed for a moment is tried again within one call")
    max_wait: float = _setting(
        "max_wait", 60.0, "seconds that a registry may ask to wait before it is an error that says when to come back"
    )
    max_manifest_bytes: int = _setting("max_manifest_bytes", 4 * MIB, "largest index, manifest or config that is read")
    max_answer_bytes: int = _setting("max_answer_bytes", 1 * MIB, "largest token or error that is read")
    max_list_bytes: int = _setting("max_list_bytes", 32 * MIB, "largest page of a tag list or catalogue that is read")
    max_list_pages: int = _setting("max_list_pages", 10_000, "most pages that one list may have")
    max_redirects: int = _setting("max_redirects", 10, "most redirects that one request may take")
    max_index_depth: int = _setting("max_index_depth", 8, "how deep indexes may lie in indexes")
    max_indexes: int = _setting("max_indexes", 100, "most indexes that one name may lead to, itself and those in it")
    max_index_children: int = _setting(
        "max_index_children",
        10_000,
        "most manifests that one index and those in it may name together, and most referrers of one image",
    )
    max_archive_members: int = _setting("max_archive_members", 100_000, "most members that an archive may have")
    max_tar_entries: int = _setting(
        "max_tar_entries", 2_000_000, "most entries that one layer, or all of an image, may have"
    )
    max_tar_header_bytes: int = _setting(
        "max_tar_header_bytes",
        1 * MIB,
        "most bytes that the headers of one entry may have: long names, pax records, the map of a sparse file",
    )
    max_tar_name_bytes: int = _setting(
        "max_tar_name_bytes",
        256 * MIB,
        "most memory that the paths and link targets of one layer may take, since all are held",
    )
    max_unpacked_bytes: int = _setting(
        "max_unpacked_bytes", 64 * 1024 * MIB, "most bytes that a compressed archive may have when it is unpacked"
    )
    max_unpacked_ratio: int = _setting(
        "max_unpacked_ratio", 200, "how many times larger than itself an archive of more than 64 MiB may be unpacked"
    )
    max_hole_bytes: int = _setting(
        "max_hole_bytes",
        4 * 1024 * MIB,
        "most bytes that the holes of all sparse files of one layer may have, which are hashed as zeros",
    )
    max_window_bytes: int = _setting(
        "max_window_bytes", 128 * MIB, "most memory that zstd and xz may take to look back in what they unpack"
    )
    max_toc_bytes: int = _setting(
        "max_toc_bytes", 64 * MIB, "largest table of contents of a layer (eStargz, zstd:chunked) that is read, unpacked"
    )
    max_file_bytes: int = _setting(
        "max_file_bytes", 256 * MIB, "largest file that is read out of an image, since it is held in memory"
    )

    def __repr__(self) -> str:
        """Show one in each line, as a person reads them."""
        lines = "".join(f"    {name}={getattr(self, name)!r},\n" for name in _TYPES)
        return f"Settings(\n{lines})"

    def _repr_html_(self) -> str:
        """Show in a notebook what each of them means, too; of credentials nothing but whose they are."""
        rows = ((entry.name, repr(getattr(self, entry.name)), entry.metadata["meaning"]) for entry in fields(self))
        return card("Settings", "ocinb.settings.NAME = VALUE sets one, for this process", rows)

    if not TYPE_CHECKING:  # which would believe then that there is every name

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"there is no setting {name!r}. {_suggestion(name)}")

    def __delattr__(self, name: str) -> None:
        """Give a setting its first value again: that of the environment, or its default."""
        if name not in _TYPES:
            raise InvalidError(f"there is no setting {name!r}", hint=_suggestion(name))
        object.__setattr__(self, name, getattr(type(self)(), name))

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what is unknown or of the wrong type at once, not when it is first used."""
        if name not in _TYPES:
            raise InvalidError(f"there is no setting {name!r}", hint=_suggestion(name))
        object.__setattr__(self, name, _converted(name, value))


_TYPES = {entry.name: str(entry.type) for entry in fields(Settings)}

# help(ocinb.settings) says of each what the documentation says.
_MEANINGS = "".join(f"    {entry.name}\n        {entry.metadata['meaning']}\n" for entry in fields(Settings))
Settings.__doc__ = f"{Settings.__doc__}\n    Attributes\n    ----------\n{_MEANINGS}"

_FALSE = ("0", "false", "no", "off")
_TRUE = ("1", "true", "yes", "on")
_NEVER_ZERO = {"concurrency", "timeout"}


def _suggestion(name: str) -> str:
    near = nearest(name, _TYPES)
    return f"Did you mean {near!r}?" if near else f"There are: {', '.join(_TYPES)}"


def _converted(name: str, value: Any) -> Any:
    kind = _TYPES[name]
    if kind == "Credentials":
        return value if isinstance(value, Credentials) else Credentials(value)
    try:
        converted = _READERS[kind](value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # pathlib's, for a home that is not there
        said = [f"It was read from {_variable(name)}"] if os.environ.get(_variable(name)) == value is not None else []
        wanted = "True or False" if kind == "bool" else f"a value of type {kind}"
        back = [f"del ocinb.settings.{name} gives it its first value again"] if value is None else []
        hint = ". ".join([*said, *back, *(_meant(value) if kind == "bool" else [])]) or None
        raise InvalidError(f"the setting {name!r} takes {wanted}, not {value!r}", hint=hint) from None
    if kind in {"int", "float"} and (converted < 0 or (converted == 0 and name in _NEVER_ZERO)):
        raise InvalidError(f"the setting {name!r} has to be positive, not {value!r}")
    return converted


def _meant(value: Any) -> list[str]:
    """Say which texts are true and false, and which of these was mistyped."""
    if not isinstance(value, str):
        return []
    near = nearest(value.strip().lower(), _TRUE + _FALSE)
    true, false = (f"{', '.join(texts[:-1])} or {texts[-1]}" for texts in (_TRUE, _FALSE))
    return [f"In words {true} is True, and {false} is False", *([f"Did you mean {near!r}?"] if near else [])]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _path(value: Any) -> Path:
    text = os.fspath(value)
    if not os.fsencode(text) or "\0" in text:  # that refuses half a character, which no system takes either
        raise ValueError
    return Path(text).expanduser().absolute()


def _optional_path(value: Any) -> Path | None:
    return None if value is None else _path(value)


def _hosts(value: Any) -> tuple[str, ...]:
    entries = value.split(",") if isinstance(value, str) else list(value)
    if not all(isinstance(entry, str) for entry in entries):
        raise TypeError
    return tuple(entry.strip() for entry in entries if entry.strip())


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _FALSE + _TRUE:
        raise ValueError
    return text in _TRUE


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return int(value) if isinstance(value, str) else operator.index(value)


def _seconds(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "Path": _path,
    "Path | None": _optional_path,
    "tuple[str, ...]": _hosts,
    "bool": _boolean,
    "int": _whole,
    "float": _seconds,
}

settings = Settings()
