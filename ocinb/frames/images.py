"""What an image is: its manifests, layers, history and configs, by its documents alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._schemas import Schema
from ocinb.frames import schemas
from ocinb.frames.batch import Errors, Names, Row, collect
from ocinb.frames.document_rows import child_row, config_rows, history_rows, image_fields, layer_rows, lone_row
from ocinb.frames.resolve import Platforms, resolve_reference, wanted_platforms
from ocinb.progress.protocol import Progress
from ocinb.sources.images import Image, read_image
from ocinb.sources.session import Session

if TYPE_CHECKING:
    import pandas as pd

Depth = Literal["metadata", "files"]
METADATA: Final = "metadata"
DEPTHS: Final = (METADATA, "files")


@suggesting
def manifests(reference: Names, *, errors: Errors = "raise") -> pd.DataFrame:
    """List the manifests behind a name: all children of an index, attestations too, and those of indexes in it.

    Parameters
    ----------
    reference
        The name of an image, or several.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per manifest in the index, or one row if there is no index: reference, index_digest, position, kind,
        platform, os, architecture, variant, os_version, digest, media_type, artifact_type, manifest_bytes (bytes),
        subject, annotations.

    Raises
    ------
    NotFoundError
        If nothing has that name.
    InvalidError
        If the name is none, or what it points at is no manifest.

    Notes
    -----
    Source: OCI image-spec image-index.md; BuildKit's attestation-storage.md for attestations in an index.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.manifests(registry.reference("demo/shop:2.0"))
    >>> frame.loc[frame["kind"] == "image", "platform"].tolist()
    ['linux/amd64', 'linux/arm64']
    """
    return collect(reference, _manifest_rows, schemas.MANIFESTS, errors=errors)


@suggesting
def layers(
    reference: Names,
    *,
    platform: Platforms = None,
    depth: Depth = METADATA,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """List the layers of an image, from the base up, with what made them.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        ``"linux/arm64/v8"``, ``"arm64"``, a list of such, ``"all"``, or None for the one in the settings; with None an
        image that has one platform only is taken as it is.
    depth
        ``"metadata"`` reads documents alone. ``"files"`` reads the layers too, and fetches those into the store that
        are not there, as `efficiency` does.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).
    progress
        How the layers are watched that are read: None draws bars where there is somebody to see them, False none; or an
        object that is told (see `Progress`).

    Returns
    -------
    DataFrame
        One row per layer: reference, platform, manifest_digest, layer (from 0 at the base), digest, diff_id, chain_id,
        media_type, compression, compressed_bytes (bytes), tar_bytes (bytes), files, hidden_bytes (bytes), instruction,
        created_by, created (UTC). tar_bytes, files (how many regular files it stores) and hidden_bytes (what of it
        nothing shows in the end) are NA unless depth is ``"files"``. An artifact's blobs are its layers, and are read
        in no case.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.
    InvalidError
        If what the name points at is no manifest, or one that contradicts itself; if a layer that is read passes a
        limit of the settings.
    IntegrityError
        If a layer that is read is damaged or no tar, or its tar is not the one that the config promised.

    Notes
    -----
    Source: OCI image-spec manifest.md and config.md ("Layer DiffID", "Layer ChainID"); distribution's manifest-v2-1.md.

    An image of Docker's schema 1 says neither sizes nor diff_ids: compressed_bytes, diff_id, chain_id and compression
    are NA. Where a config has not as many diff_ids as there are layers, none of them is told. A manifest of an unknown
    type has no rows.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.layers(registry.reference("demo/hello"))
    >>> frame[["layer", "compression", "instruction"]].to_dict("records")
    [{'layer': 0, 'compression': 'gzip', 'instruction': 'COPY hello /'}]

    Why is it so large?

    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.layers(registry.reference("demo/shop:2.0"), depth="files", progress=False)
    >>> frame.loc[frame["hidden_bytes"] > 200_000, ["layer", "tar_bytes", "files", "hidden_bytes"]].values.tolist()
    [[1, 245760, 4, 217212], [2, 3389440, 11, 800000]]
    """
    check_choice("depth", depth, DEPTHS)
    if depth == METADATA:
        return _of_images(reference, platform, layer_rows, schemas.LAYERS, errors)
    # Late: most who ask for layers read none, and need nothing of what unpacks them.
    from ocinb.frames.contents import layers_with_contents

    return layers_with_contents(reference, platform, errors=errors, progress=progress)


@suggesting
def history(reference: Names, *, platform: Platforms = None, errors: Errors = "raise") -> pd.DataFrame:
    """List the steps that built an image, those that made no layer too.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per history entry: reference, platform, manifest_digest, position, layer, empty_layer, instruction,
        created_by, created (UTC), author, comment, layer_digest, compressed_bytes (bytes). If the entries that made a
        layer are not as many as the layers, nothing is matched: layer, layer_digest and compressed_bytes are NA.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.

    Notes
    -----
    Source: OCI image-spec config.md, "history".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.history(registry.reference("demo/hello"))
    >>> frame["empty_layer"].tolist()
    [False, True]
    """
    return _of_images(reference, platform, history_rows, schemas.HISTORY, errors)


@suggesting
def configs(reference: Names, *, platform: Platforms = None, errors: Errors = "raise") -> pd.DataFrame:
    """Read the configs of an image: what it runs, as whom, with which environment and labels.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per image config: reference, platform, manifest_digest, digest, created (UTC), author, os,
        architecture, variant, user, entrypoint, cmd, env, labels, exposed_ports, volumes, working_dir, stop_signal,
        healthcheck. env and labels are dicts, entrypoint, cmd, exposed_ports and volumes lists; NA is unset. An
        artifact has none. digest is NA where the config stands in the manifest, as in Docker's schema 1.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.

    Notes
    -----
    Source: OCI image-spec config.md; the healthcheck is Docker's.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.configs(registry.reference("demo/shop:2.0"), platform="all")
    >>> frame["platform"].tolist()
    ['linux/amd64', 'linux/arm64']
    """
    return _of_images(reference, platform, config_rows, schemas.CONFIGS, errors)


def _of_images(
    reference: Names, platform: Platforms, rows_of: Callable[[Image], Iterator[Row]], schema: Schema, errors: Errors
) -> pd.DataFrame:
    wanted = wanted_platforms(platform)

    def rows(name: str, session: Session) -> Sequence[Row]:
        images = resolve_reference(name, session).images(wanted)
        return [{**image_fields(name, image), **row} for image in images for row in rows_of(image)]

    return collect(reference, rows, schema, errors=errors)


def _manifest_rows(name: str, session: Session) -> Sequence[Row]:
    opened = resolve_reference(name, session)
    if opened.resolved.is_index:
        return [{"reference": name, **child_row(child)} for child in opened.resolved.children]
    return [{"reference": name, **lone_row(read_image(opened.source, opened.resolved.document, None))}]
