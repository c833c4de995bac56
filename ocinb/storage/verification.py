"""Checking: every byte that is kept is hashed again, and every image is looked through for what it lacks.

Nothing is removed or mended here. What vouched for a blob that turns out to be damaged is forgotten, so that the next
pull looks at it again, and fetches it.

Source: OCI image-spec image-layout.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from ocinb._pool import check_stopped, run_all
from ocinb.errors import IntegrityError, OcinbError
from ocinb.progress.protocol import Progress, State
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, Verifier
from ocinb.spec.strict_json import parse_object
from ocinb.storage.blobs import looks, walk_shelves
from ocinb.storage.index_file import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import Limits, Piece, Problem, Unread
from ocinb.storage.safe_files import kind_of, open_plain, read_small
from ocinb.storage.usage import Kept, survey

# What hashes lets other threads go on only for large chunks; each worker has one.
CHUNK: Final = 4 * 1024 * 1024
# How often a blob is hashed again that somebody replaces meanwhile.
TRIES: Final = 3
INDEX: Final = "index.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    problem
        What.
    path
        Where.
    reason
        More about it.
    digest
        Of which blob, if it is one.
    size, expected
        How many bytes it has, and how many it has to have, as far as somebody says it.
    reference, platform
        What an image that needs it was pulled as, and for which platform, or ``"all"``.
    """

    problem: Problem
    path: Path
    reason: str
    digest: Digest | None = None
    size: int | None = None
    expected: int | None = None
    reference: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that has the place of a blob."""

    path: Path
    digest: Digest
    size: int


def list_blobs(root: Path) -> tuple[list[Blob], list[Finding]]:
    """List the blobs of a layout, the largest first, and what else stands among them.

    Raises
    ------
    TransportError
        If a folder cannot be read.
    """
    blobs: list[Blob] = []
    strange: list[Finding] = []
    for found in walk_shelves(root):
        if found.digest is None:
            strange.append(_foreign(found.path, found.status))
        elif found.is_blob:
            blobs.append(Blob(found.path, found.digest, found.status.st_size))
        else:
            what = f"it is {kind_of(found.status)}"
            strange.append(Finding(Problem.UNREADABLE, found.path, what, found.digest))
    return sorted(blobs, key=lambda blob: (-blob.size, blob.path)), strange


def check_blobs(layout: Layout, blobs: Sequence[Blob], progress: Progress) -> list[Finding]:
    """Hash blobs again, and tell of those that are wrong."""
    workers = min(len(blobs), os.cpu_count() or 1)
    hashed = run_all(lambda blob: _checked(layout, blob, progress), blobs, workers=workers)
    return [finding for finding in hashed if finding is not None]


def check_images(layout: Layout, limits: Limits, findings: Iterable[Finding]) -> list[Finding]:
    """See that the images have all that they need, and tell who needs what was found to be wrong."""
    found = list(findings)
    wrong = {finding.digest: finding for finding in found if finding.digest is not None}
    marks = list(_marks(layout.root, limits))
    kept: list[Kept] = []
    if not any(mark.path.name == INDEX for mark in marks):
        try:
            kept = survey(layout, limits)
        except OcinbError as error:
            marks.append(Finding(Problem.INVALID, layout.root / INDEX, error.message))
    needed = list(_of_images(layout, kept, wrong))
    told = {finding.digest for finding in needed}
    return [*marks, *needed, *(one for one in found if one.digest is None or one.digest not in told)]


def _of_images(layout: Layout, kept: Sequence[Kept], wrong: Mapping[Digest, Finding]) -> Iterator[Finding]:
    """Tell of what images need that is not right, each once."""
    told: set[tuple[Digest | None, Problem]] = set()
    # What something came along with: the first image that needs that.
    owners = {digest: one for one in reversed(kept) if one.entry.subject is None for digest in one.digests}
    for one in kept:
        subject = one.entry.subject
        owner = (owners.get(subject, one) if subject else one).entry
        for finding in _of_image(layout, one, wrong):
            if (finding.digest, finding.problem) not in told:
                told.add((finding.digest, finding.problem))
                yield replace(finding, reference=owner.pulled_as, platform=_pulled_for(owner))


def _pulled_for(entry: Entry) -> str:
    is_one = entry.media_type not in mediatypes.INDEXES and entry.platform is not None and entry.platform.known
    return str(entry.platform) if is_one else "all"


def _of_image(layout: Layout, one: Kept, wrong: Mapping[Digest, Finding]) -> Iterator[Finding]:
    if one.need is None:
        yield Finding(Problem.INVALID, layout.root / INDEX, "it names something by a digest that is not known here")
        return
    for piece in one.need.pieces:
        if piece.digest in wrong:
            yield replace(wrong[piece.digest], expected=piece.size)
            continue
        finding = _of_piece(layout, piece, one.need.unread.get(piece.digest))
        if finding is not None:
            yield finding


def _of_piece(layout: Layout, piece: Piece, unread: Unread | None) -> Finding | None:
    path = layout.blobs.path(piece.digest)
    try:
        status = path.lstat()
    except FileNotFoundError:
        missing = Finding(Problem.MISSING, path, "it is not there", piece.digest, None, piece.size)
        return None if piece.optional else missing
    except OSError as error:
        return Finding(Problem.UNREADABLE, path, _reason(error), piece.digest, None, piece.size)
    if piece.size not in {None, status.st_size}:
        reason = "a document says that it has another size"
        return Finding(Problem.SIZE, path, reason, piece.digest, status.st_size, piece.size)
    if unread is not None and unread.problem in {Problem.INVALID, Problem.UNREADABLE}:
        return Finding(unread.problem, path, unread.reason, piece.digest, status.st_size, piece.size)
    return None


def _marks(root: Path, limits: Limits) -> Iterator[Finding]:
    """Look at the two files that make a folder a layout; a store that nobody has used has none."""
    is_unused = _is_unused(root)
    for name in ("oci-layout", INDEX):
        path = root / name
        try:
            raw = read_small(path, limits.index, "max_list_bytes")
            if raw is None:
                if not is_unused:
                    yield Finding(Problem.MISSING, path, "it is not there")
                continue
            said = parse_object(raw, name)
        except OcinbError as error:
            yield Finding(Problem.INVALID, path, error.message)
            continue
        if name == "oci-layout" and not str(said.get("imageLayoutVersion")).startswith("1."):
            version = said.get("imageLayoutVersion")
            yield Finding(Problem.INVALID, path, f"it is a layout of version {version!r}")


def _is_unused(root: Path) -> bool:
    """Say whether nothing was ever put into a folder; who is killed while making it a layout leaves it so."""
    return not os.path.lexists(root / INDEX) and next(walk_shelves(root), None) is None


def _checked(layout: Layout, blob: Blob, progress: Progress) -> Finding | None:
    progress.state(blob.digest, State.VERIFYING)
    finding = _hashed(blob, progress)
    if finding is not None and finding.problem is Problem.DAMAGED:
        layout.blobs.forget(blob.digest)
    progress.state(blob.digest, State.FAILED if finding else State.DONE)
    return finding


def _hashed(blob: Blob, progress: Progress) -> Finding | None:
    """Hash a blob; one that is replaced meanwhile is hashed again."""
    finding = None
    for _ in range(TRIES):
        verifier = Verifier(blob.digest)
        try:
            with open_plain(blob.path) as file:
                status = os.fstat(file.fileno())
                _feed(verifier, file, progress)
            verifier.check()
        except FileNotFoundError:  # it was removed meanwhile; if an image needs it, that is told of the image
            return None
        except OSError as error:
            return Finding(Problem.UNREADABLE, blob.path, _reason(error), blob.digest, blob.size)
        except IntegrityError as error:
            finding = Finding(Problem.DAMAGED, blob.path, error.message, blob.digest, verifier.seen)
            if _is_still(blob.path, status):
                return finding
            progress.advance(blob.digest, -verifier.seen)
        else:
            return None
    return finding


def _feed(verifier: Verifier, file: BinaryIO, progress: Progress) -> None:
    buffer = bytearray(max(1, min(CHUNK, os.fstat(file.fileno()).st_size)))
    window = memoryview(buffer)
    while count := file.readinto(buffer):  # type: ignore[attr-defined]  # a raw file has it
        check_stopped()
        verifier.update(window[:count])
        progress.advance(verifier.digest, count)


def _is_still(path: Path, status: os.stat_result) -> bool:
    try:
        now = path.lstat()
    except OSError:
        return False
    return looks(now) == looks(status)


def _foreign(path: Path, status: os.stat_result) -> Finding:
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    return Finding(Problem.FOREIGN, path, f"it is {kind_of(status)} that is no blob of a known algorithm", None, size)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
