-- What some tags pointed at when they were last observed; asked_tags names them.
SELECT registry, repository, tag, digest
FROM observations
SEMI JOIN asked_tags
    ON asked_tags.registry IS NOT DISTINCT FROM observations.registry
    AND asked_tags.repository = observations.repository AND asked_tags.tag = observations.tag
QUALIFY row_number() OVER (PARTITION BY registry, repository, tag ORDER BY observed_at DESC, digest) = 1;
