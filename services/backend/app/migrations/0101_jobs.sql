-- Work that is due. A job for an asset is made by triggers whenever the asset becomes 'queued' (it is new, its file
-- changed, it came out of the trash, somebody retries it): no program can queue an asset and forget its job.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('scan', 'metadata', 'thumbnail', 'sprite', 'hash')),
    asset_id INTEGER REFERENCES media_assets(id) ON DELETE CASCADE,
    parameters TEXT NOT NULL DEFAULT '{}',      -- JSON; of a scan: folder, accept_missing
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    -- Smaller is sooner: 0 somebody looks at it, 5 scans, 10 metadata, 20 thumbnails, 80 sprites, 90 hashes.
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,        -- times that a decoder died or hung on it
    lost INTEGER NOT NULL DEFAULT 0,            -- times that a worker died with it in hand
    due_at REAL NOT NULL DEFAULT 0,             -- seconds since 1970: not before (backoff)
    claim INTEGER NOT NULL DEFAULT 0,           -- rises with each claim and each change of mind: an old claimer's result does not count
    worker TEXT,
    lease_until REAL,
    progress REAL NOT NULL DEFAULT 0,           -- 0 to 100
    error TEXT,
    result TEXT,                                -- JSON; of a scan: what it found
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE UNIQUE INDEX idx_jobs_one_of_a_kind ON jobs(asset_id, kind) WHERE asset_id IS NOT NULL;
-- Newest first within a priority; files that killed a decoder come after all others, so that they hold up nobody.
CREATE INDEX idx_jobs_due ON jobs(attempts, priority, asset_id DESC, id) WHERE state = 'queued';
CREATE INDEX idx_jobs_running ON jobs(worker) WHERE state = 'running';
CREATE INDEX idx_jobs_state ON jobs(state, id DESC);
CREATE INDEX idx_jobs_finished ON jobs(updated_at) WHERE state IN ('done', 'cancelled');

-- Exact at every moment, like the counts of assets: health is asked every second.
CREATE TABLE job_counts (
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (kind, state)
) WITHOUT ROWID;
CREATE TRIGGER job_counted_in AFTER INSERT ON jobs BEGIN
    INSERT INTO job_counts VALUES (NEW.kind, NEW.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_counted_out AFTER DELETE ON jobs BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE kind = OLD.kind AND state = OLD.state;
END;
CREATE TRIGGER job_counted_on AFTER UPDATE OF kind, state ON jobs WHEN NEW.state IS NOT OLD.state OR NEW.kind IS NOT OLD.kind BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE kind = OLD.kind AND state = OLD.state;
    INSERT INTO job_counts VALUES (NEW.kind, NEW.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

-- The metadata job goes first and becomes the thumbnail job; so one of the two exists for an asset that is not ready.
CREATE TRIGGER job_for_new_asset AFTER INSERT ON media_assets WHEN NEW.status = 'queued' AND NEW.deleted_at IS NULL
BEGIN
    INSERT INTO jobs (kind, asset_id, priority) VALUES ('metadata', NEW.id, 10);
END;

CREATE TRIGGER job_for_queued_asset AFTER UPDATE OF status, file_size, mtime_ns, deleted_at ON media_assets
WHEN NEW.status = 'queued' AND NEW.deleted_at IS NULL
BEGIN
    -- Whatever ran, waited or had failed for it is about a file that is no more. (No upsert: the conflict clause of the
    -- statement that fires a trigger would override the trigger's own.)
    DELETE FROM jobs WHERE asset_id = NEW.id AND kind IN ('sprite', 'hash');
    UPDATE jobs SET kind = 'metadata', state = 'queued', priority = 10, attempts = 0, lost = 0, due_at = 0,
        claim = claim + 1, worker = NULL, lease_until = NULL, progress = 0, error = NULL,
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE asset_id = NEW.id;
    INSERT INTO jobs (kind, asset_id, priority)
        SELECT 'metadata', NEW.id, 10 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE asset_id = NEW.id);
END;

CREATE TRIGGER job_for_restored_asset AFTER UPDATE OF deleted_at ON media_assets
WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL AND NEW.status IN ('extracting', 'thumbnailing')
BEGIN
    UPDATE media_assets SET status = 'queued' WHERE id = NEW.id;
END;

CREATE TRIGGER job_of_trashed_asset AFTER UPDATE OF deleted_at ON media_assets
WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL
BEGIN
    DELETE FROM jobs WHERE asset_id = NEW.id;
END;

-- Who works. A worker that is not heard of for long is forgotten; its jobs go back into the queue.
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    started_at REAL NOT NULL,
    heartbeat_at REAL NOT NULL,
    decoders INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,            -- jobs since it started
    rate_per_s REAL NOT NULL DEFAULT 0,         -- assets made ready, over the last minute
    trouble TEXT                                -- what keeps it from working, for people
) WITHOUT ROWID;

-- The media folders, and whether their disk is there.
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    device INTEGER,
    inode INTEGER,
    offline_since TIMESTAMP,
    reason TEXT,
    scanned_at TIMESTAMP,
    watched_by TEXT,                            -- the worker that watches it
    watch_until REAL NOT NULL DEFAULT 0         -- its lease
);
INSERT INTO roots (id) VALUES (1);
CREATE TRIGGER root_told AFTER UPDATE OF offline_since ON roots WHEN NEW.offline_since IS NOT OLD.offline_since
BEGIN
    INSERT INTO events (type, status, error)
    VALUES ('root_update', iif(NEW.offline_since IS NULL, 'online', 'offline'), NEW.reason);
END;

CREATE TABLE sprites (
    asset_id INTEGER PRIMARY KEY REFERENCES media_assets(id) ON DELETE CASCADE,
    key TEXT NOT NULL,                          -- the sheet's name among the thumbnails
    places TEXT NOT NULL                        -- JSON: columns, width, height, times, end
);

CREATE TABLE job_settings (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    paused INTEGER NOT NULL DEFAULT 0           -- nothing is claimed until somebody resumes
);
INSERT INTO job_settings VALUES (1, 0);

INSERT INTO jobs (kind, asset_id, priority)
    SELECT 'metadata', id, 10 FROM media_assets WHERE status = 'queued' AND deleted_at IS NULL;
UPDATE media_assets SET status = 'queued' WHERE status IN ('extracting', 'thumbnailing') AND deleted_at IS NULL;
