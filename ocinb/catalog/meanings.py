"""Meanings: the one place that says what each column of the tables and views says.

Most columns say the same wherever they stand; the others have a meaning of their own in their table.
"""

from __future__ import annotations

from types import MappingProxyType

# What the views and functions are made of, which nobody else needs to know.
HELPERS = frozenset({"current_images", "current_names", "ocinb_version", "stored_files"})

_EVERYWHERE = MappingProxyType(
    {
        "annotations": "the annotations",
        "architecture": "the architecture, as it came",
        "artifact_type": "what kind of artifact it says that it is",
        "chain_id": "the identity of all layers up to this one",
        "change": "added, modified (the path stood below) or deleted (of a marker)",
        "compressed_bytes": "the size of its layers, as they are stored, one that stands twice twice; NULL if unknown",
        "config_digest": "the digest of the image's config",
        "created": "when it was made; NULL for Go's zero time and the Unix epoch",
        "created_by": "what the builder wrote down, as it came",
        "deduplicated_bytes": "the size of the distinct layers of its images",
        "diff_id": "the digest of the tar in the layer",
        "digest": "what the tag points at",
        "gid": "the number of the group that owns it",
        "images": "how many images it has, each counted once however many tags it has",
        "index_digest": "the digest of the index",
        "indexed_at": "when its files were read; NULL if they were not",
        "instruction": "what the Dockerfile said",
        "labels": "the labels",
        "layer": "the layer's number, from 0 at the base",
        "layer_digest": "the digest of the layer's blob",
        "layers": "how many layers it has",
        "link_target": "what a link names; NULL if it is none",
        "logical_bytes": "the size of its images, whatever they share",
        "manifest_bytes": "the size of the manifest itself",
        "manifest_digest": "the digest of the image's manifest",
        "media_type": "the media type",
        "mode": "the permission bits, with setuid, setgid and sticky",
        "mtime": "when its content was last changed; NULL if no clock shows it",
        "observed_at": "when that was seen",
        "os": "the operating system, as it came",
        "path": "the path, without a leading slash; the root's is empty, of a marker what it removes",
        "platform": "the platform in its normal form; NULL for what is no image",
        "raw": "the document as it came; its hash is its digest",
        "reference": "the image's name: a tag that points at it now, itself or by its index, else repository@digest",
        "registry": "the registry's host, with its port; NULL for a file",
        "repository": "the repository's path in its registry; of a file its transport and path",
        "sha256": "the SHA-256 of a regular file's content, in 64 hex digits; NULL for all others",
        "size_bytes": "the size of a file's content, 0 for what has none",
        "subject": "the digest of the manifest that it speaks about",
        "tag": "the tag, or the name in a file, empty for what has none; NULL: named by its digest",
        "tags": "how many tags it has",
        "tar_bytes": "the size of the tar, unpacked; NULL if it was not read",
        "type": "file, directory, symlink, hardlink, character, block, fifo, whiteout or opaque",
        "uid": "the number of the user that owns it",
        "user": "who the process runs as; NULL is root",
        "variant": "the variant of the architecture, as it came",
        "visible": "whether this very entry is what the final file system shows there; NULL if that was not worked out",
    }
)

