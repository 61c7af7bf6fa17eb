-- A file at a new path may be a known one that was moved: those of its size whose content can be compared.
CREATE INDEX idx_media_assets_size_hash ON media_assets(file_size) WHERE quick_hash IS NOT NULL AND deleted_at IS NULL;
