"""The config of an image: what it runs, its history, and the identity of its layers (diff_id and chain_id).

Source: OCI image-spec v1.1 config.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import parse_platform_object
from ocinb.spec.platforms import Platform
from ocinb.spec.strict_json import Fields, parse_object

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a build, as the builder wrote it down."""

    created: datetime | None
    created_by: str | None
    author: str | None
    comment: str | None
    empty_layer: bool

    @property
    def instruction(self) -> str | None:
        """What the Dockerfile said."""
        return dockerfile_instruction(self.created_by or "") or None


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a config says. Lists that are not there are None, mappings that are not there are empty."""

    platform: Platform
    created: datetime | None
    author: str | None
    user: str | None
    entrypoint: list[str] | None
    cmd: list[str] | None
    env: dict[str, str]
    labels: dict[str, str]
    exposed_ports: list[str] | None
    volumes: list[str] | None
    working_dir: str | None
    stop_signal: str | None
    healthcheck: dict[str, Any] | None
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]


def is_image_config(raw: bytes) -> bool:
    """Say whether some bytes are the config of an image, whatever type they were pushed under."""
    try:
        body = Fields(parse_object(raw, "the config"), "the config")
    except InvalidError:
        return False
    return "rootfs" in body or ("os" in body and "architecture" in body)


def parse_config(raw: bytes, what: str) -> ImageConfig:
    """Read the config of an image."""
    body = Fields(parse_object(raw, what), what)
    run = body.child("config") or Fields({}, what)
    rootfs = body.child("rootfs") or Fields({}, what)
    return ImageConfig(
        platform=parse_platform_object(body),
        created=parse_time(body.text("created")),
        author=body.text("author"),
        user=run.text("User"),
        entrypoint=_words(run, "Entrypoint"),
        cmd=_words(run, "Cmd"),
        env=_environment(run.texts("Env") or []),
        labels=run.text_mapping("Labels"),
        exposed_ports=_set(run, "ExposedPorts"),
        volumes=_set(run, "Volumes"),
        working_dir=run.text("WorkingDir"),
        stop_signal=run.text("StopSignal"),
        healthcheck=run.mapping("Healthcheck"),
        diff_ids=tuple(Digest(text) for text in rootfs.texts("diff_ids") or []),
        history=tuple(_history_entry(entry) for entry in body.children("history")),
    )


def parse_time(text: str | None) -> datetime | None:
    """Read a time of RFC 3339 in UTC; finer digits than microseconds are cut.

    Go's zero time and the Unix epoch are what builders write when they do not say: None, as is what is no time.

    >>> parse_time("2024-05-14T02:03:04.123456789+02:00").isoformat()
    '2024-05-14T00:03:04.123456+00:00'
    """
    try:
        moment = datetime.fromisoformat((text or "").upper())  # RFC 3339 allows t and z too
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None if moment.year == 1 or moment == _EPOCH else moment


# "RUN |2 A=1 B=2 /bin/sh -c make # buildkit": the step, its build arguments, its shell, and who wrote it down.
_UNIX_SHELL = r"(?:\S*/)?\w*sh(?: [-+]\w+| pipefail)* -\w*c"
_NOP = re.compile(rf"^(?:{_UNIX_SHELL} +|cmd /S /C +|powershell .*?)#\(nop\)\s*", re.IGNORECASE | re.DOTALL)
_ARGUMENTS = re.compile(r"^\|\d+ (?:.*? )??(?=/bin/sh -c |/bin/bash |/bin/ash |cmd /S /C |powershell )", re.DOTALL)
_COUNT = re.compile(r"^\|(\d{1,3}) ")
_ARGUMENT = re.compile(r"\w+=\S* ")
_SHELL = re.compile(r"^(?:/bin/sh -c|cmd /S /C) ", re.IGNORECASE)
# One that SHELL has set: what it was told stays, so that nobody takes bash for sh.
_OTHER_SHELL = re.compile(rf"^(?:{_UNIX_SHELL}|powershell) ", re.IGNORECASE)


def dockerfile_instruction(created_by: str) -> str:
    """Recover what the Dockerfile said from what the builder made of it.

    >>> dockerfile_instruction('/bin/sh -c #(nop)  CMD ["python3"]')
    'CMD ["python3"]'
    >>> dockerfile_instruction("RUN |1 VERSION=2 /bin/sh -c make install # buildkit")
    'RUN make install'
    >>> dockerfile_instruction("/bin/sh -c apt-get update")
    'RUN apt-get update'
    """
    text = created_by.strip().removesuffix("# buildkit").rstrip()
    if _NOP.match(text):
        return _NOP.sub("", text)
    step = text.removeprefix("RUN ").lstrip() if text.startswith("RUN ") else text
    bare = _SHELL.sub("", _without_arguments(step))
    if text.startswith("RUN ") or bare != step or _OTHER_SHELL.match(step):
        return f"RUN {bare.strip()}"
    return text


def _without_arguments(step: str) -> str:
    bare = _ARGUMENTS.sub("", step)
    count = _COUNT.match(bare)
    if count is None:
        return bare
    place = count.end()  # the shell is not one of those: so many arguments, if none of them has a blank in it
    for _ in range(int(count[1])):
        argument = _ARGUMENT.match(bare, place)
        place = argument.end() if argument else place
    return bare[place:]


def _words(run: Fields, key: str) -> list[str] | None:
    """Read a command; a text is one of one word, as Docker reads it (its ``strslice``)."""
    return [run.raw(key)] if isinstance(run.raw(key), str) else run.texts(key)


def _set(run: Fields, key: str) -> list[str] | None:
    """Read a set, which Docker writes as an object without values and others as a list."""
    return run.texts(key) if isinstance(run.raw(key), list) else run.keys(key)


def _environment(entries: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


def _history_entry(entry: Fields) -> HistoryEntry:
    return HistoryEntry(
        created=parse_time(entry.text("created")),
        created_by=entry.text("created_by"),
        author=entry.text("author"),
        comment=entry.text("comment"),
        empty_layer=entry.flag("empty_layer"),
    )


def chain_ids(diff_ids: Sequence[Digest]) -> list[Digest]:
    """Compute the chain ID of each layer: what stands there when it has been applied to all those below.

    It is a sha256 whatever the diff_ids are, as in the image-spec's own identity package.

    Examples
    --------
    >>> base, top = Digest.of(b"base"), Digest.of(b"top")
    >>> chain_ids([base, top]) == [base, Digest.of(f"{base} {top}".encode())]
    True
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(Digest.of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def align_history(history: Sequence[HistoryEntry], layers: int) -> list[int | None]:
    """Say for each entry of a history which layer it made, counted from 0 at the base.

    Entries with ``empty_layer`` made none. If the others are not as many as the layers, nothing is mapped: a guess
    would blame the wrong command.
    """
    made = [not entry.empty_layer for entry in history]
    if sum(made) != layers:
        return [None] * len(history)
    numbers = iter(range(layers))
    return [next(numbers) if one else None for one in made]


def layer_steps(history: Sequence[HistoryEntry], layers: int) -> list[HistoryEntry | None]:
    """Give for each layer the entry of the history that made it; None where nothing can be said."""
    steps: list[HistoryEntry | None] = [None] * layers
    for entry, layer in zip(history, align_history(history, layers), strict=True):
        if layer is not None:
            steps[layer] = entry
    return steps
