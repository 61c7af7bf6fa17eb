-- What happened to assets, in the order of their commits. The rows are written by triggers, in the same transaction as
-- the change: no program can change an asset and forget to tell. seq never starts anew; the ring is cut by the backend.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,                         -- processing_update, asset_updated, root_update
    asset_id INTEGER,
    status TEXT,                                -- where the asset stood then; 'deleted' when it went into the trash
    error TEXT,
    rev INTEGER,
    at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TRIGGER media_assets_created AFTER INSERT ON media_assets WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO events (type, asset_id, status, error, rev)
    VALUES ('processing_update', NEW.id, NEW.status, NEW.error, NEW.rev);
END;

CREATE TRIGGER media_assets_moved_on AFTER UPDATE OF status, deleted_at ON media_assets
WHEN NEW.deleted_at IS NULL AND (NEW.status IS NOT OLD.status OR OLD.deleted_at IS NOT NULL)
BEGIN
    INSERT INTO events (type, asset_id, status, error, rev)
    VALUES ('processing_update', NEW.id, NEW.status, NEW.error, NEW.rev);
END;

-- Its title, its tags, its path, a sprite: the revision says that there is something to fetch.
CREATE TRIGGER media_assets_changed AFTER UPDATE OF rev ON media_assets
WHEN NEW.rev IS NOT OLD.rev AND NEW.status IS OLD.status AND NEW.deleted_at IS NULL AND OLD.deleted_at IS NULL
BEGIN
    INSERT INTO events (type, asset_id, status, error, rev)
    VALUES ('asset_updated', NEW.id, NEW.status, NEW.error, NEW.rev);
END;

CREATE TRIGGER media_assets_trashed AFTER UPDATE OF deleted_at ON media_assets
WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL
BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('processing_update', NEW.id, 'deleted', NEW.rev);
END;

CREATE TRIGGER media_assets_removed AFTER DELETE ON media_assets WHEN OLD.deleted_at IS NULL
BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('processing_update', OLD.id, 'deleted', OLD.rev + 1);
END;

-- Which run of numbers these are: a database that comes back from a backup gets a new one.
CREATE TABLE event_epoch (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL
);
INSERT INTO event_epoch VALUES (1, lower(hex(randomblob(16))));
