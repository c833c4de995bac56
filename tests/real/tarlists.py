"""What GNU tar lists of a layer, entry by entry, and what it takes out of one."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.real.tools import require
from tests.real.trees import PRIVILEGED, Facts, text_of

_TYPES = {
    "-": "file",
    "d": "directory",
    "l": "symlink",
    "h": "hardlink",
    "c": "character",
    "b": "block",
    "p": "fifo",
}
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    r"(?P<kind>[-dlhcbp])(?P<bits>[-rwxsStT]{9}) (?P<uid>\d+)/(?P<gid>\d+) +(?P<size>\d+|\d+, ?\d+) "
    rf"(?P<time>\S+ \S+) +(?P<path>{_QUOTED})(?: (?:->|link to) (?P<target>{_QUOTED}))?"
)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_BITS = [
    (stat.S_IRUSR, stat.S_IWUSR, stat.S_IXUSR, stat.S_ISUID),
    (stat.S_IRGRP, stat.S_IWGRP, stat.S_IXGRP, stat.S_ISGID),
    (stat.S_IROTH, stat.S_IWOTH, stat.S_IXOTH, stat.S_ISVTX),
]


def plain_layers(layout: Path, digests: Sequence[str]) -> list[bytes]:
    """Give the tars of layers that a layout has as gzip."""
    return [gzip.decompress((layout / "blobs" / digest.replace(":", "/")).read_bytes()) for digest in digests]


def listed(tar: bytes) -> list[tuple[str, Facts]]:
    """Give the entries that GNU tar sees, markers in the words of our frames; it computes no digests."""
    lines = _tar(tar, "--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--quoting-style=c")
    return [_entry(line) for line in lines.decode("ascii").splitlines()]


def digests(tar: bytes) -> dict[str, str]:
    """Give what sha256sum makes of each regular file; of a path that stands twice the last one counts."""
    command = 'printf "%s\\0" "$TAR_FILENAME"; sha256sum | cut -c 1-64 | tr "\\n" "\\0"'
    texts = _tar(tar, "--extract", f"--to-command={command}").split(b"\0")
    names, values = texts[0:-1:2], texts[1:-1:2]
    return {_name(name): value.decode() for name, value in zip(names, values, strict=True)}


def _tar(tar: bytes, *options: str) -> bytes:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    command = [require("tar"), "--file=-", *options]
    whole = tar + bytes(-len(tar) % 512)  # umoci leaves the padding of the last file out, which GNU tar does not bear
    done = subprocess.run(command, input=whole, capture_output=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _entry(line: str) -> tuple[str, Facts]:
    found = _LINE.fullmatch(line)
    assert found, f"GNU tar says it in another way: {line}"
    kind, raw = _TYPES[found["kind"]], _unquoted(found["path"])
    target = _unquoted(found["target"]) if found["target"] else None
    path, kind = _marked(_name(raw), kind)
    named = None if target is None else _name(target) if kind == "hardlink" else text_of(target)
    size = int(found["size"]) if kind == "file" else 0
    uid, gid = (int(found["uid"]), int(found["gid"])) if PRIVILEGED else (None, None)
    mode = None if kind == "symlink" else _mode(found["bits"])
    return path, Facts(kind, size, mode, uid, gid, _microseconds(found["time"]), named, None)


def _marked(path: str, kind: str) -> tuple[str, str]:
    """Say what a marker removes."""
    folder, slash, name = path.rpartition("/")
    if name == ".wh..wh..opq":
        return folder, "opaque"
    return (f"{folder}{slash}{name[4:]}", "whiteout") if name.startswith(".wh.") else (path, kind)


def _name(raw: bytes) -> str:
    return text_of(re.sub(rb"^(?:\.?/+)+|^\.$", b"", raw).rstrip(b"/"))


def _unquoted(text: str) -> bytes:
    def letter(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 8)]) if len(found[1]) == 3 else _LETTERS.get(found[1], found[1])

    return _ESCAPED.sub(letter, text[1:-1].encode())


def _mode(bits: str) -> int:
    """Read rwxr-sr-t: the third letter of three says both whether it may be run and whether it is special."""
    mode = 0
    for place, (read, write, run, special) in enumerate(_BITS):
        letters = bits[3 * place : 3 * place + 3]
        mode |= (letters[0] == "r") * read | (letters[1] == "w") * write
        mode |= (letters[2] in "xst") * run | (letters[2] in "sStT") * special
    return mode


def _microseconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 10**6 + int(fraction.ljust(6, "0")[:6])
