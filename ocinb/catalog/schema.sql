-- The tables. Everything is keyed by digest, so that what many images share stands once. There are no keys that DuckDB
-- would have to index (they quadruple the file): a row goes in only if its digest is not there yet.

CREATE TABLE observations (
    registry VARCHAR, repository VARCHAR, tag VARCHAR, digest VARCHAR, observed_at TIMESTAMPTZ
);
COMMENT ON TABLE observations IS 'what a tag pointed at, and when. tag NULL: added by digest; such a row goes when the digest is gone. digest NULL: the tag was gone. A file on this machine is a repository without a registry (oci: and its whole path), the name in it a tag';

CREATE TABLE manifests (
    manifest_digest VARCHAR, media_type VARCHAR, artifact_type VARCHAR, kind VARCHAR, config_digest VARCHAR,
    subject VARCHAR, manifest_bytes BIGINT, raw VARCHAR, indexed_at TIMESTAMPTZ, distribution VARCHAR
);
COMMENT ON TABLE manifests IS 'manifests and indexes, with the document as it came. kind is what each is by itself. indexed_at NULL: the files of the image were not asked for, and overlay says nothing of it. distribution is what its os-release file says';

CREATE TABLE index_entries (
    index_digest VARCHAR, position BIGINT, manifest_digest VARCHAR, kind VARCHAR, os VARCHAR, architecture VARCHAR,
    variant VARCHAR, os_version VARCHAR, annotations MAP(VARCHAR, VARCHAR)
);
COMMENT ON TABLE index_entries IS 'which manifests an index names, in its order';

CREATE TABLE configs (
    config_digest VARCHAR, created TIMESTAMPTZ, os VARCHAR, architecture VARCHAR, variant VARCHAR, "user" VARCHAR,
    entrypoint VARCHAR[], cmd VARCHAR[], env MAP(VARCHAR, VARCHAR), labels MAP(VARCHAR, VARCHAR), raw VARCHAR
);
COMMENT ON TABLE configs IS 'what images run, with the document as it came';

CREATE TABLE manifest_layers (
    manifest_digest VARCHAR, layer BIGINT, layer_digest VARCHAR, diff_id VARCHAR, chain_id VARCHAR, instruction VARCHAR
);
COMMENT ON TABLE manifest_layers IS 'which layers a manifest stacks, from 0 at the base; one may stand twice';

CREATE TABLE history (
    manifest_digest VARCHAR, position BIGINT, layer BIGINT, empty_layer BOOLEAN, instruction VARCHAR, created_by VARCHAR,
    created TIMESTAMPTZ
);
COMMENT ON TABLE history IS 'the steps that built an image; layer NULL: the step made none';

CREATE TABLE layers (
    layer_digest VARCHAR, media_type VARCHAR, compression VARCHAR, compressed_bytes BIGINT, tar_bytes BIGINT,
    diff_id VARCHAR, files BIGINT, indexed_at TIMESTAMPTZ
);
COMMENT ON TABLE layers IS 'the blobs that images are made of; tar_bytes, files and indexed_at are NULL before one was read';

-- What DuckDB would choose for the paths takes 32 bytes a row, zstd 12, and is read as fast; the digests are best left to
-- it: 20 bytes as text, 18 as BLOB, 32 as numbers (a million rows with three distinct contents in a hundred).
CREATE TABLE files (
    layer_digest VARCHAR, position BIGINT, path VARCHAR USING COMPRESSION zstd, type VARCHAR, size_bytes BIGINT,
    mode BIGINT, uid BIGINT, gid BIGINT, mtime TIMESTAMPTZ, link_target VARCHAR, sha256 VARCHAR
);
COMMENT ON TABLE files IS 'the entries of layers that were read, in the order of their tars';

CREATE TABLE overlay (
    manifest_digest VARCHAR, layer BIGINT, position BIGINT, change VARCHAR, visible BOOLEAN, hidden BOOLEAN,
    hidden_in BIGINT, reason VARCHAR
);
COMMENT ON TABLE overlay IS 'what became of the entries of images whose files were read. One that was added and is visible has no row. hidden: no name of its content is left';

CREATE TABLE referrers (
    registry VARCHAR, repository VARCHAR, subject VARCHAR, referrer_digest VARCHAR, media_type VARCHAR,
    artifact_type VARCHAR, manifest_bytes BIGINT, annotations MAP(VARCHAR, VARCHAR), found_via VARCHAR
);
COMMENT ON TABLE referrers IS 'what refers to an image or an index: signatures, attestations, SBOMs';

CREATE TABLE failures (reference VARCHAR, stage VARCHAR, error VARCHAR, failed_at TIMESTAMPTZ);
COMMENT ON TABLE failures IS 'what could not be added or observed, and why. It is a log: rows stay when the name is added later';
