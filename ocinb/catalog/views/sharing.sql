-- Sharing: which layers stand in several images, and what that saves.

CREATE VIEW layer_sharing AS
WITH uses AS (
    SELECT layer_digest, registry, repository, manifest_digest, arg_min_null(instruction, layer) AS instruction
    FROM (SELECT DISTINCT registry, repository, manifest_digest FROM current_images)
    JOIN manifest_layers USING (manifest_digest)
    GROUP BY layer_digest, registry, repository, manifest_digest
), per_registry AS (
    SELECT layer_digest, count(DISTINCT manifest_digest) - 1 AS spared
    FROM uses
    GROUP BY layer_digest, storage_of(registry, repository)
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
    arg_min_null(uses.instruction, (named.reference, manifest_digest)) AS instruction
FROM uses
JOIN layers USING (layer_digest)
JOIN spared USING (layer_digest)
JOIN images AS named USING (manifest_digest)
GROUP BY layer_digest;
COMMENT ON VIEW layer_sharing IS 'layers, and how many images share each. saved_bytes is what registries need not store twice: (its images in a registry - 1) * compressed_bytes, over all registries. instruction is what made it in the image that reference names';
COMMENT ON COLUMN layer_sharing.layer_digest IS 'the digest of the layer''s blob';
COMMENT ON COLUMN layer_sharing.compressed_bytes IS 'the size of the layer''s blob; NULL in Docker''s schema 1';
COMMENT ON COLUMN layer_sharing.images IS 'how many images have it';
COMMENT ON COLUMN layer_sharing.repositories IS 'how many repositories have such images';
COMMENT ON COLUMN layer_sharing.saved_bytes IS 'what sharing it saves: (its images - 1) * compressed_bytes, over all registries';
COMMENT ON COLUMN layer_sharing.reference IS 'the name of an image that has it';
COMMENT ON COLUMN layer_sharing.instruction IS 'what the Dockerfile said that made it';
