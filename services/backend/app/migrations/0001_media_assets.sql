-- The table of seed 003, and what the rulings C6 to C9 and C13 add.
CREATE TABLE media_assets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    file_path TEXT NOT NULL UNIQUE,             -- relative to the media folder, forward slashes
    file_size INTEGER,
    -- Generated, so that the two forms of one value can never disagree (C7).
    file_size_mb FLOAT GENERATED ALWAYS AS (round(file_size / 1048576.0, 2)) VIRTUAL,
    format TEXT,
    duration FLOAT,                             -- seconds
    duration_formatted TEXT GENERATED ALWAYS AS (
        CASE WHEN duration IS NOT NULL THEN
            printf('%02d:%02d:%02d', duration / 3600, CAST(duration / 60 AS INTEGER) % 60, CAST(duration AS INTEGER) % 60)
        END
    ) VIRTUAL,
    width INTEGER,
    height INTEGER,
    fps FLOAT,
    codec TEXT,
    container_format TEXT,
    bit_rate INTEGER,
    -- ISO 8601 in UTC with a zone: without one, JavaScript reads it as local time (C9).
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    media_type TEXT NOT NULL CHECK (media_type IN ('video', 'image')),
    mime_type TEXT NOT NULL,
    mtime_ns INTEGER,
    status TEXT NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'extracting', 'thumbnailing', 'ready', 'failed', 'offline')),
    error TEXT,                                 -- why it is failed, for people
    attempts INTEGER NOT NULL DEFAULT 0,        -- times that the decoder died or hung on it
    thumbnail_key TEXT,
    rev INTEGER NOT NULL DEFAULT 1,
    deleted_at TIMESTAMP                        -- in the trash; its file is untouched (C13)
);

-- The first repeats the index of UNIQUE; seed 003 names it and its contract is checked (C8).
CREATE INDEX idx_media_assets_file_path ON media_assets(file_path);
CREATE INDEX idx_media_assets_updated_at ON media_assets(updated_at);
-- updated_at alone is no stable order: rows written in one millisecond tie.
CREATE INDEX idx_media_assets_newest ON media_assets(updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_due ON media_assets(attempts, id) WHERE status = 'queued' AND deleted_at IS NULL;
