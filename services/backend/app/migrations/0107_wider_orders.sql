-- What is tested on nearly every row of a walk lies in the index that is walked, where order and filter keep away from
-- each other: wide pictures in the order of duration, which films have; the older assets in the order of changes. The row
-- itself is then read only for what the page shows.
DROP INDEX idx_media_assets_shortest;
DROP INDEX idx_media_assets_longest;
DROP INDEX idx_media_assets_newest;
CREATE INDEX idx_media_assets_shortest ON media_assets(ifnull(duration, 9e99), id, width) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_longest ON media_assets(ifnull(duration, -1.0) DESC, id DESC, width)
    WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_newest ON media_assets(updated_at DESC, id DESC, created_at) WHERE deleted_at IS NULL;
