-- History: what tags pointed at over time, and what grew from tag to tag.

CREATE VIEW tag_history AS
WITH seen AS (
    -- Of several observations at one instant that is the last which current_names takes.
    SELECT
        *, row_number() OVER (
            PARTITION BY registry, repository, tag ORDER BY observed_at, digest DESC NULLS FIRST
        ) AS number
    FROM observations
    WHERE tag IS NOT NULL
), moves AS (
    SELECT *, digest IS DISTINCT FROM lag(digest) OVER (PARTITION BY registry, repository, tag ORDER BY number) AS moved
    FROM seen
), stays AS (
    SELECT *, count_if(moved) OVER (PARTITION BY registry, repository, tag ORDER BY number) AS stay
    FROM moves
), spans AS (
    SELECT
        registry, repository, tag, stay, any_value(digest) AS digest,
        min(observed_at) AS first_seen, max(observed_at) AS last_seen
    FROM stays
    WHERE digest IS NOT NULL
    GROUP BY registry, repository, tag, stay
)
SELECT
    registry, repository, tag, digest,
    lag(digest) OVER (PARTITION BY registry, repository, tag ORDER BY stay) AS previous_digest, first_seen, last_seen
FROM spans
ORDER BY registry, repository, tag, stay;
COMMENT ON VIEW tag_history IS 'how long a tag stood on a digest, as far as it was observed. A stay ends when the tag moved or was gone; if it comes back, another begins. previous_digest is that of the stay before, also if the tag was gone between';
COMMENT ON COLUMN tag_history.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN tag_history.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN tag_history.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN tag_history.digest IS 'what the tag pointed at in this stay';
COMMENT ON COLUMN tag_history.previous_digest IS 'what it pointed at in the stay before; NULL for the first';
COMMENT ON COLUMN tag_history.first_seen IS 'when it was first seen there';
COMMENT ON COLUMN tag_history.last_seen IS 'when it was last seen there';

CREATE VIEW size_history AS
WITH tagged AS (
    -- An index may have several images of one platform, as for versions of Windows.
    SELECT registry, repository, tag, manifest_digest, images.platform, images.created, images.compressed_bytes
    FROM current_images
    JOIN images USING (manifest_digest)
    WHERE tag IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY registry, repository, tag, images.platform
        ORDER BY images.created DESC NULLS LAST, manifest_digest
    ) = 1
), steps AS (
    SELECT
        *,
        lag(manifest_digest) OVER in_order AS before_digest,
        compressed_bytes - lag(compressed_bytes) OVER in_order AS delta_bytes
    FROM tagged
    WINDOW in_order AS (PARTITION BY registry, repository, platform ORDER BY created NULLS LAST, tag)
), pairs AS (
    SELECT DISTINCT manifest_digest, before_digest
    FROM steps
    WHERE delta_bytes IS NOT NULL
), stacks AS (
    SELECT
        manifest_digest, layer, layer_digest, instruction, compressed_bytes,
        row_number() OVER (PARTITION BY manifest_digest, layer_digest ORDER BY layer) AS nth
    FROM manifest_layers
    JOIN layers USING (layer_digest)
), after AS (
    SELECT pairs.*, layer, layer_digest, instruction, nth, compressed_bytes
    FROM pairs JOIN stacks USING (manifest_digest)
), before AS (
    SELECT pairs.*, layer, layer_digest, instruction, nth, compressed_bytes
    FROM pairs JOIN stacks ON stacks.manifest_digest = before_digest
), new_layers AS (
    SELECT * REPLACE (
        row_number() OVER (PARTITION BY manifest_digest, before_digest, instruction ORDER BY layer) AS nth
    )
    FROM after ANTI JOIN before USING (manifest_digest, before_digest, layer_digest, nth)
), old_layers AS (
    SELECT * REPLACE (
        row_number() OVER (PARTITION BY manifest_digest, before_digest, instruction ORDER BY layer) AS nth
    )
    FROM before ANTI JOIN after USING (manifest_digest, before_digest, layer_digest, nth)
), others AS (
    FROM old_layers ANTI JOIN new_layers USING (manifest_digest, before_digest, instruction, nth)
), growth AS (
    SELECT
        new.manifest_digest, new.before_digest, new.layer, new.instruction,
        new.compressed_bytes - CASE
            WHEN alike.layer IS NOT NULL THEN alike.compressed_bytes ELSE coalesce(others.compressed_bytes, 0)
        END AS grown_bytes
    FROM new_layers AS new
    LEFT JOIN old_layers AS alike USING (manifest_digest, before_digest, instruction, nth)
    LEFT JOIN others
        ON others.manifest_digest = new.manifest_digest AND others.before_digest = new.before_digest
        AND others.layer = new.layer
), grown AS (
    FROM growth
    WHERE grown_bytes > 0
    QUALIFY row_number() OVER (PARTITION BY manifest_digest, before_digest ORDER BY grown_bytes DESC, layer) = 1
)
SELECT
    registry, repository, tag, platform, created, compressed_bytes, delta_bytes,
    grown.layer AS grown_in, grown.instruction AS grown_by, grown.grown_bytes
FROM steps
LEFT JOIN grown USING (manifest_digest, before_digest)
ORDER BY registry, repository, platform, created NULLS LAST, tag;
COMMENT ON VIEW size_history IS 'how a tag differs in size from the one before it: tags of a repository as they are now, by platform, in the order in which they were created (equal ones by name, unknown ones last). delta_bytes is against the tag before. grown_in is the layer that grew most, against its like there: the layer of the same digest, else of the same instruction, else of the same number, else nothing. It is NULL for the first tag, if no layer grew, and if a size is unknown. Of several images of one platform in a tag the newest counts';
COMMENT ON COLUMN size_history.registry IS 'the registry''s host, with its port; NULL for a file';
COMMENT ON COLUMN size_history.repository IS 'the repository''s path in its registry; of a file its transport and path';
COMMENT ON COLUMN size_history.tag IS 'the tag, or the name in a file, empty for what has none; NULL: named by its digest';
COMMENT ON COLUMN size_history.platform IS 'the platform in its normal form; NULL for what is no image';
COMMENT ON COLUMN size_history.created IS 'when it was made; NULL for Go''s zero time and the Unix epoch';
COMMENT ON COLUMN size_history.compressed_bytes IS 'the size of its layers, as they are stored, one that stands twice twice; NULL if unknown';
COMMENT ON COLUMN size_history.delta_bytes IS 'compressed_bytes less that of the tag before; NULL for the first';
COMMENT ON COLUMN size_history.grown_in IS 'the layer that grew most against the tag before; NULL for the first, or if none grew';
COMMENT ON COLUMN size_history.grown_by IS 'the instruction that made the layer that grew most';
COMMENT ON COLUMN size_history.grown_bytes IS 'by how much that layer grew';
