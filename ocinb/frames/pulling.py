"""Downloads: images as a whole into a layout on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._lazy import loading
from ocinb._settings import settings
from ocinb._text import counted, human_duration, human_size
from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.frames import schemas
from ocinb.frames.batch import Errors, Failure, Names, Row, list_names, run_batch, with_failures
from ocinb.frames.document_rows import platform_text
from ocinb.frames.pull_plan import Listing, Plan, awaited_blobs, distinct_blobs, named_blobs, plan_pull
from ocinb.frames.resolve import Platforms, blob_tasks, counted_names, resolve_reference, wanted_platforms
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, Task
from ocinb.sources.images import Image
from ocinb.sources.name_lookup import INDEX, MARKER, local_path, not_there
from ocinb.sources.session import default_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import FILE_TRANSPORTS
from ocinb.storage.index_updates import Pulled
from ocinb.storage.layout import Layout
from ocinb.storage.safe_files import disk_errors
from ocinb.transfer import Transfer, Transferred

if TYPE_CHECKING:
    import pandas as pd


Destination = str | PathLike[str]


def checked_folder(destination: Destination) -> Path:
    """Check the path of a folder that is an image layout, or becomes one."""
    if not isinstance(destination, str | PathLike) or not str(destination):
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}")
    transport, colon, rest = str(destination).partition(":")
    if colon and (transport in FILE_TRANSPORTS or rest.startswith("//")):  # as skopeo wants it, or a bucket's address
        hint = "It is or becomes an image layout on this machine: give the folder alone"
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}", hint=hint)
    folder = local_path(str(destination))
    with disk_errors(folder):  # a name that is too long for a disk, for instance
        is_file = folder.is_file()
    if is_file:
        raise InvalidError(f"destination takes the path of a folder, and {folder} is a file")
    return folder


def open_kept(destination: Destination | None) -> Layout:
    """Open the store of this user, or a folder that was filled before."""
    if destination is None:
        return Layout(settings.store_dir, private=True)
    folder = checked_folder(destination)
    if not folder.is_dir():
        raise not_there(folder, "folder")
    if not any((folder / name).exists() for name in (MARKER, INDEX)):
        raise InvalidError(
            f"{folder} is no image layout: it has neither {MARKER!r} nor {INDEX!r}",
            hint=f"ocinb.pull(…, destination={str(destination)!r}) makes one",
        )
    return Layout(folder)


Results = dict[Digest, Transferred | OcinbError]


@suggesting
def pull(
    reference: Names,
    *,
    platform: Platforms = None,
    destination: str | PathLike[str] | None = None,
    referrers: bool = False,
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
        As for `layers`; ``"all"`` takes every image of an index, and the index itself.
    destination
        A folder, made if need be. None is the store of this user, where every function of ocinb looks first.
    referrers
        Whether what refers to an image comes along: signatures, SBOMs, attestations, and what refers to these.
        `ocinb.referrers` finds it in the layout again.
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
        blob_bytes (bytes), fetched_bytes (bytes), outcome (downloaded, resumed, present), seconds, path. After those of
        the images come the rows of what refers to them, whose manifest_digest is its own, and whose platform is NA.

    Raises
    ------
    IntegrityError
        If bytes do not match their digest; those of a layer are fetched twice before that is said.
    TransportError
        If the registry fails, the disk has no room (told before any layer is fetched), or the folder cannot be
        written; what came so far is kept and resumed next time.
    NotFoundError
        If nothing has that name, or it has no such platform; also if a referrer is listed, and gone.
    InvalidError
        If a name, a platform or the folder is none; if it is an image of Docker's schema 1, which fits into no layout;
        or if there are more referrers than ``settings.max_index_children``.

    Notes
    -----
    All documents stay as they came, also a Docker manifest, which crane reads from a layout; skopeo's ``oci:`` looks
    for OCI manifests only.

    *Names.* In the layout an image bears its canonical name, ``docker.io/library/python:3.12``; so does one out of a
    file, if it is called so there. Of several platforms each bears it with its own at the end, ``…:3.12-arm64``, and
    with ``"all"`` the index bears it without; a tag that is really called ``3.12-arm64`` has that name first, and the
    image of the other is called ``…@sha256:…`` then. A name that stood for something else stands for what was pulled
    last; other images of the same index keep a name, and those that the tag no longer leads to lose theirs. What
    another tool named stays.

    *Referrers.* Of an index and of each image that is pulled, what refers to it is called in the layout as in a
    registry that has no list: ``repository:sha256-…`` is an index of it, which regctl and oras read, and
    ``repository:sha256-….sig`` is cosign's. So ``found_via`` is ``tag`` for what an API listed, and an image's own
    name leads to its attestation too. cosign itself reads only layouts that it has saved.

    Without referrers, what an index names beside its images stays where it is, and so ``skopeo copy --all`` from the
    layout fails at the first attestation; with ``platform="all", referrers=True`` everything that the index names is
    there, and it succeeds.

    Sources: OCI image-spec image-layout.md, annotations.md; distribution-spec v1.1, "Referrers Tag Schema"; cosign's
    SIGNATURE_SPEC.md.

    Examples
    --------
    >>> import ocinb, tempfile
    >>> with ocinb.samples.registry() as registry, tempfile.TemporaryDirectory() as folder:
    ...     frame = ocinb.pull(registry.reference("demo/hello"), destination=folder, progress=False)
    >>> frame["outcome"].tolist()
    ['downloaded', 'downloaded']

    With what refers to it:

    >>> with ocinb.samples.registry() as registry, tempfile.TemporaryDirectory() as folder:
    ...     shop = registry.reference("demo/shop:2.0")
    ...     frame = ocinb.pull(shop, platform="all", referrers=True, destination=folder, progress=False)
    ...     found = ocinb.referrers(f"oci:{folder}:{shop}")
    >>> frame.loc[frame["platform"].isna(), "manifest_digest"].nunique()
    6
    >>> found["found_via"].tolist()
    ['tag', 'tag', 'index', 'index', 'cosign']
    """
    _check_arguments(verify, referrers)
    session, names, wanted = default_session(), list_names(reference), wanted_platforms(platform)
    layout = session.store if destination is None else Layout(checked_folder(destination))
    started = time.monotonic()
    board = choose_progress(progress)

    def plan(name: str) -> Plan:
        return plan_pull(resolve_reference(name, session, store=layout), wanted, referrers=referrers)

    with layout.in_use():
        layout.entries()  # an index that is none is told of before anything is fetched
        planned = run_batch(names, plan, errors=errors, session=session, progress=progress)
        plans = [plan for plan in planned if isinstance(plan, Plan)]
        failures = [plan for plan in planned if isinstance(plan, Failure)]
        if plans:
            layout.prepare()
        title, ending, summary = f"Pulling {counted_names(names)}", "stopped", ""
        transfer = Transfer(layout, session.settings, board, verify=verify)
        try:
            board.start(title, _tasks(plans))
            with loading("pandas"):  # which takes about as long as the blobs of an image
                blobs = transfer.run([job for plan in plans for job in plan.jobs], errors=errors)
            # A document may be wanted as a blob too; then it came before.
            documents = _documents(plans, layout)
            rows = list(_finish(plans, {**blobs, **documents}, layout, failures, errors))
            fetched = transfer.fetched_bytes + sum(document.fetched_bytes for document in documents.values())
            failed = {failure.reference for failure in failures}
            tried = {blob.descriptor.digest for plan in plans if plan.name in failed for blob in plan.jobs}
            cost = f"{human_size(fetched)} fetched in {human_duration(time.monotonic() - started)}"
            summary = f"{_summary(names, failed, rows, cost)}{_kept(transfer.kept & tried)}"
        except OcinbError:
            ending = "failed"
            raise
        finally:
            board.finish(summary or f"{title} {ending}{_kept(transfer.kept)}")
    places = {name: place for place, name in enumerate(names)}
    return with_failures(schemas.PULL.frame(rows), sorted(failures, key=lambda failure: places[failure.reference]))


