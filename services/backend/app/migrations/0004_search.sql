-- Full-text search over what is in the library and not in the trash. The index holds no text of its own: it reads the
-- view where it needs to. Prefixes of one to three letters are indexed, because people search while they type.
CREATE VIEW asset_search_rows AS
    SELECT id, title, file_path, tags FROM media_assets WHERE deleted_at IS NULL;
CREATE VIRTUAL TABLE asset_search USING fts5(
    title, file_path, tags,
    content = 'asset_search_rows', content_rowid = 'id', prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO asset_search (asset_search) VALUES ('rebuild');

CREATE TRIGGER asset_search_inserted AFTER INSERT ON media_assets WHEN new.deleted_at IS NULL BEGIN
    INSERT INTO asset_search (rowid, title, file_path, tags) VALUES (new.id, new.title, new.file_path, new.tags);
END;
CREATE TRIGGER asset_search_removed AFTER DELETE ON media_assets WHEN old.deleted_at IS NULL BEGIN
    INSERT INTO asset_search (asset_search, rowid, title, file_path, tags)
        VALUES ('delete', old.id, old.title, old.file_path, old.tags);
END;
-- One trigger and not two: the old words have to go before the new ones come.
CREATE TRIGGER asset_search_changed AFTER UPDATE OF title, file_path, tags, deleted_at ON media_assets
    WHEN new.title IS NOT old.title OR new.file_path IS NOT old.file_path OR new.tags IS NOT old.tags
        OR (new.deleted_at IS NULL) <> (old.deleted_at IS NULL) BEGIN
    INSERT INTO asset_search (asset_search, rowid, title, file_path, tags)
        SELECT 'delete', old.id, old.title, old.file_path, old.tags WHERE old.deleted_at IS NULL;
    INSERT INTO asset_search (rowid, title, file_path, tags)
        SELECT new.id, new.title, new.file_path, new.tags WHERE new.deleted_at IS NULL;
END;
