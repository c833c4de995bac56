"""Downloads: images as a whole into a layout on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ocinb._text import human_duration, human_size, short_digest
from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Failure, Names, Row, attempt_all, list_names, with_failures
from ocinb.frames.opening import Opened, Platforms, open_name, wanted_platforms
from ocinb.frames.rows import platform_text
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, Task
from ocinb.sources.images import ALL, Image, Wanted
from ocinb.sources.local import local_path
from ocinb.sources.session import Session, default_session
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.identity import layer_steps
from ocinb.spec.platforms import Platform
from ocinb.spec.reference import FILE_TRANSPORTS
from ocinb.storage.layout import Layout
from ocinb.transfer import Job, Transfer, Transferred

if TYPE_CHECKING:
    import pandas as pd

Results = dict[Digest, Transferred | OcinbError]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one name asks for: some images, or all of an index."""

    opened: Opened
    images: list[Image]
    whole: bool

    @property
    def name(self) -> str:
        """The name as it was typed."""
        return self.opened.name

    @property
    def jobs(self) -> list[Job]:
        """The blobs that have to come."""
        return [Job(blob, self.opened.source, self.name) for image in self.images for blob in _awaited(image)]

    @property
    def documents(self) -> set[Digest]:
        """The documents that were read on the way, and stay."""
        resolved = self.opened.resolved
        read = [resolved.document, *resolved.indexes, *(image.document for image in self.images)]
        return {document.digest for document in (*read, *(image.config_document for image in self.images)) if document}

    def image_names(self) -> dict[str, Descriptor]:
        """Give the images the names that the index of the layout has for them."""
        full, resolved = self.opened.reference.kept_name, self.opened.resolved
        if not resolved.is_index or (len(self.images) == 1 and not self.whole):
            return {full: self.images[0].descriptor}
        named = {full: resolved.document.descriptor} if self.whole else {}
        for image in self.images:
            name = f"{full}{_suffix(image.platform)}"
            # Two for one architecture, of Windows for instance: the second keeps the name that nothing else can have.
            by_digest = self.opened.reference.at(image.document.digest)
            named[name if name not in named else by_digest] = image.descriptor
        return named


