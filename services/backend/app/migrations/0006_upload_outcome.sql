-- Whether an upload turned out to be what an asset has already; asset_id names that asset then.
ALTER TABLE uploads ADD COLUMN is_duplicate INTEGER NOT NULL DEFAULT 0;
CREATE INDEX idx_uploads_expiry ON uploads(expires_at);
