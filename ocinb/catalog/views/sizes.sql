-- Sizes: what tags, repositories and registries hold now, as it is stored. Layers only.

-- What some of the rows add up to. Where one size is unknown, so is the sum, and what passes a BIGINT is a lie.
CREATE MACRO known_sum(size, wanted) AS (
    CASE
        WHEN count(*) FILTER (wanted) = count(size) FILTER (wanted)
        THEN TRY_CAST(coalesce(sum(size) FILTER (wanted), 0) AS BIGINT)
    END
);

CREATE VIEW tags AS
SELECT
    named.registry, named.repository, named.tag, in_full(named.registry, named.repository, named.tag) AS reference,
    named.digest, manifest_digest, images.platform, images.created, images.compressed_bytes, named.observed_at
FROM current_names AS named
LEFT JOIN current_images AS reached
    ON reached.registry IS NOT DISTINCT FROM named.registry
    AND reached.repository = named.repository AND reached.tag = named.tag
LEFT JOIN images USING (manifest_digest)
WHERE named.tag IS NOT NULL;
COMMENT ON VIEW tags IS 'tags as they were last observed. Each has a row for every image behind it that is in the catalogue, else one in which manifest_digest is NULL. A tag that is gone has none';
COMMENT ON COLUMN tags.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN tags.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN tags.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN tags.reference IS 'the tag in full';
COMMENT ON COLUMN tags.digest IS 'what the tag points at';
COMMENT ON COLUMN tags.manifest_digest IS 'the digest of an image behind the tag; NULL if none is in the catalogue';
COMMENT ON COLUMN tags.platform IS 'the platform in its normal form; NULL for what is no image';
COMMENT ON COLUMN tags.created IS 'when it was made; NULL for Go''s zero time and the Unix epoch';
COMMENT ON COLUMN tags.compressed_bytes IS 'the size of its layers, as they are stored, one that stands twice twice; NULL if unknown';
COMMENT ON COLUMN tags.observed_at IS 'when that was seen';

CREATE VIEW registry_sizes AS
WITH stored AS (
    SELECT registry, manifest_digest, any_value(images.compressed_bytes) AS compressed_bytes
    FROM current_images
    JOIN images USING (manifest_digest)
    WHERE registry IS NOT NULL
    GROUP BY registry, manifest_digest
), logical AS (
    SELECT registry, count(*) AS images, known_sum(compressed_bytes, true) AS logical_bytes
    FROM stored
    GROUP BY registry
), held AS (
    SELECT DISTINCT registry, layer_digest
    FROM stored
    JOIN manifest_layers USING (manifest_digest)
), deduplicated AS (
    SELECT registry, known_sum(compressed_bytes, true) AS deduplicated_bytes
    FROM held
    JOIN layers USING (layer_digest)
    GROUP BY registry
), named AS (
    SELECT
        registry, count(DISTINCT repository) AS repositories,
        count(DISTINCT (repository, tag)) FILTER (tag IS NOT NULL) AS tags
    FROM current_images
    GROUP BY registry
)
SELECT
    registry, repositories, tags, images, logical_bytes,
    CASE WHEN deduplicated.registry IS NULL THEN 0 ELSE deduplicated_bytes END AS deduplicated_bytes
FROM logical
JOIN named USING (registry)
LEFT JOIN deduplicated USING (registry);
COMMENT ON VIEW registry_sizes IS 'registries, and the images in the catalogue that names lead to now, each counted once. logical_bytes adds up their sizes, deduplicated_bytes their distinct layers. Files on this machine have no registry, and no row';
COMMENT ON COLUMN registry_sizes.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN registry_sizes.repositories IS 'how many repositories have such images';
COMMENT ON COLUMN registry_sizes.tags IS 'how many tags it has';
COMMENT ON COLUMN registry_sizes.images IS 'how many images it has, each counted once however many tags it has';
COMMENT ON COLUMN registry_sizes.logical_bytes IS 'the size of its images, whatever they share';
COMMENT ON COLUMN registry_sizes.deduplicated_bytes IS 'the size of the distinct layers of its images';

