-- All manifests and indexes that names lead to now, by the repository in which they stand.
WITH RECURSIVE reached AS (
    SELECT registry, repository, digest AS manifest_digest FROM current_names
    UNION
    SELECT registry, repository, entry.manifest_digest
    FROM reached
    JOIN index_entries AS entry ON entry.index_digest = reached.manifest_digest AND entry.kind IN ('image', 'index')
)
SELECT registry, repository, manifest_digest FROM reached ORDER BY ALL;
