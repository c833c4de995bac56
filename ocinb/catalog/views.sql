-- The answers that people come for. Sharing counts what tags point at now, and images that were added by digest.

-- The normal form of a platform, as ocinb.spec.platforms has it.
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
        '/', CASE lower(os) WHEN 'macos' THEN 'darwin' ELSE lower(os) END, normal_architecture(architecture),
        CASE normal_architecture(architecture)
            WHEN 'arm' THEN coalesce(normal_variant(architecture, variant), 'v7')
            WHEN 'arm64' THEN nullif(normal_variant(architecture, variant), 'v8')
            WHEN 'amd64' THEN nullif(normal_variant(architecture, variant), 'v1')
            ELSE normal_variant(architecture, variant)
        END
    )
    END
);

-- A name in full; a file has no registry, and what has no name in it has a tag that is empty.
CREATE MACRO in_full(registry, repository, tag) AS (
    concat_ws('/', registry, repository) || CASE WHEN tag = '' THEN '' ELSE ':' || tag END
);

CREATE VIEW current_names AS
SELECT registry, repository, tag, digest
FROM (
    SELECT * FROM observations
    WHERE tag IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY registry, repository, tag ORDER BY observed_at DESC) = 1
)
WHERE digest IS NOT NULL
UNION
SELECT registry, repository, tag, digest FROM observations WHERE tag IS NULL AND digest IS NOT NULL;
COMMENT ON VIEW current_names IS 'what tags point at now, as last observed, and what was added by digest';

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
SEMI JOIN configs USING (config_digest);
COMMENT ON VIEW current_images IS 'the images behind current_names, themselves or by an index';

CREATE VIEW images AS
WITH entries AS (
    SELECT manifest_digest, min(normal_platform(os, architecture, variant)) AS platform
    FROM index_entries
    WHERE kind = 'image'
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
        CASE WHEN count(tar_bytes) = count(*) THEN sum(tar_bytes)::BIGINT END AS tar_bytes,
        CASE WHEN count(files) = count(*) THEN sum(files)::BIGINT END AS files
    FROM manifest_layers
    JOIN layers USING (layer_digest)
    GROUP BY manifest_digest
)
SELECT
    manifest_digest,
    coalesce(names.reference, homes.reference) AS reference,
    coalesce(entries.platform, normal_platform(configs.os, configs.architecture, configs.variant)) AS platform,
    configs.os, configs.architecture, configs.variant, config_digest, configs.created, configs."user", configs.labels,
    NULL::VARCHAR AS distribution,
    coalesce(sizes.layers, 0) AS layers,
    CASE WHEN sizes.layers IS NULL THEN 0 ELSE sizes.compressed_bytes END AS compressed_bytes,
    sizes.tar_bytes, sizes.files
FROM manifests
JOIN configs USING (config_digest)
LEFT JOIN entries USING (manifest_digest)
LEFT JOIN names USING (manifest_digest)
LEFT JOIN homes USING (manifest_digest)
LEFT JOIN sizes USING (manifest_digest);
COMMENT ON VIEW images IS 'image manifests; reference is a tag that points here now, else repository@digest; compressed_bytes adds up its layers, one that stands twice twice';

CREATE VIEW layer_sharing AS
WITH uses AS (
    SELECT DISTINCT layer_digest, registry, repository, manifest_digest
    FROM current_images
    JOIN manifest_layers USING (manifest_digest)
), per_registry AS (
    SELECT layer_digest, count(DISTINCT manifest_digest) - 1 AS spared
    FROM uses
    GROUP BY layer_digest, coalesce(registry, repository)  -- a file shares nothing with another one
), spared AS (
    SELECT layer_digest, sum(spared)::BIGINT AS spared FROM per_registry GROUP BY layer_digest
)
SELECT
    layer_digest,
    any_value(layers.compressed_bytes) AS compressed_bytes,
    count(DISTINCT manifest_digest) AS images,
    count(DISTINCT (registry, repository)) AS repositories,
    TRY_CAST(any_value(spared.spared)::HUGEINT * any_value(layers.compressed_bytes) AS BIGINT) AS saved_bytes,
    min(named.reference) AS reference,
    (SELECT min(instruction) FROM manifest_layers WHERE manifest_layers.layer_digest = uses.layer_digest) AS instruction
FROM uses
JOIN layers USING (layer_digest)
JOIN spared USING (layer_digest)
JOIN images AS named USING (manifest_digest)
GROUP BY layer_digest;
COMMENT ON VIEW layer_sharing IS 'layers and how many images share them; saved_bytes is what a registry need not store twice: (its images - 1) * compressed_bytes, over all registries';
