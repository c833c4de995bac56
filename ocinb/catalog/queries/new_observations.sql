-- What of some observations is news; fresh_observations has them. What was said before it was asked for is none if the
-- next observation of the tag says the same. Of what nobody knows when it was said (a digest, or a tag of which only the
-- image is left) that it was added is noted once, as of now.
WITH asked AS (
    SELECT
        *, coalesce(registry, '') AS host, coalesce(tag, '@' || digest) AS name,
        coalesce(observed_at, '-infinity'::TIMESTAMPTZ) AS since
    FROM fresh_observations
), noted AS (
    SELECT coalesce(registry, '') AS host, repository, coalesce(tag, '@' || digest) AS name, digest, observed_at
    FROM observations
    WHERE tag IN (SELECT tag FROM asked) OR (tag IS NULL AND digest IN (SELECT digest FROM asked))
), alike AS (
    FROM noted SEMI JOIN asked USING (host, repository, name)
)
SELECT asked.registry, asked.repository, asked.tag, asked.digest, coalesce(asked.observed_at, now()) AS observed_at
FROM asked
ASOF LEFT JOIN alike
    ON alike.host = asked.host AND alike.repository = asked.repository AND alike.name = asked.name
    AND alike.observed_at >= asked.since
WHERE alike.observed_at IS NULL OR (asked.observed_at IS NOT NULL AND alike.digest IS DISTINCT FROM asked.digest)