_HERE = MappingProxyType(
    {
        "base_images": {
            "annotated_digest": "the digest of the base, as an annotation of the image says",
            "annotated_name": "the name of the base, as an annotation of the image says",
            "base_digest": "the manifest of the base: the image whose layers are the longest beginning of this one's",
            "base_layers": "how many layers the base has",
            "base_reference": "the base's name, as in images",
            "outdated": "whether the tags of the base have moved on from it; NULL if it has none",
        },
        "configs": {
            "cmd": "the command or its default arguments",
            "created": "when the image was made; NULL for Go's zero time and the Unix epoch",
            "entrypoint": "the entrypoint",
            "env": "the environment",
        },
        "current_names": {"digest": "what the name points at now", "observed_at": "when it was last seen so"},
        "failures": {
            "error": "why it failed",
            "failed_at": "when it failed",
            "reference": "the name as it was typed",
            "stage": "what was to be done",
        },
        "file_duplicates": {
            "copies": "how many regular files have this content in the distinct layers that count now",
            "duplicate_bytes": "what all copies but one take, unpacked: (copies - 1) * size_bytes",
            "example_path": "the path of one of them",
            "layers": "in how many distinct layers they stand",
            "sha256": "the SHA-256 of the content, in 64 hex digits",
        },
        "hidden_files": {
            "hidden_by": "the instruction that made the layer that hides it",
            "hidden_bytes": "the size of the content that nothing shows any more",
            "hidden_in": "the layer that hides it; NULL if it never had a place",
            "path": "the path, without a leading slash",
            "reason": "deleted, overwritten, opaque or replaced; NULL if it never had a place",
            "stored_by": "the instruction that made the layer that stores it",
            "stored_in": "the layer that stores it",
        },
        "history": {
            "created": "when the step was run; NULL for Go's zero time and the Unix epoch",
            "empty_layer": "whether the step made no layer",
            "layer": "the layer that the step made; NULL if none, or if history and layers do not fit",
            "position": "its place in the history, from 0",
        },
        "images": {
            "distribution": 'the distribution in it, such as "debian 12"; NULL before its files were read',
            "files": "how many regular files its layers store; NULL if one was not read",
            "tar_bytes": "the size of its layers, unpacked; NULL if one was not read",
        },
        "index_entries": {
            "kind": "image, attestation, artifact, signature, index or unknown",
            "manifest_digest": "the manifest that stands there, or an index",
            "os_version": "the version of the operating system, as it came",
            "position": "its place in the index, from 0",
        },
        "layer_files": {"position": "its place in the layer's tar, from 0"},
        "files": {"position": "its place in the layer's tar, from 0"},
        "layer_sharing": {
            "compressed_bytes": "the size of the layer's blob; NULL in Docker's schema 1",
            "images": "how many images have it",
            "instruction": "what the Dockerfile said that made it",
            "reference": "the name of an image that has it",
            "repositories": "how many repositories have such images",
            "saved_bytes": "what sharing it saves: (its images - 1) * compressed_bytes, over all registries",
        },
        "layers": {
            "compressed_bytes": "the size of the blob; NULL in Docker's schema 1",
            "compression": "gzip, zstd, bzip2, xz or none",
            "files": "how many regular files it stores; NULL if it was not read",
        },
        "manifests": {
            "config_digest": "the digest of the config; NULL for an index",
            "distribution": 'the distribution in the image, such as "debian 12"; NULL before its files were read',
            "indexed_at": "when the files of the image were read; NULL if they were not",
            "kind": "image, attestation, artifact, signature, index or unknown: what it is by itself",
            "manifest_digest": "the digest of the manifest or index",
        },
        "observations": {"digest": "what the tag pointed at; NULL: it was gone", "observed_at": "when that was seen"},
        "overlay": {
            "hidden": "whether no name of its content is left in the final file system",
            "hidden_in": "the layer that hides it; NULL if none does, or if it never had a place",
            "position": "its place in the layer's tar, from 0",
            "reason": "deleted, overwritten, opaque or replaced; NULL if it never had a place",
        },
        "referrers": {
            "annotations": "the annotations of the referrer",
            "artifact_type": "what the referrer is; NULL where nobody says it",
            "found_via": "api, tag, index or cosign: how it was found",
            "referrer_digest": "the referrer's digest",
            "subject": "the digest of what it refers to",
        },
        "registry_sizes": {"repositories": "how many repositories have such images"},
        "registry_summary": {
            "definition": "what it is, and over what it is reckoned",
            "figure": "the figure's name",
            "unit": "its unit",
            "value": "its value, in its unit; NULL where there is nothing to count",
        },
        "repository_sizes": {"unique_bytes": "the size of the layers that no other repository of the registry has"},
        "size_history": {
            "delta_bytes": "compressed_bytes less that of the tag before; NULL for the first",
            "grown_by": "the instruction that made the layer that grew most",
            "grown_bytes": "by how much that layer grew",
            "grown_in": "the layer that grew most against the tag before; NULL for the first, or if none grew",
        },
        "tag_history": {
            "digest": "what the tag pointed at in this stay",
            "first_seen": "when it was first seen there",
            "last_seen": "when it was last seen there",
            "previous_digest": "what it pointed at in the stay before; NULL for the first",
        },
        "tag_sizes": {
            "platforms": "how many platforms its images are for",
            "reclaimable_bytes": "the size of the layers that would be freed if this tag alone went",
        },
        "tags": {
            "manifest_digest": "the digest of an image behind the tag; NULL if none is in the catalogue",
            "reference": "the tag in full",
        },
    }
)

_TABLES = frozenset({*_HERE, "current_images", "find", "manifest_layers"})


def is_ours(table: str) -> bool:
    """Tell a table, view or macro of ocinb from one that people made."""
    return table in _TABLES


def column_names() -> frozenset[str]:
    """Name all columns of ours."""
    return frozenset(_EVERYWHERE).union(*_HERE.values())


def meaning_of(table: str, column: str) -> str | None:
    """Say what a column says; None if it is none of ours.

    >>> meaning_of("tags", "reference"), meaning_of("mine", "reference")
    ('the tag in full', None)
    """
    if not is_ours(table):
        return None
    return _HERE.get(table, {}).get(column) or _EVERYWHERE.get(column)


def unit_of(table: str, column: str) -> str | None:
    """Give the unit of a column of ours; None if it has none.

    >>> unit_of("layers", "tar_bytes"), unit_of("layers", "files")
    ('bytes', None)
    """
    return "bytes" if column.endswith("_bytes") and meaning_of(table, column) else None
