"""The columns of every frame: the one place that says what they are called and what they mean."""

from __future__ import annotations

from ocinb._schemas import FLAG, NUMBER, OBJECT, TEXT, TIME, Column, Schema

_REFERENCE = Column("reference", TEXT, "the name as it was typed")
_CANONICAL = Column("reference", TEXT, "the name in full")
_REGISTRY = Column("registry", TEXT, "the registry's host, with its port")
_REPOSITORY = Column("repository", TEXT, "the repository's path in its registry")
_PLATFORM = Column("platform", TEXT, "the platform in its normal form; NA for an artifact")
_MANIFEST_DIGEST = Column("manifest_digest", TEXT, "the digest of the image's manifest")
_MEDIA_TYPE = Column("media_type", TEXT, "the media type")
_OS = Column("os", TEXT, "the operating system, as it came")
_ARCHITECTURE = Column("architecture", TEXT, "the architecture, as it came")
_VARIANT = Column("variant", TEXT, "the variant of the architecture, as it came")
_INSTRUCTION = Column("instruction", TEXT, "what the Dockerfile said")
_CREATED_BY = Column("created_by", TEXT, "what the builder wrote down, as it came")
_CREATED = Column("created", TIME, "when it was made; NA for Go's zero time and the Unix epoch")
_ANNOTATIONS = Column("annotations", OBJECT, "the annotations, a dict")

RATE_LIMITS = Schema(
    "rate_limits",
    "registry",
    (
        _REGISTRY,
        Column("limit", NUMBER, "requests that it answers in one window"),
        Column("remaining", NUMBER, "those that are left in this one"),
        Column("window_seconds", NUMBER, "the length of a window", "seconds"),
        Column("reset_at", TIME, "when the next one begins"),
    ),
)

REPOSITORIES = Schema("repositories", "repository", (_REGISTRY, _REPOSITORY, _CANONICAL))

TAGS = Schema(
    "tags",
    "tag",
    (
        _REGISTRY,
        _REPOSITORY,
        Column("tag", TEXT, "the tag"),
        _CANONICAL,
        Column("kind", TEXT, "tag, or by its form: signature, attestation, sbom, referrers"),
        Column("digest", TEXT, "what the tag points at; NA if that was not asked for, or nothing is there"),
    ),
)

MANIFESTS = Schema(
    "manifests",
    "manifest in the index; one row if there is no index",
    (
        _REFERENCE,
        Column("index_digest", TEXT, "the index that it stands in; NA if it stands in none"),
        Column("position", NUMBER, "its place in that index, from 0"),
        Column("kind", TEXT, "image, attestation, artifact, signature, index or unknown"),
        _PLATFORM,
        _OS,
        _ARCHITECTURE,
        _VARIANT,
        Column("os_version", TEXT, "the version of the operating system, as it came"),
        Column("digest", TEXT, "the manifest's digest"),
        _MEDIA_TYPE,
        Column("artifact_type", TEXT, "what kind of artifact it says that it is"),
        Column("manifest_bytes", NUMBER, "the size of the manifest itself", "bytes"),
        Column("subject", TEXT, "the digest of the manifest that it speaks about"),
        _ANNOTATIONS,
    ),
)

LAYERS = Schema(
    "layers",
    "layer",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("layer", NUMBER, "the layer's number, from 0 at the base"),
        Column("digest", TEXT, "the digest of the blob"),
        Column("diff_id", TEXT, "the digest of the tar in it"),
        Column("chain_id", TEXT, "the identity of all layers up to this one"),
        _MEDIA_TYPE,
        Column("compression", TEXT, "gzip, zstd, bzip2, xz or none, by the media type; NA if it is no layer's"),
        Column("compressed_bytes", NUMBER, "the size of the blob; NA in Docker's schema 1", "bytes"),
        Column("tar_bytes", NUMBER, "the size of the tar; NA if the layer was not read", "bytes"),
        Column("files", NUMBER, "how many regular files it stores; NA if it was not read"),
        Column("hidden_bytes", NUMBER, "what of it nothing shows in the end; NA if it was not read", "bytes"),
        _INSTRUCTION,
        _CREATED_BY,
        _CREATED,
    ),
)

HISTORY = Schema(
    "history",
    "history entry",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("position", NUMBER, "its place in the history, from 0"),
        Column("layer", NUMBER, "the layer that it made; NA if none, or if history and layers do not fit"),
        Column("empty_layer", FLAG, "whether it made no layer"),
        _INSTRUCTION,
        _CREATED_BY,
        _CREATED,
        Column("author", TEXT, "who made it"),
        Column("comment", TEXT, "what the builder remarked"),
        Column("layer_digest", TEXT, "the digest of that layer's blob"),
        Column("compressed_bytes", NUMBER, "the size of that layer's blob; NA in Docker's schema 1", "bytes"),
    ),
)

