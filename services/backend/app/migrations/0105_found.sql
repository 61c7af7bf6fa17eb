-- When a scan found the file; NULL where somebody registered or uploaded it, who was told its id.
ALTER TABLE media_assets ADD COLUMN found_at TIMESTAMP;
