"""What an image is: its manifests, layers, history and configs, by its documents alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Names, Row, collect
from ocinb.sources.images import Child, Image, find_images, read_image, resolve_name
from ocinb.sources.session import Session, open_source
from ocinb.spec import mediatypes
from ocinb.spec.documents import REFERENCE_DIGEST, Manifest
from ocinb.spec.identity import align_history, chain_ids, layer_steps
from ocinb.spec.platforms import Platform
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

Platforms = str | Sequence[str] | None


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


def layers(reference: Names, *, platform: Platforms = None, errors: Errors = "raise") -> pd.DataFrame:
    """List the layers of an image, from the base up, with what made them.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        ``"linux/arm64/v8"``, ``"arm64"``, a list of such, ``"all"``, or None for the one in the settings; with None an
        image that has one platform only is taken as it is.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per layer: reference, platform, manifest_digest, layer (from 0 at the base), digest, diff_id, chain_id,
        media_type, compression, compressed_bytes (bytes), tar_bytes, files and hidden_bytes (NA: the layers were not
        read), instruction, created_by, created (UTC). An artifact's blobs are its layers.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.
    InvalidError
        If layers and diff_ids are not equally many.

    Notes
    -----
    Source: OCI image-spec manifest.md and config.md ("Layer DiffID", "Layer ChainID").

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.layers(registry.reference("demo/hello"))
    >>> frame[["layer", "compression", "instruction"]].to_dict("records")
    [{'layer': 0, 'compression': 'gzip', 'instruction': 'COPY hello /'}]
    """
    return _of_images(reference, platform, _layer_rows, schemas.LAYERS, errors)


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
    return _of_images(reference, platform, _history_rows, schemas.HISTORY, errors)


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
        artifact has none.

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
    return _of_images(reference, platform, _config_rows, schemas.CONFIGS, errors)


def _of_images(
    reference: Names, platform: Platforms, rows_of: Callable[[Image], Iterator[Row]], schema: Any, errors: Errors
) -> pd.DataFrame:
    def rows(name: str, session: Session) -> Sequence[Row]:
        found = images_of(name, session, platform)
        return [
            {
                "reference": name,
                "platform": str(image.platform) if image.platform else None,
                "manifest_digest": image.document.digest,
                **row,
            }
            for image in found
            for row in rows_of(image)
        ]

    return collect(reference, rows, schema, errors=errors)


def images_of(name: str, session: Session, platform: Platforms) -> list[Image]:
    """Read the images behind a name."""
    reference = Reference(name)
    source = open_source(reference, session=session)
    resolved = resolve_name(source, reference.wanted, session.settings)
    return find_images(source, resolved, platform, session.settings)


def _manifest_rows(name: str, session: Session) -> Sequence[Row]:
    reference = Reference(name)
    source = open_source(reference, session=session)
    resolved = resolve_name(source, reference.wanted, session.settings)
    if resolved.is_index:
        return [{"reference": name, **_child_row(child)} for child in resolved.children]
    return [{"reference": name, **_lone_row(read_image(source, resolved.document, None))}]


def _child_row(child: Child) -> Row:
    descriptor = child.descriptor
    return {
        "index_digest": child.index_digest,
        "position": child.position,
        "kind": descriptor.kind,
        **_platform_fields(descriptor.platform),
        "digest": descriptor.digest,
        "media_type": descriptor.media_type,
        "artifact_type": descriptor.artifact_type,
        "manifest_bytes": descriptor.size,
        "subject": descriptor.annotations.get(REFERENCE_DIGEST),
        "annotations": descriptor.annotations,
    }


def _lone_row(image: Image) -> Row:
    manifest, document = image.manifest, image.document
    artifact_type = _artifact_type(manifest) if image.config is None else manifest.artifact_type
    kind = "signature" if artifact_type in mediatypes.SIGNATURES else "image" if image.config else "artifact"
    return {
        "kind": kind,
        **_platform_fields(image.platform),
        "digest": document.digest,
        "media_type": document.media_type,
        "artifact_type": artifact_type,
        "manifest_bytes": len(document.raw),
        "subject": manifest.subject.digest if manifest.subject else None,
        "annotations": manifest.annotations,
    }


def _artifact_type(manifest: Manifest) -> str:
    # manifest.md: without artifactType the type of the config is the type of the artifact.
    return manifest.artifact_type or manifest.config.media_type


def _platform_fields(platform: Platform | None) -> Row:
    if platform is None:
        return {}
    return {
        "platform": str(platform) if platform.known else None,
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant,
        "os_version": platform.os_version,
    }


def _layer_rows(image: Image) -> Iterator[Row]:
    stacked = image.manifest.layers
    diff_ids = image.config.diff_ids if image.config else (None,) * len(stacked)
    chain = chain_ids(image.config.diff_ids) if image.config else (None,) * len(stacked)
    steps = layer_steps(image.config.history if image.config else (), len(stacked))
    for number, (descriptor, diff_id, chain_id, step) in enumerate(zip(stacked, diff_ids, chain, steps, strict=True)):
        yield {
            "layer": number,
            "digest": descriptor.digest,
            "diff_id": diff_id,
            "chain_id": chain_id,
            "media_type": descriptor.media_type,
            "compression": mediatypes.layer_compression(descriptor.media_type),
            "compressed_bytes": descriptor.size,
            "instruction": step.instruction if step else None,
            "created_by": step.created_by if step else None,
            "created": step.created if step else None,
        }


def _history_rows(image: Image) -> Iterator[Row]:
    if image.config is None:
        return
    entries, stacked = image.config.history, image.manifest.layers
    for position, (entry, layer) in enumerate(zip(entries, align_history(entries, len(stacked)), strict=True)):
        yield {
            "position": position,
            "layer": layer,
            "empty_layer": entry.empty_layer,
            "instruction": entry.instruction,
            "created_by": entry.created_by,
            "created": entry.created,
            "author": entry.author,
            "comment": entry.comment,
            "layer_digest": None if layer is None else stacked[layer].digest,
            "compressed_bytes": None if layer is None else stacked[layer].size,
        }


def _config_rows(image: Image) -> Iterator[Row]:
    config, document = image.config, image.config_document
    if config is None or document is None:
        return
    yield {
        "digest": document.digest,
        "created": config.created,
        "author": config.author,
        "os": config.platform.os,
        "architecture": config.platform.architecture,
        "variant": config.platform.variant,
        "user": config.user,
        "entrypoint": config.entrypoint,
        "cmd": config.cmd,
        "env": config.env,
        "labels": config.labels,
        "exposed_ports": config.exposed_ports,
        "volumes": config.volumes,
        "working_dir": config.working_dir,
        "stop_signal": config.stop_signal,
        "healthcheck": config.healthcheck,
    }
