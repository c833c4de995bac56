"""The distribution that a file system is of, as its os-release file tells it.

Source: os-release(5) of systemd, which all distributions go by; initial-setup scripts read it as shell assignments.
"""

from __future__ import annotations

import re
from typing import Final

# Where it stands, in this order: the first is what an administrator may change, mostly a link to the second.
OS_RELEASE_PATHS: Final = ("etc/os-release", "usr/lib/os-release")
# Those of real distributions have less than 1 KiB.
MOST_BYTES: Final = 64 * 1024

_ASSIGNMENT: Final = re.compile(r"[ \t]*(ID|VERSION_ID|VERSION_CODENAME)=(.*)")
# Bare text, text in single quotes, or text in double quotes with escapes: all of one line.
_VALUE: Final = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|((?:[^\s"'\\;#$`]|\\.)*))\s*""")
_ESCAPED: Final = re.compile(r"\\(.)")
# What the source allows, and capitals and signs that are met.
_WORD: Final = re.compile(r"[A-Za-z0-9._+~-]{1,64}")


def distribution_of(os_release: bytes) -> str | None:
    r"""Say which distribution an os-release file is of.

    Notes
    -----
    A value that is no plain word is as good as none, so whatever an image says here, the result is short and harmless.
    Of several assignments the last one counts, as in a shell.

    Examples
    --------
    >>> distribution_of(b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n')
    'debian 12'
    """
    told: dict[str, str] = {}
    for line in os_release[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff").split("\n"):
        assigned = _ASSIGNMENT.fullmatch(line.rstrip())
        if assigned:
            told[assigned[1]] = _word(assigned[2])
    if not told.get("ID"):
        return None
    return " ".join(filter(None, (told["ID"], told.get("VERSION_ID") or told.get("VERSION_CODENAME"))))


def _word(text: str) -> str:
    """Read a value as a shell does; empty if it is none, or no plain word."""
    found = _VALUE.fullmatch(text)
    if not found:
        return ""
    single, double, bare = found.groups()
    value = single if single is not None else _ESCAPED.sub(r"\1", double if double is not None else bare)
    return value if _WORD.fullmatch(value) else ""
