-- The oldest asset outside of the trash that has the same bytes; NULL for that one itself, and until the bytes of both
-- were hashed. Kept by triggers, so that it is true whoever hashes, trashes, restores, changes or forgets one of them.
ALTER TABLE media_assets ADD COLUMN duplicate_of INTEGER;
UPDATE media_assets SET duplicate_of = (SELECT min(other.id) FROM media_assets AS other
    WHERE other.content_hash = media_assets.content_hash AND other.deleted_at IS NULL AND other.id < media_assets.id)
WHERE content_hash IS NOT NULL;

CREATE TRIGGER asset_twins_changed AFTER UPDATE OF content_hash, deleted_at ON media_assets
    WHEN ifnull(new.content_hash, old.content_hash) IS NOT NULL AND (new.content_hash IS NOT old.content_hash
        OR (new.deleted_at IS NULL) <> (old.deleted_at IS NULL)) BEGIN
    UPDATE media_assets SET duplicate_of = NULL, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), rev = rev + 1
    WHERE id = new.id AND new.content_hash IS NULL AND duplicate_of IS NOT NULL;
    UPDATE media_assets SET
        duplicate_of = (SELECT min(other.id) FROM media_assets AS other WHERE other.content_hash = media_assets.content_hash
            AND other.deleted_at IS NULL AND other.id < media_assets.id),
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), rev = rev + 1
    WHERE content_hash IN (old.content_hash, new.content_hash) AND duplicate_of IS NOT (SELECT min(other.id)
        FROM media_assets AS other WHERE other.content_hash = media_assets.content_hash
            AND other.deleted_at IS NULL AND other.id < media_assets.id);
END;
CREATE TRIGGER asset_twin_removed AFTER DELETE ON media_assets WHEN old.content_hash IS NOT NULL BEGIN
    UPDATE media_assets SET
        duplicate_of = (SELECT min(other.id) FROM media_assets AS other WHERE other.content_hash = media_assets.content_hash
            AND other.deleted_at IS NULL AND other.id < media_assets.id),
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), rev = rev + 1
    WHERE content_hash = old.content_hash AND duplicate_of = old.id;
END;
