"""Scanning: the blob of a layer on its way into a table.

One thread reads the blob, hashes it again and unpacks it, while another hashes the tar, and each file in it: so what is
in a table is what the layer's digest says, and its diff_id is known in the same pass.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, Self

from ocinb._pipeline import hand_over
from ocinb._pool import check_stopped
from ocinb._settings import MIB, Settings
from ocinb.archive.compression import Limits, decompressed
from ocinb.archive.entries import Columns
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.progress.protocol import NoProgress, Progress, State
from ocinb.spec.digest import Digest, Verifier
from ocinb.storage.layer_tables import Table, Writer

# Of a blob, at a time. What hashes and unpacks lets other threads go on meanwhile; each hand-over costs.
CHUNK: Final = MIB
# So many pieces of a tar, of up to 4 MiB each, may wait to be hashed.
AHEAD: Final = 3


class Board(NoProgress):
    """Passes on what is told of blobs, and knows whose bytes were told: reading a blob tells of those of the others.

    Attributes
    ----------
    told
        How many bytes, by digest.
    """

    def __init__(self, progress: Progress) -> None:
        self.told: Counter[str] = Counter()
        self._progress = progress

    def advance(self, key: str, amount: int) -> None:
        """Note how many bytes were told, and tell them."""
        self.told[key] += amount
        self._progress.advance(key, amount)

    def state(self, key: str, state: State) -> None:
        """Tell it."""
        self._progress.state(key, state)


class Scan:
    """One blob on its way into a table; a context manager, which takes back what it told if it fails.

    Parameters
    ----------
    file
        The blob.
    digest
        What it has to be.
    settings
        How large what it holds may be.
    board
        Who is told.
    """

    def __init__(self, file: BinaryIO, digest: Digest, settings: Settings, board: Board) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._where = f"layer {digest}"
        self._digest = digest
        self._settings = settings
        self._board = board
        self._verifier = Verifier(digest, self._size)
        self._tells = not board.told[digest]

    def __enter__(self) -> Self:
        self._board.state(self._digest, State.READING)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._tell(-self._verifier.seen)

    def run(self, writer: Writer, as_layer: Callable[[Columns], Columns], algorithm: str) -> Table:
        """Read all of it.

        Parameters
        ----------
        writer
            Takes what stands in it.
        as_layer
            Turns the entries of a tar into those of a layer, some at a time.
        algorithm
            By what the tar is hashed, for its diff_id.

        Raises
        ------
        IntegrityError
            If it is damaged, or not what its digest says.
        InvalidError
            If it passes a limit, which the message names.
        """
        hashed = hashlib.new(algorithm, usedforsecurity=False)
        scanner = Scanner(_tar_limits(self._settings), self._where)

        def use(pieces: Iterable[bytes]) -> None:
            for piece in pieces:
                hashed.update(piece)
                scanner.feed(piece)
                writer.add(as_layer(scanner.take()))
            scanner.finish()
            writer.add(as_layer(scanner.take()))

        hand_over(self._plain(), use, ahead=AHEAD)
        return writer.complete(f"{algorithm}:{hashed.hexdigest()}", scanner.seen)

    def _plain(self) -> Iterator[bytes]:
        """Unpack the blob, and see at the end that it was the right one."""
        yield from decompressed(self._chunks(), Limits.of(self._settings), self._where, size=self._size)
        self._verifier.check()

    def _chunks(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            check_stopped()
            self._verifier.update(chunk)
            self._tell(len(chunk))
            yield chunk

    def _tell(self, amount: int) -> None:
        if self._tells:
            self._board.advance(self._digest, amount)


def _tar_limits(settings: Settings) -> TarLimits:
    return TarLimits(
        settings.max_tar_entries,
        settings.max_tar_header_bytes,
        settings.max_unpacked_bytes,
        settings.max_hole_bytes,
        settings.max_tar_name_bytes,
    )