def _check_arguments(verify: object, referrers: object) -> None:
    check_choice("verify", verify, ("size", "full"))
    if not isinstance(referrers, bool):
        raise InvalidError(f"referrers takes True or False, not {referrers!r}")


def _documents(plans: Sequence[Plan], layout: Layout) -> dict[Digest, Transferred]:
    """Tell what became of the configs, which are documents: several images may have one, and one of them fetched it."""
    done: dict[Digest, Transferred] = {}
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
    if not plans:
        return
    told: set[Digest] = set()
    documents: set[Digest] = set()
    names: dict[str, Pulled] = {}
    limit = plans[0].opened.session.settings.max_manifest_bytes
    listing = Listing(layout, limit)
    for plan in plans:
        try:
            rows = [row for image in plan.images for row in _image_rows(plan, image, done)]
        except OcinbError as error:
            error.reference = plan.name
            if errors == "raise":
                raise
            failures.append(Failure(plan.name, error))
            continue
        lists = listing.write(plan)
        names[plan.kept_name] = plan.pulled(lists)
        documents |= plan.documents | {listed.digest for listed in lists.values()}
        yield from _fetched_once(rows, told)
    for digest in documents:  # the layers are on the disk already
        layout.blobs.settle(digest)
    layout.name(names, limit=limit)


def _image_rows(plan: Plan, image: Image, done: Results) -> Iterator[Row]:
    # All of them, also those that stand twice: one may give another size the second time.
    results = {blob.digest: _whole(blob, done[blob.digest]) for blob in named_blobs(image)}
    for blob in distinct_blobs(image):
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
        raise copy.copy(result)  # several images may want the blob, and each has a failure of its own
    with disk_errors(result.path):  # whoever removed it meanwhile did not ask whether somebody is at work
        size = result.path.stat().st_size
    if size != blob.size:  # two manifests give one digest two sizes, and it was fetched by the one that is right
        raise IntegrityError(f"{blob.digest} has to be {blob.size:,} bytes long, but has {size:,}")
    return result


def _tasks(plans: Sequence[Plan]) -> list[Task]:
    images = [image for plan in plans for image in plan.images]
    tasks = [task for image in images for task in blob_tasks(image, awaited_blobs(image))]
    return list({task.key: task for task in tasks}.values())


def _summary(names: Sequence[str], failed: Collection[str], rows: Sequence[Row], cost: str) -> str:
    pulled = [name for name in names if name not in failed]
    if failed and not pulled:
        return f"Pulling {counted_names(names)} failed; {cost}"
    sizes: dict[str, Any] = {row["digest"]: row["blob_bytes"] for row in rows}
    blobs = f"{counted(len(sizes), 'blob')}, {human_size(sum(sizes.values()))}"
    return f"Pulled {counted_names(pulled)}: {blobs}; {cost}" + (f"; {len(failed):,} failed" if failed else "")


def _kept(blobs: Collection[Digest]) -> str:
    """Say what a failure and an interrupt leave: blobs, and parts of some that are verified as far as they came."""
    return "; what came is kept and resumed next time" if blobs else ""