def pull(
    reference: Names,
    *,
    platform: Platforms = None,
    destination: str | PathLike[str] | None = None,
    verify: Literal["size", "full"] = "size",
    progress: Progress | bool | None = None,
    errors: Errors = "raise",
) -> pd.DataFrame:
    """Fetch images with all their blobs into an OCI image layout, which skopeo, umoci and crane read.

    Blobs come side by side, are hashed as they arrive, and get their name only when digest and size are right. What
    broke off is resumed, what is there is not fetched again, and an image gets its name when it is whole.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`; ``"all"`` takes every image of an index, and the index itself. What it names beside images,
        attestations for instance, does not come along.
    destination
        A folder, made if need be. None is the store of this user, where every function of ocinb looks first.
    verify
        ``"size"`` trusts a blob that has not changed since it was verified; ``"full"`` hashes it again.
    progress
        None draws bars where there is somebody to see them, False none; or an object that is told (see `Progress`).
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per config and layer, each once in an image: reference, platform, manifest_digest, digest, media_type,
        blob_bytes (bytes), fetched_bytes (bytes), outcome (downloaded, resumed, present), seconds, path.

    Raises
    ------
    IntegrityError
        If bytes do not match their digest; those of a layer are fetched twice before that is said.
    TransportError
        If the registry fails, or the folder cannot be written; what came so far is kept and resumed next time.
    NotFoundError
        If nothing has that name, or it has no such platform.
    InvalidError
        If it is an image of Docker's schema 1, which fits into no layout.

    Notes
    -----
    Source: OCI image-spec image-layout.md. All documents stay as they came, also a Docker manifest, which crane reads
    from a layout; skopeo's ``oci:`` looks for OCI manifests only.

    In the layout an image bears its canonical name, ``docker.io/library/python:3.12``; so does one out of a file, if it
    is called so there. Of several platforms each bears
    it with its own at the end, ``…:3.12-arm64``, and with ``"all"`` the index bears it without. A name that stood for
    something else stands for what was pulled last.

    Examples
    --------
    >>> import ocinb, tempfile
    >>> with ocinb.samples.registry() as registry, tempfile.TemporaryDirectory() as folder:
    ...     frame = ocinb.pull(registry.reference("demo/hello"), destination=folder, progress=False)
    >>> frame["outcome"].tolist()
    ['downloaded', 'downloaded']
    """
    if verify not in ("size", "full"):
        raise InvalidError(f"verify takes 'size' or 'full', not {verify!r}")
    session, names, wanted = default_session(), list_names(reference), wanted_platforms(platform)
    layout = session.store if destination is None else Layout(_folder(destination))
    started = time.monotonic()
    board = choose_progress(progress)
    with layout.in_use():
        planned = attempt_all(names, lambda name: _plan(name, session, layout, wanted), errors=errors, session=session)
        plans = [plan for plan in planned if isinstance(plan, Plan)]
        failures = [plan for plan in planned if isinstance(plan, Failure)]
        layout.prepare()
        summary = "stopped; what came is kept and resumed next time"
        try:
            board.start(f"Pulling {_counted(names)}", _tasks(plans))
            transfer = Transfer(layout, session.settings, board, verify=verify)
            blobs = transfer.run([job for plan in plans for job in plan.jobs], errors=errors)
            # A document may be wanted as a blob too; then it came before.
            done = blobs | _documents(plans, layout)
            rows = list(_finish(plans, done, layout, failures, errors))
            failed = {failure.reference for failure in failures}
            pulled = [name for name in names if name not in failed]
            summary = f"Pulled {_counted(pulled)}: {_summary(rows, time.monotonic() - started)}"
        finally:
            board.finish(summary)
    places = {name: place for place, name in enumerate(names)}
    return with_failures(schemas.PULL.frame(rows), sorted(failures, key=lambda failure: places[failure.reference]))


def _folder(destination: str | PathLike[str]) -> Path:
    if not isinstance(destination, str | PathLike) or not str(destination):
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}")
    transport, colon, _ = str(destination).partition(":")
    if colon and transport in FILE_TRANSPORTS:  # as skopeo wants it
        hint = "It becomes an image layout: give the folder alone"
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}", hint=hint)
    folder = local_path(str(destination))
    if folder.is_file():
        raise InvalidError(f"destination takes the path of a folder, and {folder} is a file")
    return folder


def _plan(name: str, session: Session, layout: Layout, wanted: Wanted) -> Plan:
    opened = open_name(name, session, store=layout)
    images = opened.images(wanted)
    for image in images:
        if image.document.media_type in mediatypes.SCHEMA1:
            what = f"{image.document.digest} is of Docker's schema 1, for which an image layout has no place"
            raise InvalidError(what, hint="`skopeo copy` converts it; layers, history and configs read it as it is")
    return Plan(opened, images, whole=wanted == ALL)


def _named(image: Image) -> list[Descriptor]:
    """Give the config and the layers of an image, as its manifest names them."""
    config = image.manifest.config
    return [*([config] if config else []), *image.manifest.layers]


def _blobs(image: Image) -> list[Descriptor]:
    """Give the config and the layers of an image, each once."""
    return list({blob.digest: blob for blob in _named(image)}.values())


def _documents(plans: Sequence[Plan], layout: Layout) -> Results:
    """Tell what became of the configs, which are documents: several images may have one, and one of them fetched it."""
    done: Results = {}
    for image in (image for plan in plans for image in plan.images):
        config = image.config_document
        if config is not None and (config.fetched or config.digest not in done):
            outcome, fetched = ("downloaded", len(config.raw)) if config.fetched else ("present", 0)
            done[config.digest] = Transferred(config.digest, outcome, fetched, None, layout.blobs.path(config.digest))
    return done


