"""Claims: who is at work on a blob, who waits for him, and who takes over what he left.

What is promised: **no process ever writes into a file that another process may still write into.** So the bytes that a
transfer has hashed are the bytes of its file, and nobody changes that file after it got its final name.

Why it holds: a part bears its owner (machine, process, and a token that nobody else draws). Whoever finds one whose
owner seems to be gone renames it, which only one can, and goes on in a copy of his own. That the owner seems to be gone
proves nothing: two containers may have one host name and different numbers for one process, and a process may sleep
for an hour. If he is alive, he goes on writing into a file that nobody reads any more, misses his name at the end, and
begins anew. Only what this very process left behind is gone on with in place.

A lock keeps that from happening where locks work, also between containers; and by it whoever comes later waits, for as
long as the one before gets on, and finds the blob there. Nothing depends on it: on a network file system it may fail,
or be seen by one machine only.

Who comes later is told by numbers, as at a baker's (Lamport, 1974), and by no clock. Whoever comes opens a part that
has no number yet, looks at the numbers of all others, and renames his to the next one. Then he waits for those that
have a lower one, or none yet. Who has looked around before another was there is so never overtaken by him.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import check_stopped, pause
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import CHUNK
from ocinb.storage.file_locks import given_back, is_free
from ocinb.storage.partial_downloads import (
    HOST,
    LAST_NUMBER,
    abandoned_parts,
    age_of,
    in_use,
    is_before,
    is_unlocked,
    left_here,
    number_of,
    parts_of,
    size_of,
    stem,
    stem_of,
)
from ocinb.storage.safe_files import open_regular_file, own_folder, write_all

logger = logging.getLogger("ocinb")

# Who retries pauses for less, mostly; who pauses for longer is not waited for.
STALLED_SECONDS = 10.0
LOOK_SECONDS = 0.05
LOCK_TRIES = 10
# So long it may take, on a busy machine, from opening a part to locking it.
OPENING_SECONDS = 1.0


class TakenError(TransportError):
    """Another process took a part over whose owner is alive."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is owned.

    Attributes
    ----------
    path
        Where it is.
    file
        The same, open: it is read from its beginning, and what is written comes at its end.
    begun
        Whether there may be something in it already.
    waited
        Whether somebody else was at work on the blob before, and so may have completed it.
    lone
        Whether there was no other part of the blob.
    """

    path: Path
    file: BinaryIO
    begun: bool
    waited: bool
    lone: bool

    def check(self, size: int) -> None:
        """Make sure that it still has its name and holds what was written to it, and no more.

        Raises
        ------
        TakenError
            If another process took it over.
        """
        status = os.fstat(self.file.fileno())
        with suppress(FileNotFoundError):
            if status.st_size == size and os.path.samestat(status, self.path.stat()):
                return
        raise _taken(self.path)


def _taken(part: Path) -> TakenError:
    return TakenError(f"another process took over the download {part}", hint="Try again")


@contextmanager
def lock_part(
    root: Path, digest: Digest, size: int, *, waiting: Callable[[int], object] = lambda _: None
) -> Iterator[Part]:
    """Own the part of a blob for a while, with what there is of the longest abandoned one.

    If another process is at work on the blob, it is waited for first, as long as it gets on. The file stays when the
    block is left, unless it was moved away or is empty, so that the next download resumes it.
    """
    folder = own_folder(root, "parts")
    with _new_name(folder, stem(digest)) as new:
        is_mine = _take_back(new, size)
        with _opened(new) as file, _kept(new), _in_line(folder, digest, new) as mine, _kept(mine):
            lone = _is_lone(folder, digest, mine)
            waited, left = (False, []) if lone else _wait_for_turn(folder, digest, mine, waiting)
            if not lone:
                _take_over(_longest([*left, *abandoned_parts(folder, digest)], size), mine, file)
            yield Part(mine, file, begun=is_mine or not lone, waited=waited, lone=lone)


@contextmanager
def _new_name(folder: Path, blob: str) -> Iterator[Path]:
    """Draw a name without a number."""
    with _used(folder / f"{blob}.{HOST}.{os.getpid()}.{0:016x}{secrets.token_hex(8)}.part") as part:
        yield part


@contextmanager
def _used(part: Path) -> Iterator[Path]:
    in_use.add(part)
    try:
        yield part
    finally:
        in_use.discard(part)


@contextmanager
def _kept(part: Path) -> Iterator[None]:
    """Leave a part at the end of this block for the next download, unless it is empty, or has another name by then."""
    try:
        yield
    finally:
        left_over = size_of(part)
        if left_over > 0:
            left_here.add(part)
        elif left_over == 0:
            part.unlink(missing_ok=True)


@contextmanager
def _in_line(folder: Path, digest: Digest, new: Path) -> Iterator[Path]:
    """Give a new part the number after the highest: whoever has looked before it was there has a lower one."""
    number = min(1 + max((number_of(part) for part in parts_of(folder, digest)), default=0), LAST_NUMBER)
    rest, token, suffix = new.name.rsplit(".", 2)
    with _used(new.with_name(f"{rest}.{number:016x}{token[16:]}.{suffix}")) as mine:
        try:
            new.rename(mine)
        except FileNotFoundError:  # it slept for so long that it seemed to be gone
            raise _taken(new) from None
        yield mine


@contextmanager
def _opened(part: Path) -> Iterator[BinaryIO]:
    """Open a part, and tell other processes in this block that its owner is alive, if the file system can."""
    try:
        file = part.open("a+b", buffering=0)
    except FileNotFoundError:  # the first of all
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("a+b", buffering=0)
    with file, given_back(file):
        for _ in range(LOCK_TRIES):
            if is_free(file):
                break
            time.sleep(0.001)  # somebody looks whether it is free, just now
        yield file


def _longest(parts: list[Path], size: int) -> list[Path]:
    """Sort parts by what they are worth; one that is longer than the blob is worth nothing."""
    sizes = {part: size_of(part) for part in parts}
    return sorted((part for part in parts if 0 < sizes[part] <= size), key=sizes.__getitem__, reverse=True)


def _take_back(mine: Path, size: int) -> bool:
    """Go on with what this process left of the same blob, in place; say whether there was something."""
    same = [part for part in list(left_here) if part.parent == mine.parent and stem_of(part) == stem_of(mine)]
    for part in _longest(same, size):
        left_here.discard(part)
        with suppress(FileNotFoundError):  # another process was quicker
            part.rename(mine)
            return True
    return False


def _wait_for_turn(
    folder: Path, digest: Digest, mine: Path, waiting: Callable[[int], object]
) -> tuple[bool, list[Path]]:
    """Wait for those that came before and get on; say whether there were any, and which parts the last of them had."""
    locked: list[Path] = []
    moved_at, before = time.monotonic(), -1
    while ahead := _ahead(folder, digest, mine):
        if before < 0:
            logger.info("another process fetches %s", digest)
        sizes = [max(0, size_of(part)) for part in ahead]
        # One that was only opened may have no lock that reaches us: it is waited for, but not taken over for that.
        locked, here = [part for part in ahead if is_unlocked(part) is False], sum(sizes)
        if here != before:
            moved_at, before = time.monotonic(), here
            waiting(max(sizes))
        elif time.monotonic() - moved_at > STALLED_SECONDS:
            break
        pause(LOOK_SECONDS)
    return before >= 0, locked


def _is_lone(folder: Path, digest: Digest, mine: Path) -> bool:
    # Of a large folder, a list that is made while a part gets its number may have it by neither name; the next has it.
    return all(parts_of(folder, digest) == [mine] for _ in range(2))


def _ahead(folder: Path, digest: Digest, mine: Path) -> list[Path]:
    """List the parts on which others are at work for sure, and before whose this one was not: each waits for one."""
    while True:
        there = set(parts_of(folder, digest))
        ahead = [part for part in there - in_use if is_before(part, mine) and _is_at_work(part)]
        if ahead or there == set(parts_of(folder, digest)):  # else one of them may have got its number meanwhile
            return ahead


def _is_at_work(part: Path) -> bool:
    """Say whether a part is locked, or was opened a moment ago, to be locked next."""
    unlocked = is_unlocked(part)
    return unlocked is False or (unlocked is True and size_of(part) == 0 and age_of(part) < OPENING_SECONDS)


def _take_over(parts: list[Path], mine: Path, file: BinaryIO) -> None:
    """Copy the longest of some parts, sorted by that, whose owner seems to be gone, if it is more than there is."""
    for part in parts:
        if size_of(part) <= size_of(mine):
            return
        if is_unlocked(part) is False:  # stalled, but there
            continue
        with suppress(FileNotFoundError), _new_name(part.parent, stem_of(part)) as taken:
            part.rename(taken)  # unless another process was quicker
            _copy(taken, file)
            taken.unlink(missing_ok=True)
            return


def _copy(taken: Path, mine: BinaryIO) -> None:
    mine.truncate(0)
    try:
        with open_regular_file(taken) as source:
            while chunk := source.read(CHUNK):
                check_stopped()
                write_all(mine, chunk)
    except BaseException:  # a full disk, or a stop: the longer one is of more use next time
        mine.truncate(0)
        raise
