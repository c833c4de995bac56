-- Where some layers stand now: one repository of each registry, and each file.
SELECT registry, min(repository) AS repository, layer_digest
FROM current_images
JOIN manifest_layers USING (manifest_digest)
WHERE layer_digest IN (SELECT unnest($digests::VARCHAR[]))
GROUP BY layer_digest, registry, storage_of(registry, repository)
ORDER BY ALL;