CONFIGS = Schema(
    "configs",
    "image config",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("digest", TEXT, "the config's digest, which docker calls the image id; NA in Docker's schema 1"),
        _CREATED,
        Column("author", TEXT, "who made the image"),
        _OS,
        _ARCHITECTURE,
        _VARIANT,
        Column("user", TEXT, "who the process runs as; NA is root"),
        Column("entrypoint", OBJECT, "the entrypoint, a list"),
        Column("cmd", OBJECT, "the command or its default arguments, a list"),
        Column("env", OBJECT, "the environment, a dict"),
        Column("labels", OBJECT, "the labels, a dict"),
        Column("exposed_ports", OBJECT, "the ports that it says it listens on, a list"),
        Column("volumes", OBJECT, "the volumes that it declares, a list"),
        Column("working_dir", TEXT, "where the process starts"),
        Column("stop_signal", TEXT, "what tells the process to end"),
        Column("healthcheck", OBJECT, "how its health is asked for, a dict"),
    ),
)

REFERRERS = Schema(
    "referrers",
    "referrer",
    (
        _REFERENCE,
        Column("subject", TEXT, "the digest of what it refers to"),
        Column("digest", TEXT, "the referrer's digest"),
        _MEDIA_TYPE,
        Column("artifact_type", TEXT, "what it is; NA where nobody says it"),
        Column("manifest_bytes", NUMBER, "the size of its manifest", "bytes"),
        _ANNOTATIONS,
        Column("found_via", TEXT, "api, tag, index or cosign: how it was found"),
    ),
)

PULL = Schema(
    "pull",
    "blob",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("digest", TEXT, "the digest of the blob"),
        _MEDIA_TYPE,
        Column("blob_bytes", NUMBER, "the size of the blob", "bytes"),
        Column("fetched_bytes", NUMBER, "what was fetched for this row, over the wire or from a file", "bytes"),
        Column("outcome", TEXT, "downloaded, resumed or present"),
        Column("seconds", "Float64", "how long it took; NA if nothing was done, and for documents", "seconds"),
        Column("path", TEXT, "where the blob stands"),
    ),
)

_PATH = Column("path", TEXT, "the path, without a leading slash; the root's is empty")
_SIZE = Column("size_bytes", NUMBER, "the size of a file's content, 0 for what has none", "bytes")
_OWNER_AND_TIME = (
    Column("mode", NUMBER, "the permission bits, with setuid, setgid and sticky"),
    Column("uid", NUMBER, "the number of the user that owns it"),
    Column("gid", NUMBER, "the number of the group that owns it"),
    Column("mtime", TIME, "when its content was last changed; NA if no clock shows it"),
)
_LINK_TARGET = Column("link_target", TEXT, "what a link names; NA if it is none")
_SHA256 = Column("sha256", TEXT, "the SHA-256 of a regular file's content, in 64 hex digits; NA for all others")

FILES = Schema(
    "files",
    "tar entry in every layer",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("layer", NUMBER, "the layer's number, from 0 at the base"),
        Column("path", TEXT, "the path, without a leading slash; of a whiteout or opaque what it removes"),
        Column("type", TEXT, "file, directory, symlink, hardlink, character, block, fifo, whiteout or opaque"),
        _SIZE,
        *_OWNER_AND_TIME,
        _LINK_TARGET,
        _SHA256,
        Column("change", TEXT, "deleted for a marker, modified if the path stood below, else added"),
        Column("visible", FLAG, "whether this very entry is what the final file system shows there"),
    ),
)

FILESYSTEM = Schema(
    "filesystem",
    "path of the final file system",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        _PATH,
        Column("type", TEXT, "file, directory, symlink, hardlink, character, block or fifo"),
        _SIZE,
        *_OWNER_AND_TIME,
        _LINK_TARGET,
        _SHA256,
        Column("layer", NUMBER, "the layer that the entry is from, from 0 at the base"),
    ),
)

HIDDEN = Schema(
    "hidden",
    "stored but invisible file",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        _PATH,
        Column("hidden_bytes", NUMBER, "the size of the content that nothing shows any more", "bytes"),
        Column("reason", TEXT, "deleted, overwritten, opaque or replaced; NA if it never had a place"),
        Column("stored_in", NUMBER, "the layer that stores it"),
        Column("stored_by", TEXT, "the instruction that made that layer"),
        Column("hidden_in", NUMBER, "the layer that hides it; NA if it never had a place"),
        Column("hidden_by", TEXT, "the instruction that made that layer"),
    ),
)

EFFICIENCY = Schema(
    "efficiency",
    "image",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("layers", NUMBER, "how many layers it has"),
        Column("compressed_bytes", NUMBER, "the size of their blobs; NA in Docker's schema 1", "bytes"),
        Column("tar_bytes", NUMBER, "the size of their tars", "bytes"),
        Column("stored_bytes", NUMBER, "the content of all regular files in all layers", "bytes"),
        Column("visible_bytes", NUMBER, "the content of all regular files that are left in the end", "bytes"),
        Column("hidden_bytes", NUMBER, "stored less visible", "bytes"),
        Column("efficiency", "Float64", "visible by stored; 1 if nothing is stored"),
        Column("duplicate_bytes", NUMBER, "what the copies take of content that is there more than once", "bytes"),
        Column("dive_efficiency", "Float64", "what dive calls efficiencyScore"),
        Column("dive_wasted_bytes", NUMBER, "what dive calls inefficientBytes", "bytes"),
        Column("dive_user_wasted_ratio", "Float64", "what dive calls userWastedPercent, a ratio"),
    ),
)

