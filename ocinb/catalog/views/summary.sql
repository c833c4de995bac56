-- Summary: a registry in figures, as in "Large-scale analysis of the Docker Hub dataset" (Zhao et al., CLUSTER 2019).

CREATE VIEW registry_summary AS
WITH images_now AS MATERIALIZED (
    SELECT DISTINCT manifest_digest FROM current_images
), uses AS MATERIALIZED (
    SELECT manifest_digest, layer_digest FROM images_now JOIN manifest_layers USING (manifest_digest)
), contents AS (
    SELECT count(*) AS copies, max(size_bytes) AS size_bytes, sum(size_bytes) AS stored_bytes
    FROM stored_files()
    WHERE sha256 IS NOT NULL
    GROUP BY sha256
), by_content AS (
    SELECT
        count(*) / sum(copies) AS unique_share,
        1 - sum(size_bytes) / nullif(sum(stored_bytes), 0) AS deduplicable_share,
        quantile_cont(copies, [0.5, 0.9]) AS copies
    FROM contents
), by_layer AS (
    SELECT
        quantile_cont(compressed_bytes, [0.5, 0.9]) AS compressed_bytes,
        quantile_cont(tar_bytes / nullif(compressed_bytes, 0), [0.5, 0.9]) AS ratios,
        quantile_cont(files, [0.5, 0.9]) AS files
    FROM layers
    SEMI JOIN uses USING (layer_digest)
), by_image AS (
    SELECT quantile_cont(layers, [0.5, 0.9]) AS layers
    FROM (SELECT count(layer_digest) AS layers FROM images_now LEFT JOIN uses USING (manifest_digest) GROUP BY manifest_digest)
), by_use AS (
    SELECT quantile_cont(images, [0.5, 0.9]) AS images
    FROM (SELECT count(DISTINCT manifest_digest) AS images FROM uses GROUP BY layer_digest)
), shares AS (
    SELECT number, figure, value, 'share' AS unit, definition
    FROM by_content, LATERAL (VALUES
        (1, 'unique_file_share', unique_share, 'distinct contents / regular files, in the distinct layers that were read; files whose content is unknown are left out'),
        (2, 'deduplicable_bytes_share', deduplicable_share, '1 - bytes of distinct contents / bytes of regular files, in the distinct layers that were read; files whose content is unknown are left out')
    ) AS told(number, figure, value, definition)
), quantiles AS (
    SELECT number, figure, at_ranks, unit, definition
    FROM by_content, by_layer, by_image, by_use, LATERAL (VALUES
        (3, 'layer_compressed_bytes', by_layer.compressed_bytes, 'bytes', 'compressed_bytes of the distinct layers'),
        (4, 'compression_ratio', by_layer.ratios, 'ratio', 'tar_bytes / compressed_bytes of the distinct layers that were read; the study divides the bytes of the files, without the headers of the tar'),
        (5, 'files_per_layer', by_layer.files, 'files', 'regular files of the distinct layers that were read'),
        (6, 'layers_per_image', by_image.layers, 'layers', 'layers of the distinct images; one that stands twice counts twice'),
        (7, 'copies_per_file', by_content.copies, 'copies', 'how often each distinct content stands in the distinct layers that were read'),
        (8, 'layer_references', by_use.images, 'images', 'how many distinct images each distinct layer stands in')
    ) AS told(number, figure, at_ranks, unit, definition)
)
SELECT figure, value::DOUBLE AS value, unit, definition
FROM (
    FROM shares
    UNION ALL
    SELECT number, figure || suffix, at_ranks[place], unit, word || definition
    FROM quantiles, (VALUES (1, '_p50', 'median of: '), (2, '_p90', '90 % quantile of: ')) AS ranks(place, suffix, word)
) AS told
ORDER BY number, figure;
COMMENT ON VIEW registry_summary IS 'a registry in the figures of "Large-scale analysis of the Docker Hub dataset" (Zhao et al. 2019), over the images and layers that count now; the study took one image of each repository. Markers are no files, empty files are. Quantiles are interpolated. value is NULL where there is nothing to count';
COMMENT ON COLUMN registry_summary.figure IS 'the figure''s name';
COMMENT ON COLUMN registry_summary.value IS 'its value, in its unit; NULL where there is nothing to count';
COMMENT ON COLUMN registry_summary.unit IS 'its unit';
COMMENT ON COLUMN registry_summary.definition IS 'what it is, and over what it is reckoned';
