"""Lines: the Python beside each figure, which somebody may copy into the next cell and run."""

from __future__ import annotations

from dataclasses import dataclass

# What all lines of a story need; `ref` is the name that was typed.
IMPORTS = "import hashlib, ocinb"
# How the way to an image is seen once more.
WIRE = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.document(ref)")


def preamble(name: str) -> tuple[str, ...]:
    """Give the lines that come before all others.

    >>> preamble("python:3.12")
    ('import hashlib, ocinb', "ref = 'python:3.12'")
    """
    return IMPORTS, f"ref = {name!r}"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines about one image.

    Attributes
    ----------
    platform
        What has to be said so that this image is meant; None if its name is enough. What a stranger wrote must be one.
    name
        The name, as it is written in Python.
    """

    platform: str | None
    name: str = "ref"

    def call(self, function: str, then: str = "") -> str:
        """Call a function of ocinb for this image, and do something with what it gives.

        >>> Lines("linux/arm64").call("layers", '["compressed_bytes"].sum()')
        'ocinb.layers(ref, platform="linux/arm64")["compressed_bytes"].sum()'
        """
        platform = "" if self.platform is None else f', platform="{self.platform}"'
        return f"ocinb.{function}({self.name}{platform}){then}"

    def columns(self, function: str, *names: str) -> str:
        """Call a function, and take some columns of its frame.

        >>> Lines(None).columns("history", "position", "layer")
        'ocinb.history(ref)[["position", "layer"]]'
        """
        return self.call(function, columns(*names))


def columns(*names: str) -> str:
    """Take some columns of a frame.

    >>> columns("layer", "digest")
    '[["layer", "digest"]]'
    """
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"[[{quoted}]]"
