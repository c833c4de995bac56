-- Names: what stands behind them now. Tags, sizes and sharing count what tags point at now, and images that were added
-- by digest.

-- The normal form of a platform, as ocinb.spec.platforms has it.
CREATE MACRO normal_os(os) AS (CASE lower(os) WHEN 'macos' THEN 'darwin' ELSE lower(os) END);

CREATE MACRO normal_architecture(architecture) AS (
    CASE lower(architecture)
        WHEN 'i386' THEN '386' WHEN 'x86_64' THEN 'amd64' WHEN 'x86-64' THEN 'amd64' WHEN 'aarch64' THEN 'arm64'
        WHEN 'armhf' THEN 'arm' WHEN 'armel' THEN 'arm' ELSE lower(architecture)
    END
);

CREATE MACRO normal_variant(architecture, variant) AS (
    CASE
        WHEN lower(architecture) = 'armel' THEN 'v6'
        WHEN lower(architecture) = 'armhf' THEN 'v7'
        WHEN regexp_full_match(lower(variant), 'v?[0-9]+(\.[0-9]+)?')
        THEN regexp_replace(regexp_replace(lower(variant), '^v?0*([0-9]+)(\.0*([0-9]+))?$', 'v\1.\3'), '\.0?$', '')
        ELSE nullif(lower(variant), '')
    END
);

CREATE MACRO normal_platform(os, architecture, variant) AS (
    CASE WHEN os IS NULL OR architecture IS NULL OR '' IN (os, architecture) OR 'unknown' IN (os, architecture) THEN NULL
    ELSE concat_ws(
        '/', normal_os(os), normal_architecture(architecture),
        -- DuckDB binds a macro wherever it stands, in every view that has it: so each stands once.
        nullif(
            coalesce(
                normal_variant(architecture, variant),
                CASE normal_architecture(architecture) WHEN 'arm' THEN 'v7' END
            ),
            CASE normal_architecture(architecture) WHEN 'arm64' THEN 'v8' WHEN 'amd64' THEN 'v1' END
        )
    )
    END
);

-- A name in full; a file has no registry, and what has no name in it has a tag that is empty.
CREATE MACRO in_full(registry, repository, tag) AS (
    concat_ws('/', registry, repository) || CASE WHEN tag = '' THEN '' ELSE ':' || tag END
);

-- Where layers are stored, each once: in a registry, for all its repositories, or in a file.
CREATE MACRO storage_of(registry, repository) AS (coalesce('docker://' || registry, repository));

CREATE VIEW current_names AS
SELECT registry, repository, tag, digest, observed_at
FROM (
    SELECT * FROM observations
    WHERE tag IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY registry, repository, tag ORDER BY observed_at DESC, digest) = 1
)
WHERE digest IS NOT NULL
UNION ALL
SELECT registry, repository, tag, digest, max(observed_at)
FROM observations
WHERE tag IS NULL AND digest IS NOT NULL
GROUP BY ALL;
COMMENT ON VIEW current_names IS 'what tags point at now, as last observed, and what was added by digest; observed_at is when it was last seen so';
COMMENT ON COLUMN current_names.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN current_names.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN current_names.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN current_names.digest IS 'what the name points at now';
COMMENT ON COLUMN current_names.observed_at IS 'when it was last seen so';

CREATE VIEW current_images AS
WITH RECURSIVE reached AS (
    SELECT registry, repository, tag, digest AS manifest_digest FROM current_names
    UNION
    SELECT registry, repository, tag, entry.manifest_digest
    FROM reached
    JOIN index_entries AS entry ON entry.index_digest = reached.manifest_digest AND entry.kind IN ('image', 'index')
)
SELECT registry, repository, tag, manifest_digest
FROM reached
JOIN manifests USING (manifest_digest)
WHERE manifests.kind = 'image';
COMMENT ON VIEW current_images IS 'the images behind current_names, themselves or by an index';
COMMENT ON COLUMN current_images.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN current_images.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN current_images.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN current_images.manifest_digest IS 'the digest of the image''s manifest';
