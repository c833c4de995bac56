"""Asking: which registries want to know who is there, remembered so that a later process need not find out.

Answers by name are kept apart by who asked. Who that is may only be known from a file or a program, and neither is
looked at for a registry that never asks. An empty file for each that does is all there is; one that is gone costs a
question, and no more.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

_FOLDER = "asking"


def is_asking(folder: Path, registry: str) -> bool:
    """Say whether a registry is known to ask.

    Parameters
    ----------
    folder
        Where answers are kept.
    registry
        Its name.
    """
    try:
        return _mark(folder, registry).exists()
    except OSError:
        return False


def note_asking(folder: Path, registry: str) -> None:
    """Remember that a registry asks; where nothing can be written, nothing is remembered."""
    mark = _mark(folder, registry)
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.touch(mode=0o600)


def _mark(folder: Path, registry: str) -> Path:
    return folder / _FOLDER / hashlib.sha256(registry.encode("utf-8", "surrogatepass")).hexdigest()