SHARED = Schema(
    "shared",
    "image",
    (
        _REFERENCE,
        _PLATFORM,
        _MANIFEST_DIGEST,
        Column("compressed_bytes", NUMBER, "the size of its layers; NA in Docker's schema 1", "bytes"),
        Column("unique_bytes", NUMBER, "the size of those that no other image of the list has", "bytes"),
        Column("shared_bytes", NUMBER, "the size of those that another image of the list has", "bytes"),
        Column("layers", NUMBER, "how many layers it has"),
        Column("shared_layers", NUMBER, "how many of them another image of the list has"),
    ),
)

ADDED = Schema(
    "added",
    "reference",
    (
        _REFERENCE,
        Column("digest", TEXT, "what it points at"),
        Column("outcome", TEXT, "added, present or failed"),
        Column("images", NUMBER, "how many images of it were read"),
        Column("fetched_bytes", NUMBER, "what came over the wire", "bytes"),
        Column("error", TEXT, "why it failed"),
    ),
)

_KIND = Column("kind", TEXT, "blobs, index, parts (downloads that are not complete) or responses")

USAGE = Schema(
    "usage",
    "kind of what is kept on this machine",
    (
        _KIND,
        Column("entries", NUMBER, "how many there are"),
        Column("bytes", NUMBER, "what they take on the disk", "bytes"),
        Column("path", TEXT, "the folder that they are in"),
    ),
)

PRUNED = Schema(
    "pruned",
    "kind of what was removed",
    (
        Column("kind", TEXT, "blobs, index, parts or responses; and images, which lost their names, if some were kept"),
        Column("entries", NUMBER, "how many were removed"),
        Column("bytes", NUMBER, "what they took; NA for images, of which blobs tells", "bytes"),
    ),
)

KEPT_IMAGES = Schema(
    "kept_images",
    "image that is named in the store",
    (
        Column("reference", TEXT, "the name, in full if it was pulled, as remove takes it; NA if it has none"),
        Column("local_reference", TEXT, "how it is read from here, also offline; NA if a colon in the path forbids it"),
        Column("kind", TEXT, "image, index, artifact, signature, attestation, referrers or unknown"),
        _PLATFORM,
        Column("digest", TEXT, "the digest of its manifest or index"),
        _MEDIA_TYPE,
        Column("layers", NUMBER, "how many layers it has, of an index how many different ones; NA if unknown"),
        Column("compressed_bytes", NUMBER, "all blobs of it that are here, documents too, each once", "bytes"),
        Column("unique_bytes", NUMBER, "what goes when it is removed, also of what came along with it", "bytes"),
        Column("missing_blobs", NUMBER, "how many blobs of it are not here; NA if that is not known"),
        Column("used_at", TIME, "when it was pulled or last read, to the hour; NA if it is not here"),
    ),
)

FINDINGS = Schema(
    "findings",
    "thing that is wrong in the store",
    (
        Column("problem", TEXT, "damaged, missing, wrong size, unreadable, invalid or foreign"),
        Column("digest", TEXT, "the blob; NA for what is none"),
        Column("path", TEXT, "where it stands, or should"),
        Column("blob_bytes", NUMBER, "how many bytes are there; NA if that is not known", "bytes"),
        Column("expected_bytes", NUMBER, "how many a document says that it has; NA if none does", "bytes"),
        Column("reference", TEXT, "what an image that needs it was pulled as; NA if none does"),
        Column("platform", TEXT, "for which platform that was, or all: as pull takes it; NA if no image needs it"),
        Column("reason", TEXT, "more about it"),
    ),
)

REMOVED = Schema(
    "removed",
    "image that lost its name",
    (
        Column("reference", TEXT, "the name; NA for what an earlier removal could not complete"),
        Column("digest", TEXT, "what it stood for"),
        Column("blobs", NUMBER, "how many blobs went with it, each told once"),
        Column("freed_bytes", NUMBER, "what these took", "bytes"),
        Column("waiting_bytes", NUMBER, "what goes with the next removal, since somebody is pulling now", "bytes"),
    ),
)

TRACE = Schema(
    "trace",
    "HTTP exchange",
    (
        Column("method", TEXT, "what was asked to be done"),
        Column("url", TEXT, "what was asked for, without secrets"),
        Column("status", NUMBER, "the HTTP status; NA if no answer came"),
        Column("from_cache", FLAG, "whether the answer was known, so that no body went over the wire"),
        Column("transferred_bytes", NUMBER, "the bytes of the body that went over the wire", "bytes"),
        Column("seconds", "Float64", "from the question to the last byte that was read", "seconds"),
        Column("reason", TEXT, "why it was asked"),
        Column("request_headers", OBJECT, "what was sent along, a dict, secrets masked"),
        Column("response_headers", OBJECT, "what came along, a dict, secrets masked"),
        Column("token_claims", OBJECT, "what a token that came says of itself, a dict; NA if none came"),
    ),
)
