-- Images: what each is called, what it runs on, and how large it is.

CREATE VIEW images AS
WITH entries AS (
    -- An index says which variant an image is for; that it is for another machine than the image itself says, any index
    -- of anybody's could claim.
    SELECT manifest_digest, min(normal_platform(entry.os, entry.architecture, entry.variant)) AS platform
    FROM index_entries AS entry
    JOIN manifests USING (manifest_digest)
    JOIN configs USING (config_digest)
    WHERE entry.kind = 'image'
    AND (
        coalesce(configs.os, '') = '' OR coalesce(configs.architecture, '') = ''
        OR normal_os(entry.os) = normal_os(configs.os)
        AND normal_architecture(entry.architecture) = normal_architecture(configs.architecture)
    )
    GROUP BY manifest_digest
), names AS (
    SELECT manifest_digest, min(in_full(registry, repository, tag)) AS reference
    FROM current_images
    GROUP BY manifest_digest
), homes AS (
    -- Every place where an image was ever seen, for those that no tag points at any more.
    WITH RECURSIVE seen AS (
        SELECT registry, repository, digest AS manifest_digest FROM observations WHERE digest IS NOT NULL
        UNION
        SELECT registry, repository, entry.manifest_digest
        FROM seen JOIN index_entries AS entry ON entry.index_digest = seen.manifest_digest
    )
    SELECT manifest_digest, min(concat_ws('/', registry, repository) || '@' || manifest_digest) AS reference
    FROM seen
    GROUP BY manifest_digest
), sizes AS (
    SELECT
        -- TRY_CAST: a manifest may lie about sizes, and must not take the answers about all others with it. Where one
        -- size is unknown, as in Docker's schema 1, so is their sum.
        manifest_digest, count(*) AS layers,
        CASE WHEN count(compressed_bytes) = count(*) THEN TRY_CAST(sum(compressed_bytes) AS BIGINT) END AS compressed_bytes,
        CASE WHEN count(tar_bytes) = count(*) THEN TRY_CAST(sum(tar_bytes) AS BIGINT) END AS tar_bytes,
        CASE WHEN count(files) = count(*) THEN TRY_CAST(sum(files) AS BIGINT) END AS files
    FROM manifest_layers
    JOIN layers USING (layer_digest)
    GROUP BY manifest_digest
)
SELECT
    manifest_digest,
    coalesce(names.reference, homes.reference) AS reference,
    coalesce(entries.platform, normal_platform(configs.os, configs.architecture, configs.variant)) AS platform,
    configs.os, configs.architecture, configs.variant, config_digest, configs.created, configs."user", configs.labels,
    manifests.distribution,
    coalesce(sizes.layers, 0) AS layers,
    CASE WHEN sizes.layers IS NULL THEN 0 ELSE sizes.compressed_bytes END AS compressed_bytes,
    CASE WHEN sizes.layers IS NULL THEN 0 ELSE sizes.tar_bytes END AS tar_bytes,
    CASE WHEN sizes.layers IS NULL THEN 0 ELSE sizes.files END AS files
FROM (FROM manifests WHERE kind = 'image') AS manifests
LEFT JOIN configs USING (config_digest)
LEFT JOIN entries USING (manifest_digest)
LEFT JOIN names USING (manifest_digest)
LEFT JOIN homes USING (manifest_digest)
LEFT JOIN sizes USING (manifest_digest);
COMMENT ON VIEW images IS 'image manifests. reference is a tag that points here now, else repository@digest. compressed_bytes adds up the layers, one that stands twice twice. distribution is NULL before its files were read';
COMMENT ON COLUMN images.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN images.reference IS 'the image''s name: a tag that points at it now, itself or by its index, else repository@digest';
COMMENT ON COLUMN images.platform IS 'the platform in its normal form; NULL for what is no image';
COMMENT ON COLUMN images.os IS 'the operating system, as it came';
COMMENT ON COLUMN images.architecture IS 'the architecture, as it came';
COMMENT ON COLUMN images.variant IS 'the variant of the architecture, as it came';
COMMENT ON COLUMN images.config_digest IS 'the digest of the image''s config';
COMMENT ON COLUMN images.created IS 'when it was made; NULL for Go''s zero time and the Unix epoch';
COMMENT ON COLUMN images."user" IS 'who the process runs as; NULL is root';
COMMENT ON COLUMN images.labels IS 'the labels';
COMMENT ON COLUMN images.distribution IS 'the distribution in it, such as "debian 12"; NULL before its files were read';
COMMENT ON COLUMN images.layers IS 'how many layers it has';
COMMENT ON COLUMN images.compressed_bytes IS 'the size of its layers, as they are stored, one that stands twice twice; NULL if unknown';
COMMENT ON COLUMN images.tar_bytes IS 'the size of its layers, unpacked; NULL if one was not read';
COMMENT ON COLUMN images.files IS 'how many regular files its layers store; NULL if one was not read';
