-- What nodes have to fetch: asked_images has the image of each row and its node, held_images what that node has.
WITH needed AS (
    SELECT DISTINCT place, node, layer_digest FROM asked_images JOIN manifest_layers USING (manifest_digest)
), held AS (
    SELECT DISTINCT node, layer_digest FROM held_images JOIN manifest_layers USING (manifest_digest)
), sized AS (
    SELECT place, compressed_bytes, held.layer_digest IS NOT NULL AS cached
    FROM needed
    LEFT JOIN held USING (node, layer_digest)
    JOIN layers USING (layer_digest)
), added_up AS (
    SELECT
        place, known_sum(compressed_bytes, true) AS compressed_bytes, known_sum(compressed_bytes, cached) AS cached_bytes,
        known_sum(compressed_bytes, NOT cached) AS fetched_bytes
    FROM sized
    GROUP BY place
)
SELECT
    place,
    CASE WHEN added_up.place IS NULL THEN 0 ELSE compressed_bytes END AS compressed_bytes,
    CASE WHEN added_up.place IS NULL THEN 0 ELSE cached_bytes END AS cached_bytes,
    CASE WHEN added_up.place IS NULL THEN 0 ELSE fetched_bytes END AS fetched_bytes
FROM asked_images
LEFT JOIN added_up USING (place)
ORDER BY place;
