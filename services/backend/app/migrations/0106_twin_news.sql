-- Which copies have another original now: theirs came or went, by whatever program. `duplicate_of` is worked out when it
-- is asked for, so it is right at once; but copies have to get a new revision, or nobody asks. There may be thousands
-- of them, so they are told in batches (services/twin_news.py): all younger ones than `after_id`.
CREATE TABLE twin_news (
    content_hash TEXT PRIMARY KEY,
    after_id INTEGER NOT NULL
) WITHOUT ROWID;

-- What is in the trash is nobody's original: with it, each of ten thousand that are trashed would pass by those before.
DROP INDEX idx_media_assets_content_hash;
CREATE INDEX idx_media_assets_content_hash ON media_assets(content_hash)
    WHERE content_hash IS NOT NULL AND deleted_at IS NULL;

CREATE TRIGGER twin_left AFTER UPDATE OF deleted_at, content_hash ON media_assets
WHEN OLD.content_hash IS NOT NULL AND OLD.deleted_at IS NULL
    AND (NEW.deleted_at IS NOT NULL OR NEW.content_hash IS NOT OLD.content_hash)
BEGIN
    INSERT INTO twin_news SELECT OLD.content_hash, OLD.id
    WHERE EXISTS (SELECT 1 FROM media_assets WHERE content_hash = OLD.content_hash AND id > OLD.id AND deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM media_assets WHERE content_hash = OLD.content_hash AND id < OLD.id AND deleted_at IS NULL)
    ON CONFLICT DO UPDATE SET after_id = min(after_id, excluded.after_id);
END;

CREATE TRIGGER twin_removed AFTER DELETE ON media_assets WHEN OLD.content_hash IS NOT NULL AND OLD.deleted_at IS NULL
BEGIN
    INSERT INTO twin_news SELECT OLD.content_hash, OLD.id
    WHERE EXISTS (SELECT 1 FROM media_assets WHERE content_hash = OLD.content_hash AND id > OLD.id AND deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM media_assets WHERE content_hash = OLD.content_hash AND id < OLD.id AND deleted_at IS NULL)
    ON CONFLICT DO UPDATE SET after_id = min(after_id, excluded.after_id);
END;

CREATE TRIGGER twin_came AFTER UPDATE OF deleted_at, content_hash ON media_assets
WHEN NEW.content_hash IS NOT NULL AND NEW.deleted_at IS NULL
    AND (OLD.deleted_at IS NOT NULL OR NEW.content_hash IS NOT OLD.content_hash)
BEGIN
    INSERT INTO twin_news SELECT NEW.content_hash, NEW.id
    WHERE EXISTS (SELECT 1 FROM media_assets WHERE content_hash = NEW.content_hash AND id > NEW.id AND deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM media_assets WHERE content_hash = NEW.content_hash AND id < NEW.id AND deleted_at IS NULL)
    ON CONFLICT DO UPDATE SET after_id = min(after_id, excluded.after_id);
END;
