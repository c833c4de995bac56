-- The layers that nothing needs any more if some names went; asked_removed has a tag or a digest in each row.
WITH RECURSIVE removed AS (
    SELECT storage_of(registry, repository) AS storage, repository, tag, digest FROM asked_removed
), named AS (
    SELECT storage_of(registry, repository) AS storage, repository, tag, digest AS manifest_digest FROM current_names
), left_over AS (
    SELECT DISTINCT named.storage, named.repository, manifest_digest
    FROM named
    ANTI JOIN removed
        ON removed.storage = named.storage AND removed.repository = named.repository
        AND (removed.tag = named.tag OR removed.digest = named.manifest_digest)
), entries AS (
    SELECT DISTINCT index_digest, manifest_digest FROM index_entries WHERE kind IN ('image', 'index')
), deleted AS (
    SELECT DISTINCT storage, repository, digest AS manifest_digest FROM removed WHERE digest IS NOT NULL
), reached AS (
    -- An index that stays goes on naming what was removed by its digest, and leads to nothing there.
    SELECT storage, repository, manifest_digest FROM left_over
    UNION
    SELECT reached.storage, reached.repository, entries.manifest_digest
    FROM reached
    JOIN entries ON entries.index_digest = reached.manifest_digest
    LEFT JOIN deleted
        ON deleted.storage = reached.storage AND deleted.repository = reached.repository
        AND deleted.manifest_digest = entries.manifest_digest
    WHERE deleted.manifest_digest IS NULL
), images_left AS (
    SELECT storage, manifest_digest
    FROM reached
    SEMI JOIN (SELECT manifest_digest FROM manifests WHERE kind = 'image') AS known
        USING (manifest_digest)
), before AS (
    SELECT DISTINCT storage_of(registry, repository) AS storage, layer_digest
    FROM current_images
    JOIN manifest_layers USING (manifest_digest)
), after AS (
    SELECT DISTINCT storage, layer_digest FROM images_left JOIN manifest_layers USING (manifest_digest)
), freed AS (
    SELECT layer_digest, count(*) AS storages FROM before ANTI JOIN after USING (storage, layer_digest) GROUP BY layer_digest
)
SELECT layer_digest, TRY_CAST(storages::HUGEINT * compressed_bytes AS BIGINT) AS freed_bytes
FROM freed
JOIN layers USING (layer_digest)
ORDER BY freed_bytes DESC NULLS LAST, layer_digest;
