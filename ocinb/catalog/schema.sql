-- The tables. Everything is keyed by digest, so that what many images share stands once. There are no keys that DuckDB
-- would have to index (they quadruple the file): a row goes in only if its digest is not there yet.

CREATE TABLE observations (
    registry VARCHAR, repository VARCHAR, tag VARCHAR, digest VARCHAR, observed_at TIMESTAMPTZ
);
COMMENT ON TABLE observations IS 'what a tag pointed at, and when. tag NULL: added by digest; such a row goes when the digest is gone. digest NULL: the tag was gone. A file on this machine is a repository without a registry (oci: and its whole path), the name in it a tag';
COMMENT ON COLUMN observations.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN observations.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN observations.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN observations.digest IS 'what the tag pointed at; NULL: it was gone';
COMMENT ON COLUMN observations.observed_at IS 'when that was seen';

CREATE TABLE manifests (
    manifest_digest VARCHAR, media_type VARCHAR, artifact_type VARCHAR, kind VARCHAR, config_digest VARCHAR,
    subject VARCHAR, manifest_bytes BIGINT, raw VARCHAR, indexed_at TIMESTAMPTZ, distribution VARCHAR
);
COMMENT ON TABLE manifests IS 'manifests and indexes, with the document as it came. kind is what each is by itself. indexed_at NULL: the files of the image were not asked for, and overlay says nothing of it. distribution is what its os-release file says';
COMMENT ON COLUMN manifests.manifest_digest IS 'the digest of the manifest or index';
COMMENT ON COLUMN manifests.media_type IS 'the media type';
COMMENT ON COLUMN manifests.artifact_type IS 'what kind of artifact it says that it is';
COMMENT ON COLUMN manifests.kind IS 'image, attestation, artifact, signature, index or unknown: what it is by itself';
COMMENT ON COLUMN manifests.config_digest IS 'the digest of the config; NULL for an index';
COMMENT ON COLUMN manifests.subject IS 'the digest of the manifest that it speaks about';
COMMENT ON COLUMN manifests.manifest_bytes IS 'the size of the manifest itself';
COMMENT ON COLUMN manifests.raw IS 'the document as it came; its hash is its digest';
COMMENT ON COLUMN manifests.indexed_at IS 'when the files of the image were read; NULL if they were not';
COMMENT ON COLUMN manifests.distribution IS 'the distribution in the image, such as "debian 12"; NULL before its files were read';

CREATE TABLE index_entries (
    index_digest VARCHAR, position BIGINT, manifest_digest VARCHAR, kind VARCHAR, os VARCHAR, architecture VARCHAR,
    variant VARCHAR, os_version VARCHAR, annotations MAP(VARCHAR, VARCHAR)
);
COMMENT ON TABLE index_entries IS 'which manifests an index names, in its order';
COMMENT ON COLUMN index_entries.index_digest IS 'the digest of the index';
COMMENT ON COLUMN index_entries.position IS 'its place in the index, from 0';
COMMENT ON COLUMN index_entries.manifest_digest IS 'the manifest that stands there, or an index';
COMMENT ON COLUMN index_entries.kind IS 'image, attestation, artifact, signature, index or unknown';
COMMENT ON COLUMN index_entries.os IS 'the operating system, as it came';
COMMENT ON COLUMN index_entries.architecture IS 'the architecture, as it came';
COMMENT ON COLUMN index_entries.variant IS 'the variant of the architecture, as it came';
COMMENT ON COLUMN index_entries.os_version IS 'the version of the operating system, as it came';
COMMENT ON COLUMN index_entries.annotations IS 'the annotations';