CREATE VIEW repository_sizes AS
WITH stored AS (
    SELECT
        storage_of(registry, repository) AS storage, registry, repository, manifest_digest,
        any_value(images.compressed_bytes) AS compressed_bytes
    FROM current_images
    JOIN images USING (manifest_digest)
    GROUP BY registry, repository, manifest_digest
), logical AS (
    SELECT storage, registry, repository, count(*) AS images, known_sum(compressed_bytes, true) AS logical_bytes
    FROM stored
    GROUP BY storage, registry, repository
), held AS (
    SELECT DISTINCT storage, repository, layer_digest
    FROM stored
    JOIN manifest_layers USING (manifest_digest)
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY storage, layer_digest) = 1 AS here_alone
    FROM held
), deduplicated AS (
    SELECT
        storage, repository, known_sum(compressed_bytes, true) AS deduplicated_bytes,
        known_sum(compressed_bytes, here_alone) AS unique_bytes
    FROM counted
    JOIN layers USING (layer_digest)
    GROUP BY storage, repository
), named AS (
    SELECT storage_of(registry, repository) AS storage, repository, count(DISTINCT tag) AS tags
    FROM current_images
    GROUP BY storage, repository
)
SELECT
    registry, repository, tags, images, logical_bytes,
    CASE WHEN deduplicated.storage IS NULL THEN 0 ELSE deduplicated_bytes END AS deduplicated_bytes,
    CASE WHEN deduplicated.storage IS NULL THEN 0 ELSE unique_bytes END AS unique_bytes
FROM logical
JOIN named USING (storage, repository)
LEFT JOIN deduplicated USING (storage, repository);
COMMENT ON VIEW repository_sizes IS 'repositories, and the images in the catalogue that names lead to now, each counted once however many tags it has. logical_bytes adds up their sizes, deduplicated_bytes their distinct layers, unique_bytes those layers that no other repository of the registry has. A file on this machine shares nothing';
COMMENT ON COLUMN repository_sizes.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN repository_sizes.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN repository_sizes.tags IS 'how many tags it has';
COMMENT ON COLUMN repository_sizes.images IS 'how many images it has, each counted once however many tags it has';
COMMENT ON COLUMN repository_sizes.logical_bytes IS 'the size of its images, whatever they share';
COMMENT ON COLUMN repository_sizes.deduplicated_bytes IS 'the size of the distinct layers of its images';
COMMENT ON COLUMN repository_sizes.unique_bytes IS 'the size of the layers that no other repository of the registry has';

CREATE VIEW tag_sizes AS
WITH held AS (
    -- All that was added to a repository by digest is one name, whose tag is NULL.
    SELECT DISTINCT storage_of(registry, repository) AS storage, repository, tag, layer_digest
    FROM current_images
    JOIN manifest_layers USING (manifest_digest)
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY storage, layer_digest) = 1 AS here_alone
    FROM held
), freed AS (
    SELECT storage, repository, tag, known_sum(compressed_bytes, here_alone) AS reclaimable_bytes
    FROM counted
    JOIN layers USING (layer_digest)
    WHERE tag IS NOT NULL
    GROUP BY storage, repository, tag
), sized AS (
    SELECT
        storage_of(registry, repository) AS storage, registry, repository, tag, any_value(digest) AS digest,
        count(DISTINCT coalesce(platform, '')) AS platforms, known_sum(compressed_bytes, true) AS logical_bytes
    FROM tags
    WHERE manifest_digest IS NOT NULL
    GROUP BY registry, repository, tag
)
SELECT
    registry, repository, tag, digest, platforms, logical_bytes,
    CASE WHEN freed.storage IS NULL THEN 0 ELSE reclaimable_bytes END AS reclaimable_bytes
FROM sized
LEFT JOIN freed USING (storage, repository, tag);
COMMENT ON VIEW tag_sizes IS 'tags with images in the catalogue. platforms counts those of the images, logical_bytes adds up their sizes. reclaimable_bytes is what would be freed if this tag alone went: the layers that no other name of the registry needs now';
COMMENT ON COLUMN tag_sizes.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN tag_sizes.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN tag_sizes.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN tag_sizes.digest IS 'what the tag points at';
COMMENT ON COLUMN tag_sizes.platforms IS 'how many platforms its images are for';
COMMENT ON COLUMN tag_sizes.logical_bytes IS 'the size of its images, whatever they share';
COMMENT ON COLUMN tag_sizes.reclaimable_bytes IS 'the size of the layers that would be freed if this tag alone went';
