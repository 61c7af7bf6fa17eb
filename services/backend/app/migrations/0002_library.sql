-- What the rulings C3, C6, C8 and C13 add, tags, collections, uploads and counts.
ALTER TABLE media_assets ADD COLUMN root_id INTEGER NOT NULL DEFAULT 1;   -- 1 is MEDIA_BASE_PATH (C3)
ALTER TABLE media_assets ADD COLUMN quick_hash TEXT;       -- of the size and the first and last 64 KiB
ALTER TABLE media_assets ADD COLUMN content_hash TEXT;     -- BLAKE3 of all bytes, made when quick hashes meet
ALTER TABLE media_assets ADD COLUMN thumbhash TEXT;        -- base64, about 25 bytes
ALTER TABLE media_assets ADD COLUMN inode INTEGER;
ALTER TABLE media_assets ADD COLUMN device INTEGER;
ALTER TABLE media_assets ADD COLUMN taken_at TIMESTAMP;    -- from the file, by the camera's clock
ALTER TABLE media_assets ADD COLUMN offline_since TIMESTAMP;
ALTER TABLE media_assets ADD COLUMN rating INTEGER CHECK (rating BETWEEN 0 AND 5);
ALTER TABLE media_assets ADD COLUMN favorite INTEGER NOT NULL DEFAULT 0 CHECK (favorite IN (0, 1));
-- A copy of the names in asset_tags, kept by triggers: a list needs no join, and the search index reads it.
ALTER TABLE media_assets ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

CREATE UNIQUE INDEX idx_media_assets_root_path ON media_assets(root_id, file_path);
-- One index for each order of the list. The id makes every order total, so that a cursor is exact.
CREATE INDEX idx_media_assets_created ON media_assets(created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_title ON media_assets(title COLLATE NOCASE, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_size ON media_assets(file_size, id) WHERE deleted_at IS NULL;
-- A duration that is not known comes last in either direction.
CREATE INDEX idx_media_assets_shortest ON media_assets(ifnull(duration, 9e99), id) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_longest ON media_assets(ifnull(duration, -1.0) DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_status ON media_assets(status, updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_type ON media_assets(media_type, updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_trash ON media_assets(updated_at DESC, id DESC) WHERE deleted_at IS NOT NULL;
CREATE INDEX idx_media_assets_quick_hash ON media_assets(quick_hash) WHERE quick_hash IS NOT NULL;
CREATE INDEX idx_media_assets_content_hash ON media_assets(content_hash) WHERE content_hash IS NOT NULL;
CREATE INDEX idx_media_assets_inode ON media_assets(inode) WHERE inode IS NOT NULL;

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE
);
CREATE TABLE asset_tags (
    tag_id INTEGER NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES media_assets(id) ON DELETE CASCADE,
    PRIMARY KEY (tag_id, asset_id)
) WITHOUT ROWID;
CREATE INDEX idx_asset_tags_asset ON asset_tags(asset_id);

CREATE TABLE collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    rev INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE collection_assets (
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES media_assets(id) ON DELETE CASCADE,
    PRIMARY KEY (collection_id, asset_id)
) WITHOUT ROWID;
CREATE INDEX idx_collection_assets_asset ON collection_assets(asset_id);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,                        -- random: who knows it may go on with it
    file_name TEXT NOT NULL,                    -- as it will lie in the media folder, without a folder
    title TEXT,
    length INTEGER NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,        -- bytes that count; the file may have more after a crash
    checksum TEXT,                              -- of the whole file, "algorithm hex", if the client gave it
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    expires_at TIMESTAMP NOT NULL,
    asset_id INTEGER REFERENCES media_assets(id) ON DELETE SET NULL   -- once it is complete
) WITHOUT ROWID;

-- One row. rev rises with every change of an asset, by whichever process.
CREATE TABLE library (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    rev INTEGER NOT NULL
);
INSERT INTO library VALUES (1, 1);

-- How many assets there are of each kind, exact at every moment: counting a million rows takes too long for a page.
CREATE TABLE asset_counts (
    media_type TEXT NOT NULL,
    status TEXT NOT NULL,
    trashed INTEGER NOT NULL,
    assets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (media_type, status, trashed)
) WITHOUT ROWID;
INSERT INTO asset_counts
    SELECT media_type, status, deleted_at IS NOT NULL, count(*), sum(ifnull(file_size, 0))
    FROM media_assets GROUP BY 1, 2, 3;

CREATE TRIGGER asset_inserted AFTER INSERT ON media_assets BEGIN
    UPDATE library SET rev = rev + 1;
    INSERT INTO asset_counts VALUES (new.media_type, new.status, new.deleted_at IS NOT NULL, 1, ifnull(new.file_size, 0))
        ON CONFLICT DO UPDATE SET assets = assets + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER asset_removed AFTER DELETE ON media_assets BEGIN
    UPDATE library SET rev = rev + 1;
    UPDATE asset_counts SET assets = assets - 1, bytes = bytes - ifnull(old.file_size, 0)
        WHERE media_type = old.media_type AND status = old.status AND trashed = (old.deleted_at IS NOT NULL);
END;

CREATE TRIGGER asset_moved_count AFTER UPDATE OF media_type, status, deleted_at, file_size ON media_assets BEGIN
    UPDATE asset_counts SET assets = assets - 1, bytes = bytes - ifnull(old.file_size, 0)
        WHERE media_type = old.media_type AND status = old.status AND trashed = (old.deleted_at IS NOT NULL);
    INSERT INTO asset_counts VALUES (new.media_type, new.status, new.deleted_at IS NOT NULL, 1, ifnull(new.file_size, 0))
        ON CONFLICT DO UPDATE SET assets = assets + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER asset_touched AFTER UPDATE ON media_assets BEGIN
    UPDATE library SET rev = rev + 1;
END;

CREATE TRIGGER asset_tagged AFTER INSERT ON asset_tags BEGIN
    UPDATE media_assets SET tags = (SELECT json_group_array(name) FROM (SELECT t.name FROM tags t
        JOIN asset_tags a ON a.tag_id = t.id WHERE a.asset_id = new.asset_id ORDER BY t.name)) WHERE id = new.asset_id;
END;
CREATE TRIGGER asset_untagged AFTER DELETE ON asset_tags BEGIN
    UPDATE media_assets SET tags = (SELECT json_group_array(name) FROM (SELECT t.name FROM tags t
        JOIN asset_tags a ON a.tag_id = t.id WHERE a.asset_id = old.asset_id ORDER BY t.name)) WHERE id = old.asset_id;
END;
CREATE TRIGGER asset_collected AFTER INSERT ON collection_assets BEGIN
    UPDATE library SET rev = rev + 1;
END;
CREATE TRIGGER asset_uncollected AFTER DELETE ON collection_assets BEGIN
    UPDATE library SET rev = rev + 1;
END;
