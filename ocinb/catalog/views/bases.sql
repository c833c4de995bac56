-- Bases: which image another one was built on.

CREATE VIEW base_images AS
WITH RECURSIVE named AS (
    -- All that a tag ever pointed at, itself or by an index.
    SELECT registry, repository, tag, digest AS manifest_digest
    FROM observations
    WHERE tag IS NOT NULL AND digest IS NOT NULL
    UNION
    SELECT registry, repository, tag, entry.manifest_digest
    FROM named
    JOIN index_entries AS entry ON entry.index_digest = named.manifest_digest AND entry.kind IN ('image', 'index')
), left_behind AS (
    -- A tag that is gone says nothing: it did not move on to anything.
    SELECT named.manifest_digest, bool_and(reached.manifest_digest IS NULL) AS outdated
    FROM named
    JOIN current_names AS standing
        ON standing.registry IS NOT DISTINCT FROM named.registry
        AND standing.repository = named.repository AND standing.tag = named.tag
    LEFT JOIN current_images AS reached
        ON reached.registry IS NOT DISTINCT FROM named.registry
        AND reached.repository = named.repository AND reached.tag = named.tag
        AND reached.manifest_digest = named.manifest_digest
    GROUP BY named.manifest_digest
), stacked AS (
    SELECT manifest_digest, layer, chain_id, layer = max(layer) OVER (PARTITION BY manifest_digest) AS is_top
    FROM manifest_layers
), known AS MATERIALIZED (
    SELECT manifest_digest, reference, platform, created, chain_id, outdated
    FROM images
    LEFT JOIN (FROM stacked WHERE is_top) USING (manifest_digest)
    LEFT JOIN left_behind USING (manifest_digest)
), bases AS (
    -- Of those with the same layers one of each platform is enough: a thousand rebuilds under a thousand images would be
    -- a million pairs.
    FROM known
    WHERE chain_id IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY chain_id, platform ORDER BY outdated IS NULL, created NULLS LAST, manifest_digest
    ) = 1
), longest AS (
    SELECT manifest_digest, max(layer) AS layer
    FROM stacked
    SEMI JOIN bases USING (chain_id)
    WHERE NOT is_top
    GROUP BY manifest_digest
), based AS (
    SELECT
        image.manifest_digest, base.manifest_digest AS base_digest, base.reference AS base_reference,
        longest.layer + 1 AS base_layers, base.outdated
    FROM known AS image
    JOIN longest USING (manifest_digest)
    JOIN stacked USING (manifest_digest, layer)
    JOIN bases AS base ON base.chain_id = stacked.chain_id
    QUALIFY row_number() OVER (
        PARTITION BY image.manifest_digest
        -- What was built on a base and has no layer of its own looks like it, and is younger.
        ORDER BY
            base.platform IS DISTINCT FROM image.platform, base.outdated IS NULL, base.created NULLS LAST,
            base.manifest_digest
    ) = 1
), notes AS (
    -- TRY: what DuckDB does not take for JSON must not take the answers about all others with it.
    SELECT manifest_digest, NULL::VARCHAR AS index_digest, NULL::BIGINT AS position, TRY(json_extract_string(raw, [
        '$.annotations."org.opencontainers.image.base.name"', '$.annotations."org.opencontainers.image.base.digest"'
    ])) AS said
    FROM manifests
    UNION ALL
    SELECT manifest_digest, index_digest, position, [
        annotations['org.opencontainers.image.base.name'], annotations['org.opencontainers.image.base.digest']
    ]
    FROM index_entries
), annotated AS (
    -- Its own words come first. Labels say nothing: an image has those of its base too.
    SELECT manifest_digest, nullif(said[1], '') AS annotated_name, nullif(said[2], '') AS annotated_digest
    FROM notes
    WHERE coalesce(annotated_name, annotated_digest) IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY manifest_digest ORDER BY index_digest NULLS FIRST, position) = 1
)
SELECT
    manifest_digest, known.reference, known.platform, base_digest, base_reference, base_layers, annotated_name,
    annotated_digest, based.outdated
FROM known
LEFT JOIN based USING (manifest_digest)
LEFT JOIN annotated USING (manifest_digest)
WHERE coalesce(base_digest, annotated_name, annotated_digest) IS NOT NULL;
COMMENT ON VIEW base_images IS 'images that were built on another image of the catalogue, or say so. base_digest is the image all of whose layers (by chain ID) are the first base_layers of this one, which has more; the one with the most layers wins. Old images count too. Of several with the same layers: one of the same platform, then one with a tag, then the oldest. base_digest NULL: only annotations speak of a base. outdated: every tag that once led to the base and still exists leads elsewhere now; NULL if there is none';
COMMENT ON COLUMN base_images.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN base_images.reference IS 'the image''s name: a tag that points at it now, itself or by its index, else repository@digest';
COMMENT ON COLUMN base_images.platform IS 'the platform in its normal form; NULL for what is no image';
COMMENT ON COLUMN base_images.base_digest IS 'the manifest of the base: the image whose layers are the longest beginning of this one''s';
COMMENT ON COLUMN base_images.base_reference IS 'the base''s name, as in images';
COMMENT ON COLUMN base_images.base_layers IS 'how many layers the base has';
COMMENT ON COLUMN base_images.annotated_name IS 'the name of the base, as an annotation of the image says';
COMMENT ON COLUMN base_images.annotated_digest IS 'the digest of the base, as an annotation of the image says';
COMMENT ON COLUMN base_images.outdated IS 'whether the tags of the base have moved on from it; NULL if it has none';
