"""Platforms: how they are written, when two are the same, and which image of an index fits.

Sources: OCI image-spec image-index.md (``platform``); the specifiers and normal forms of containerd/platforms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocinb._suggestions import nearest
from ocinb.errors import InvalidError

_OSES = frozenset(
    "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows "
    "zos".split()
)
_ARCHITECTURES = frozenset(
    "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 "
    "mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm".split()
)
_ALIASES = {
    "i386": ("386", None),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
# What a missing variant means.
_BASELINE = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
_PART = re.compile(r"[A-Za-z0-9_.-]+")
_VARIANT = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, as a document or a person wrote it.

    ``str()`` gives the normal form: one spelling for each platform, the one that people know.

    Examples
    --------
    >>> str(Platform("linux", "arm64", "v8")), str(Platform("linux", "arm"))
    ('linux/arm64', 'linux/arm/v7')
    """

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None

    @property
    def known(self) -> bool:
        """Whether it says anything; BuildKit gives its attestations the platform ``unknown/unknown``."""
        return bool(self.os and self.architecture) and "unknown" not in (self.os, self.architecture)

    @property
    def _normal(self) -> tuple[str, str, str | None]:
        os = self.os.lower()
        architecture = self.architecture.lower()
        architecture, implied = _ALIASES.get(architecture, (architecture, None))
        variant = implied or _normal_variant(self.variant or "") or _BASELINE.get(architecture)
        return ("darwin" if os == "macos" else os), architecture, variant

    def __str__(self) -> str:
        os, architecture, variant = self._normal
        plain = variant is None or (architecture != "arm" and variant == _BASELINE.get(architecture))
        return f"{os}/{architecture}" if plain else f"{os}/{architecture}/{variant}"


def parse_platform(text: str, default: str = "linux/amd64") -> Platform:
    """Read a platform as people write it: ``linux/arm64/v8``, ``linux/arm64``, ``arm64`` or ``windows``.

    Examples
    --------
    >>> str(parse_platform("arm64"))
    'linux/arm64'
    """
    parts = text.split("/") if isinstance(text, str) else []
    if not 1 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):  # noqa: PLR2004 - os/arch/variant
        raise InvalidError(f"{text!r} is not a platform", hint="A platform reads linux/amd64 or linux/arm/v7, or 'all'")
    is_architecture = parts[0].lower() in _ARCHITECTURES | _ALIASES.keys()
    if len(parts) > 1:
        if is_architecture:
            raise InvalidError(
                f"{text!r} is a platform without an operating system", hint=f"Did you mean linux/{text}?"
            )
        return Platform(*parts)
    usual = parse_platform(default)  # which may be a short form too
    if text.lower() in _OSES | {"macos"}:
        return Platform(text, usual.architecture, usual.variant)
    if not is_architecture:
        near = nearest(text.lower(), sorted({"all"} | _OSES | _ARCHITECTURES | _ALIASES.keys()))
        hint = f"Did you mean {near!r}?" if near else "Try linux/amd64"
        raise InvalidError(f"{text!r} is neither an operating system nor an architecture", hint=hint)
    return Platform(usual.os, text)


def choose_platform(offered: Sequence[Platform | None], wanted: Platform) -> int | None:
    """Choose the place of the platform that fits best, or None.

    The same operating system and architecture always; of the variants the same one, else the nearest lower one,
    for what runs on arm/v6 runs on arm/v7. Of two that fit alike the first is chosen. A place without a platform
    fits if it is the only one.

    Examples
    --------
    >>> offered = [Platform("linux", "arm", "v6"), Platform("linux", "arm", "v5"), Platform("linux", "amd64")]
    >>> choose_platform(offered, Platform("linux", "arm", "v7"))
    0
    """
    if list(offered) == [None]:
        return 0
    ranked = [
        (rank, place) for place, one in enumerate(offered) if one and (rank := _distance(one, wanted)) is not None
    ]
    return min(ranked)[1] if ranked else None


def meant_platform(wanted: Platform) -> str | None:
    """Give the platform that somebody may have meant who mistyped a part of one; None if all its parts are known ones.

    >>> meant_platform(Platform("linux", "amd46")), meant_platform(Platform("linux", "arm64"))
    ('linux/amd64', None)
    """
    os, architecture = wanted.os.lower(), wanted.architecture.lower()
    parts = [_known_part(os, _OSES | {"macos"}), _known_part(architecture, _ARCHITECTURES | _ALIASES.keys())]
    if None in parts or parts == [os, architecture]:
        return None
    return str(Platform(str(parts[0]), str(parts[1]), wanted.variant))


def _known_part(part: str, known: Iterable[str]) -> str | None:
    names = sorted(known)
    return part if part in names else nearest(part, names)


def list_platforms(platforms: Iterable[Platform | None]) -> str:
    """Name some platforms in a message."""
    return ", ".join(dict.fromkeys(str(platform) for platform in platforms if platform and platform.known)) or "none"


def _distance(offered: Platform, wanted: Platform) -> tuple[int, int] | None:
    os, architecture, variant = offered._normal  # noqa: SLF001 - the same module
    wanted_os, wanted_architecture, wanted_variant = wanted._normal  # noqa: SLF001
    if (os, architecture) != (wanted_os, wanted_architecture):
        return None
    if variant == wanted_variant:
        return (0, 0)
    have, want = _variant_number(variant), _variant_number(wanted_variant)
    if have is None or want is None or have > want:
        return None
    return (want[0] - have[0], want[1] - have[1] + 1000)


def _normal_variant(variant: str) -> str:
    number = _variant_number(variant.lower())
    if number is None:
        return variant.lower()
    major, minor = number
    return f"v{major}.{minor}" if minor else f"v{major}"


def _variant_number(variant: str | None) -> tuple[int, int] | None:
    match = _VARIANT.fullmatch(variant or "")
    return (int(match[1]), int(match[2] or 0)) if match else None
