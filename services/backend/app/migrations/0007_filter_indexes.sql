-- Filters that had no index: what few assets meet is found by these, instead of by walking through a million.
-- Few are favorites, few are rated: such an index costs nothing for all others.
CREATE INDEX idx_media_assets_favorite ON media_assets(id) WHERE favorite = 1 AND deleted_at IS NULL;
CREATE INDEX idx_media_assets_rating ON media_assets(rating, id) WHERE rating IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX idx_media_assets_width ON media_assets(width, id) WHERE width IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX idx_media_assets_format ON media_assets(format COLLATE NOCASE, id) WHERE deleted_at IS NULL;
-- Films are longer and larger than pictures, and cameras name them in another way: a list of the one that is walked in
-- these orders would first pass by all of the other.
CREATE INDEX idx_media_assets_type_created ON media_assets(media_type, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_type_title ON media_assets(media_type, title COLLATE NOCASE, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_type_size ON media_assets(media_type, file_size, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_type_shortest ON media_assets(media_type, ifnull(duration, 9e99), id)
    WHERE deleted_at IS NULL;
CREATE INDEX idx_media_assets_type_longest ON media_assets(media_type, ifnull(duration, -1.0) DESC, id DESC)
    WHERE deleted_at IS NULL;