CREATE TABLE configs (
    config_digest VARCHAR, created TIMESTAMPTZ, os VARCHAR, architecture VARCHAR, variant VARCHAR, "user" VARCHAR,
    entrypoint VARCHAR[], cmd VARCHAR[], env MAP(VARCHAR, VARCHAR), labels MAP(VARCHAR, VARCHAR), raw VARCHAR
);
COMMENT ON TABLE configs IS 'what images run, with the document as it came';
COMMENT ON COLUMN configs.config_digest IS 'the digest of the image''s config';
COMMENT ON COLUMN configs.created IS 'when the image was made; NULL for Go''s zero time and the Unix epoch';
COMMENT ON COLUMN configs.os IS 'the operating system, as it came';
COMMENT ON COLUMN configs.architecture IS 'the architecture, as it came';
COMMENT ON COLUMN configs.variant IS 'the variant of the architecture, as it came';
COMMENT ON COLUMN configs."user" IS 'who the process runs as; NULL is root';
COMMENT ON COLUMN configs.entrypoint IS 'the entrypoint';
COMMENT ON COLUMN configs.cmd IS 'the command or its default arguments';
COMMENT ON COLUMN configs.env IS 'the environment';
COMMENT ON COLUMN configs.labels IS 'the labels';
COMMENT ON COLUMN configs.raw IS 'the document as it came; its hash is its digest';

CREATE TABLE manifest_layers (
    manifest_digest VARCHAR, layer BIGINT, layer_digest VARCHAR, diff_id VARCHAR, chain_id VARCHAR, instruction VARCHAR
);
COMMENT ON TABLE manifest_layers IS 'which layers a manifest stacks, from 0 at the base; one may stand twice';
COMMENT ON COLUMN manifest_layers.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN manifest_layers.layer IS 'the layer''s number, from 0 at the base';
COMMENT ON COLUMN manifest_layers.layer_digest IS 'the digest of the layer''s blob';
COMMENT ON COLUMN manifest_layers.diff_id IS 'the digest of the tar in the layer';
COMMENT ON COLUMN manifest_layers.chain_id IS 'the identity of all layers up to this one';
COMMENT ON COLUMN manifest_layers.instruction IS 'what the Dockerfile said';

CREATE TABLE history (
    manifest_digest VARCHAR, position BIGINT, layer BIGINT, empty_layer BOOLEAN, instruction VARCHAR, created_by VARCHAR,
    created TIMESTAMPTZ
);
COMMENT ON TABLE history IS 'the steps that built an image; layer NULL: the step made none';
COMMENT ON COLUMN history.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN history.position IS 'its place in the history, from 0';
COMMENT ON COLUMN history.layer IS 'the layer that the step made; NULL if none, or if history and layers do not fit';
COMMENT ON COLUMN history.empty_layer IS 'whether the step made no layer';
COMMENT ON COLUMN history.instruction IS 'what the Dockerfile said';
COMMENT ON COLUMN history.created_by IS 'what the builder wrote down, as it came';
COMMENT ON COLUMN history.created IS 'when the step was run; NULL for Go''s zero time and the Unix epoch';

CREATE TABLE layers (
    layer_digest VARCHAR, media_type VARCHAR, compression VARCHAR, compressed_bytes BIGINT, tar_bytes BIGINT,
    diff_id VARCHAR, files BIGINT, indexed_at TIMESTAMPTZ
);
COMMENT ON TABLE layers IS 'the blobs that images are made of; tar_bytes, files and indexed_at are NULL before one was read';
COMMENT ON COLUMN layers.layer_digest IS 'the digest of the layer''s blob';
COMMENT ON COLUMN layers.media_type IS 'the media type';
COMMENT ON COLUMN layers.compression IS 'gzip, zstd, bzip2, xz or none';
COMMENT ON COLUMN layers.compressed_bytes IS 'the size of the blob; NULL in Docker''s schema 1';
COMMENT ON COLUMN layers.tar_bytes IS 'the size of the tar, unpacked; NULL if it was not read';
COMMENT ON COLUMN layers.diff_id IS 'the digest of the tar in the layer';
COMMENT ON COLUMN layers.files IS 'how many regular files it stores; NULL if it was not read';
COMMENT ON COLUMN layers.indexed_at IS 'when its files were read; NULL if they were not';

