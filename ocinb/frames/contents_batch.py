"""Read the layers of many images, with progress, into one frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocinb._lazy import loading
from ocinb._schemas import Schema
from ocinb._text import counted, human_duration
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.batch import Errors, Failure, Names, complete, list_names, run_batch, with_failures
from ocinb.frames.document_rows import image_kind
from ocinb.frames.layer_reader import Contents, LayerContents, LayerReader, load_filesystem
from ocinb.frames.resolve import (
    Platforms,
    ResolvedReference,
    blob_tasks,
    counted_names,
    resolve_reference,
    wanted_platforms,
)
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, Task
from ocinb.progress.renderer import DELAY
from ocinb.rootfs.filesystem import Overlay
from ocinb.sources.images import Image
from ocinb.sources.session import Session, default_session
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import NOTHING_ARRIVED, list_arrived

if TYPE_CHECKING:
    import pandas as pd

Make = Callable[[Contents, Overlay], "pd.DataFrame"]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A name, and the images of it that are wanted."""

    opened: ResolvedReference
    images: Sequence[Image]


def collect_contents(
    names: Names,
    platform: Platforms,
    make: Make,
    schema: Schema,
    *,
    errors: Errors,
    progress: Progress | bool | None,
    whole: bool = False,
    unread: Callable[[Contents], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Read the layers of each image, and make one frame of what is made of each."""
    session, listed, wanted = default_session(), list_names(names), wanted_platforms(platform)
    board = choose_progress(progress)

    def ask(name: str) -> ImageRequest:
        opened = resolve_reference(name, session)
        images = opened.images(wanted)
        for image in images:
            if unread is None:
                check_image(image)
        return ImageRequest(opened, images)

    asked = run_batch(listed, ask, errors=errors, session=session, progress=progress)
    work = _Work(session, board, make, whole=whole, unread=unread)
    results = work.run(asked, errors=errors)
    frames = [frame for result in results if not isinstance(result, Failure) for frame in result]
    return with_failures(schema.joined(frames), [result for result in results if isinstance(result, Failure)])


def check_image(image: Image) -> None:
    """Refuse what has no file system."""
    kind = image_kind(image)
    if kind != "image":
        what = f"of type {image.manifest.media_type}" if kind == "unknown" else f"an {kind}".replace("an s", "a s")
        hint = None if kind == "unknown" else "ocinb.layers lists its blobs"
        raise InvalidError(f"{image.document.digest} is {what}, and has no files: it is no image", hint=hint)


class _Work:
    """The layers that one call reads."""

    def __init__(
        self,
        session: Session,
        board: Progress,
        make: Make,
        *,
        whole: bool,
        unread: Callable[[Contents], pd.DataFrame] | None,
    ) -> None:
        self._session = session
        self._board = board
        self._make = make
        self._whole = whole
        self._unread = unread
        self._held: Sequence[LayerContents] = ()  # those of the image before: the next one may share them

    def run(self, asked: Sequence[ImageRequest | Failure], *, errors: Errors) -> list[list[pd.DataFrame] | Failure]:
        """Give the frames of each name."""
        todo = [one for one in asked if isinstance(one, ImageRequest)]
        results: list[list[pd.DataFrame] | Failure] = []
        with watched_reading(self._session, self._board, todo) as failed:
            for one in asked:
                result = one if isinstance(one, Failure) else self._attempt(one, errors)
                results.append(result)
                if isinstance(result, Failure):
                    failed.append(result.reference)
        return results

    def _attempt(self, asked: ImageRequest, errors: Errors) -> list[pd.DataFrame] | Failure:
        try:
            return [self._frame(asked.opened, image) for image in asked.images]
        except OcinbError as error:
            complete(error, asked.opened.name)
            if errors == "raise":
                raise
            return Failure(asked.opened.name, error)

    def _frame(self, opened: ResolvedReference, image: Image) -> pd.DataFrame:
        if self._unread is not None and image_kind(image) != "image":
            return self._unread(Contents(opened.name, image, ()))
        reader = LayerReader(opened, self._board, whole=self._whole, held=self._held)
        numbers = range(len(image.manifest.layers))
        with loading("pandas"):  # which takes about as long as a small image
            laid = load_filesystem(reader, image, numbers, self._session, with_blobs=False)
        self._held = laid.layers
        return self._make(Contents(opened.name, image, laid.layers), laid.overlay)


@contextmanager
def watched_reading(session: Session, board: Progress, asked: Sequence[ImageRequest]) -> Iterator[list[str]]:
    """Draw, in this block, how far the layers are, and let nobody remove what comes.

    In the end it says what was read; nothing where all was known, and over before anybody waited.
    """
    failed: list[str] = []
    names, started = list(dict.fromkeys(one.opened.name for one in asked)), time.monotonic()
    title, ending, summary, tasks = f"Reading {counted_names(names)}", "stopped", "", _tasks(asked)
    if not tasks:
        yield []
        return
    store = session.store
    with store.in_use():
        store.prepare()
        before, known = _arrived_bytes(store, tasks), _tables(store, tasks)
        try:
            board.start(title, tasks)
            yield failed
            lost = list(dict.fromkeys(failed))  # of several images of one name more than one may fail
            summary = _summary([name for name in names if name not in lost], lost, tasks, started)
        except OcinbError:
            ending = "failed"
            raise
        finally:
            came = _arrived_bytes(store, tasks) - before
            told = summary or f"{title} {ending}{_kept(came)}"
            new = came or failed or not summary or _tables(store, tasks) > known
            board.finish(told if new or time.monotonic() - started > DELAY else "")


def _kept(came: int) -> str:
    """Say what a failure and an interrupt leave, as a pull says it."""
    return "; what came is kept and resumed next time" if came > 0 else ""


def _arrived_bytes(store: Layout, tasks: Iterable[Task]) -> int:
    """Say how much of some blobs is here, in blobs and in parts of them."""
    with suppress(OSError):  # what cannot be looked at is spoken of by whoever needs it
        parts = list_arrived(store.root)
        whole = {task.key: store.blobs.size(Digest(task.key)) for task in tasks}
        return sum(parts.get(key, NOTHING_ARRIVED).size if size is None else size for key, size in whole.items())
    return 0


def _tables(store: Layout, tasks: Iterable[Task]) -> int:
    """Say of how many blobs it is known what stands in them."""
    tables = Tables(store.root)
    return sum(tables.path(Digest(task.key)).exists() for task in tasks)


def _tasks(asked: Sequence[ImageRequest]) -> list[Task]:
    images = [image for one in asked for image in one.images if image_kind(image) == "image"]
    tasks = [task for image in images for task in blob_tasks(image, image.manifest.layers)]
    return list({task.key: task for task in tasks}.values())


def _summary(read: Sequence[str], failed: Sequence[str], tasks: Sequence[Task], started: float) -> str:
    if not read:
        return f"Reading {counted_names(failed)} failed"
    layers = counted(len(tasks), "layer")
    taken = human_duration(time.monotonic() - started)
    return f"Read {counted_names(read)}: {layers} in {taken}" + (f"; {len(failed):,} failed" if failed else "")