def _finish(
    plans: Sequence[Plan], done: Results, layout: Layout, failures: list[Failure], errors: Errors
) -> Iterator[Row]:
    """Name the images that are whole, and tell of their blobs."""
    told: set[Digest] = set()
    documents: set[Digest] = set()
    names: dict[str, Descriptor] = {}
    for plan in plans:
        try:
            rows = [row for image in plan.images for row in _image_rows(plan, image, done)]
        except OcinbError as error:
            error.reference = error.reference or plan.name
            if errors == "raise":
                raise
            failures.append(Failure(plan.name, error))
            continue
        names.update(plan.image_names())
        documents |= plan.documents
        yield from _fetched_once(rows, told)
    for digest in documents:  # the layers are on the disk already
        layout.blobs.settle(digest)
    if names:
        layout.name(names)


def _image_rows(plan: Plan, image: Image, done: Results) -> Iterator[Row]:
    # All of them, also those that stand twice: one may give another size the second time.
    results = {blob.digest: _whole(blob, done[blob.digest]) for blob in _named(image)}
    for blob in _blobs(image):
        result = results[blob.digest]
        yield {
            "reference": plan.name,
            "platform": platform_text(image.platform),
            "manifest_digest": image.document.digest,
            "digest": blob.digest,
            "media_type": blob.media_type,
            "blob_bytes": blob.size,
            "fetched_bytes": result.fetched_bytes,
            "outcome": result.outcome,
            "seconds": result.seconds,
            "path": str(result.path),
        }


def _fetched_once(rows: Sequence[Row], told: set[Digest]) -> Iterator[Row]:
    """Tell of the first row of a digest what it took; to the others it was there already."""
    for row in rows:
        yield {**row, "fetched_bytes": 0, "outcome": "present", "seconds": None} if row["digest"] in told else row
        told.add(row["digest"])


def _whole(blob: Descriptor, result: Transferred | OcinbError) -> Transferred:
    if isinstance(result, OcinbError):
        error = copy.copy(result)  # several images may want the blob, and each has a failure of its own
        error.reference = None
        raise error
    size = result.path.stat().st_size
    if size != blob.size:  # two manifests give one digest two sizes, and it was fetched by the one that is right
        raise IntegrityError(f"{blob.digest} has to be {blob.size:,} bytes long, but has {size:,}")
    return result


def _suffix(platform: Platform | None) -> str:
    """Tell the images of one name apart, since umoci does not look behind an index."""
    return "".join(f"-{part}" for part in str(platform).split("/")[1:])


def _tasks(plans: Sequence[Plan]) -> list[Task]:
    tasks = {}
    for image in (image for plan in plans for image in plan.images):
        steps = layer_steps(image.config.history if image.config else (), len(image.manifest.layers))
        made = {blob.digest: step for blob, step in zip(image.manifest.layers, steps, strict=True)}
        for blob in _awaited(image):
            step = made.get(blob.digest)
            detail = (step.instruction if step else None) or blob.media_type
            tasks[blob.digest] = Task(blob.digest, short_digest(blob.digest), blob.size, detail)
    return list(tasks.values())


def _awaited(image: Image) -> list[Descriptor]:
    """Give the blobs that have to come; the config of an image came with the documents."""
    came = image.config_document.digest if image.config_document else None
    return [blob for blob in _blobs(image) if blob.digest != came]


def _counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} references"


def _summary(rows: Sequence[Row], seconds: float) -> str:
    sizes: dict[str, Any] = {row["digest"]: row["blob_bytes"] for row in rows}
    fetched = sum(row["fetched_bytes"] for row in rows)
    blobs = f"{len(sizes)} blob{'' if len(sizes) == 1 else 's'}, {human_size(sum(sizes.values()))}"
    return f"{blobs}; {human_size(fetched)} fetched in {human_duration(seconds)}"
