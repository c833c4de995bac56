-- Files: what stands in the layers, what became of it in each image, and what is stored more than once.

CREATE VIEW layer_files AS
-- What narrows the columns of files is asked of that table first: all joins from it on are by equality.
SELECT
    manifest_digest, layer,
    CASE WHEN manifests.indexed_at IS NOT NULL THEN coalesce(overlay.change, 'added') END AS change,
    CASE WHEN manifests.indexed_at IS NOT NULL THEN coalesce(overlay.visible, true) END AS visible,
    files.*
FROM files
JOIN manifest_layers USING (layer_digest)
JOIN (FROM manifests WHERE kind = 'image') AS manifests USING (manifest_digest)
LEFT JOIN overlay USING (manifest_digest, layer, position);
COMMENT ON VIEW layer_files IS 'the entries of every layer of every image; of a layer that stands twice in an image, twice. change (added, modified, deleted) and visible are NULL for an image that was added by its metadata alone, whose layers were read for another';
COMMENT ON COLUMN layer_files.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN layer_files.layer IS 'the layer''s number, from 0 at the base';
COMMENT ON COLUMN layer_files.change IS 'added, modified (the path stood below) or deleted (of a marker)';
COMMENT ON COLUMN layer_files.visible IS 'whether this very entry is what the final file system shows there; NULL if that was not worked out';
COMMENT ON COLUMN layer_files.layer_digest IS 'the digest of the layer''s blob';
COMMENT ON COLUMN layer_files.position IS 'its place in the layer''s tar, from 0';
COMMENT ON COLUMN layer_files.path IS 'the path, without a leading slash; the root''s is empty, of a marker what it removes';
COMMENT ON COLUMN layer_files.type IS 'file, directory, symlink, hardlink, character, block, fifo, whiteout or opaque';
COMMENT ON COLUMN layer_files.size_bytes IS 'the size of a file''s content, 0 for what has none';
COMMENT ON COLUMN layer_files.mode IS 'the permission bits, with setuid, setgid and sticky';
COMMENT ON COLUMN layer_files.uid IS 'the number of the user that owns it';
COMMENT ON COLUMN layer_files.gid IS 'the number of the group that owns it';
COMMENT ON COLUMN layer_files.mtime IS 'when its content was last changed; NULL if no clock shows it';
COMMENT ON COLUMN layer_files.link_target IS 'what a link names; NULL if it is none';
COMMENT ON COLUMN layer_files.sha256 IS 'the SHA-256 of a regular file''s content, in 64 hex digits; NULL for all others';

CREATE VIEW hidden_files AS
SELECT
    manifest_digest, images.reference, images.platform, files.path, files.size_bytes AS hidden_bytes, overlay.reason,
    layer AS stored_in, storing.instruction AS stored_by,
    overlay.hidden_in, hiding.instruction AS hidden_by
FROM (FROM overlay WHERE hidden) AS overlay
JOIN manifest_layers AS storing USING (manifest_digest, layer)
JOIN files USING (layer_digest, position)
JOIN images USING (manifest_digest)
LEFT JOIN manifest_layers AS hiding
    ON hiding.manifest_digest = overlay.manifest_digest AND hiding.layer = overlay.hidden_in;
COMMENT ON VIEW hidden_files IS 'files that an image stores and does not show: deleted, overwritten, replaced or made opaque by a later layer; empty ones too. hidden_bytes is the size of the content. reason and hidden_in are NULL for what never had a place';
COMMENT ON COLUMN hidden_files.manifest_digest IS 'the digest of the image''s manifest';
COMMENT ON COLUMN hidden_files.reference IS 'the image''s name: a tag that points at it now, itself or by its index, else repository@digest';
COMMENT ON COLUMN hidden_files.platform IS 'the platform in its normal form; NULL for what is no image';
COMMENT ON COLUMN hidden_files.path IS 'the path, without a leading slash';
COMMENT ON COLUMN hidden_files.hidden_bytes IS 'the size of the content that nothing shows any more';
COMMENT ON COLUMN hidden_files.reason IS 'deleted, overwritten, opaque or replaced; NULL if it never had a place';
COMMENT ON COLUMN hidden_files.stored_in IS 'the layer that stores it';
COMMENT ON COLUMN hidden_files.stored_by IS 'the instruction that made the layer that stores it';
COMMENT ON COLUMN hidden_files.hidden_in IS 'the layer that hides it; NULL if it never had a place';
COMMENT ON COLUMN hidden_files.hidden_by IS 'the instruction that made the layer that hides it';