-- What DuckDB would choose for the paths takes 32 bytes a row, zstd 12, and is read as fast; the digests are best left to
-- it: 20 bytes as text, 18 as BLOB, 32 as numbers (a million rows with three distinct contents in a hundred).
CREATE TABLE files (
    layer_digest VARCHAR, position BIGINT, path VARCHAR USING COMPRESSION zstd, type VARCHAR, size_bytes BIGINT,
    mode BIGINT, uid BIGINT, gid BIGINT, mtime TIMESTAMPTZ, link_target VARCHAR, sha256 VARCHAR
);
COMMENT ON TABLE files IS 'the entries of layers that were read, in the order of their tars';
COMMENT ON COLUMN files.layer_digest IS 'the digest of the layer''s blob';
COMMENT ON COLUMN files.position IS 'its place in the layer''s tar, from 0';
COMMENT ON COLUMN files.path IS 'the path, without a leading slash; the root''s is empty, of a marker what it removes';
COMMENT ON COLUMN files.type IS 'file, directory, symlink, hardlink, character, block, fifo, whiteout or opaque';
COMMENT ON COLUMN files.size_bytes IS 'the size of a file''s content, 0 for what has none';
COMMENT ON COLUMN files.mode IS 'the permission bits, with setuid, setgid and sticky';
COMMENT ON COLUMN files.uid IS 'the number of the user that owns it';
COMMENT ON COLUMN files.gid IS 'the number of the group that owns it';
COMMENT ON COLUMN files.mtime IS 'when its content was last changed; NULL if no clock shows it';
COMMENT ON COLUMN files.link_target IS 'what a link names; NULL if it is none';
COMMENT ON COLUMN files.sha256 IS 'the SHA-256 of a regular file''s content, in 64 hex digits; NULL for all others';

CREATE TABLE overlay (
    manifest_digest VARCHAR, layer BIGINT, position BIGINT, change VARCHAR, visible BOOLEAN, hidden BOOLEAN,
    hidden_in BIGINT, reason VARCHAR
);
COMMENT ON TABLE overlay IS 'what became of the entries of images whose files were read. One that was added and is visible has no row. hidden: no name of its content is left';
COMMENT ON COLUMN overlay.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN overlay.layer IS 'the layer''s number, from 0 at the base';
COMMENT ON COLUMN overlay.position IS 'its place in the layer''s tar, from 0';
COMMENT ON COLUMN overlay.change IS 'added, modified (the path stood below) or deleted (of a marker)';
COMMENT ON COLUMN overlay.visible IS 'whether this very entry is what the final file system shows there; NULL if that was not worked out';
COMMENT ON COLUMN overlay.hidden IS 'whether no name of its content is left in the final file system';
COMMENT ON COLUMN overlay.hidden_in IS 'the layer that hides it; NULL if none does, or if it never had a place';
COMMENT ON COLUMN overlay.reason IS 'deleted, overwritten, opaque or replaced; NULL if it never had a place';

CREATE TABLE referrers (
    registry VARCHAR, repository VARCHAR, subject VARCHAR, referrer_digest VARCHAR, media_type VARCHAR,
    artifact_type VARCHAR, manifest_bytes BIGINT, annotations MAP(VARCHAR, VARCHAR), found_via VARCHAR
);
COMMENT ON TABLE referrers IS 'what refers to an image or an index: signatures, attestations, SBOMs';
COMMENT ON COLUMN referrers.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN referrers.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN referrers.subject IS 'the digest of what it refers to';
COMMENT ON COLUMN referrers.referrer_digest IS 'the referrer''s digest';
COMMENT ON COLUMN referrers.media_type IS 'the media type';
COMMENT ON COLUMN referrers.artifact_type IS 'what the referrer is; NULL where nobody says it';
COMMENT ON COLUMN referrers.manifest_bytes IS 'the size of the manifest itself';
COMMENT ON COLUMN referrers.annotations IS 'the annotations of the referrer';
COMMENT ON COLUMN referrers.found_via IS 'api, tag, index or cosign: how it was found';

CREATE TABLE failures (reference VARCHAR, stage VARCHAR, error VARCHAR, failed_at TIMESTAMPTZ);
COMMENT ON TABLE failures IS 'what could not be added or observed, and why. It is a log: rows stay when the name is added later';
COMMENT ON COLUMN failures.reference IS 'the name as it was typed';
COMMENT ON COLUMN failures.stage IS 'what was to be done';
COMMENT ON COLUMN failures.error IS 'why it failed';
COMMENT ON COLUMN failures.failed_at IS 'when it failed';