-- The regular files that the layers store that count now, each layer once. What aufs left in a layer for itself is none,
-- but for what a hard link there names (as ocinb.rootfs.markers has it).
CREATE MACRO stored_files() AS TABLE
WITH counted AS (
    SELECT layer_digest, row_number() OVER ()::INTEGER AS number
    FROM (SELECT DISTINCT layer_digest FROM current_images JOIN manifest_layers USING (manifest_digest))
), leftovers AS (
    SELECT layer_digest, position, path
    FROM files
    WHERE starts_with(path, '.wh..wh.')
    AND split_part(path, '/', 1) IN ('.wh..wh.aufs', '.wh..wh.orph', '.wh..wh.plnk')
), linked AS (
    SELECT layer_digest, link_target AS path FROM files WHERE type = 'hardlink' AND starts_with(link_target, '.wh..wh.')
), storing_nothing AS (
    SELECT layer_digest, position FROM leftovers ANTI JOIN linked USING (layer_digest, path)
)
SELECT files.*, counted.number AS layer_number
FROM files
JOIN counted USING (layer_digest)
ANTI JOIN storing_nothing USING (layer_digest, position)
WHERE type = 'file';

CREATE VIEW file_duplicates AS
WITH by_layer AS (
    -- In two steps, the layers as numbers: count(DISTINCT layer_digest) takes a third longer over ten million files.
    SELECT sha256, max(size_bytes) AS size_bytes, count(*) AS copies, min(path) AS path
    FROM stored_files()
    WHERE sha256 IS NOT NULL
    GROUP BY sha256, layer_number
)
SELECT
    sha256, max(size_bytes) AS size_bytes, sum(copies)::BIGINT AS copies, count(*) AS layers,
    TRY_CAST((sum(copies) - 1) * max(size_bytes) AS BIGINT) AS duplicate_bytes, min(path) AS example_path
FROM by_layer
GROUP BY sha256
HAVING sum(copies) > 1;
COMMENT ON VIEW file_duplicates IS 'contents of regular files that stand more than once in the layers that count now, each layer taken once. duplicate_bytes is (copies - 1) * size_bytes. The empty content is one of them, with 0 bytes; files of unknown content are left out. example_path is the first in the alphabet';
COMMENT ON COLUMN file_duplicates.sha256 IS 'the SHA-256 of the content, in 64 hex digits';
COMMENT ON COLUMN file_duplicates.size_bytes IS 'the size of a file''s content, 0 for what has none';
COMMENT ON COLUMN file_duplicates.copies IS 'how many regular files have this content in the distinct layers that count now';
COMMENT ON COLUMN file_duplicates.layers IS 'in how many distinct layers they stand';
COMMENT ON COLUMN file_duplicates.duplicate_bytes IS 'what all copies but one take, unpacked: (copies - 1) * size_bytes';
COMMENT ON COLUMN file_duplicates.example_path IS 'the path of one of them';

CREATE MACRO find(pattern) AS TABLE
-- Paths have no leading slash, patterns may have one. A backslash is a character of paths (a byte that is no UTF-8 reads
-- as \xNN), and escapes nothing.
SELECT images.reference, images.platform, layer, path, size_bytes, sha256, visible
FROM layer_files
JOIN images USING (manifest_digest)
WHERE path GLOB replace(regexp_replace(pattern, '^(\.?/)+', ''), '\', '\\') AND type NOT IN ('whiteout', 'opaque');
COMMENT ON MACRO TABLE find IS 'the entries of all images whose whole path matches a glob. * stands for slashes too, [*] for a star. Markers that remove a path are left out; visible is as in layer_files';
