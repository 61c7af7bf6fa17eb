-- That an asset came into the library or left it, beside the processing_update that says where it stands. The rows go
-- into the table of 0100, which exists by the time that anything can change.
CREATE TRIGGER asset_told_created AFTER INSERT ON media_assets WHEN new.deleted_at IS NULL BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('asset_created', new.id, new.status, new.rev);
END;
CREATE TRIGGER asset_told_restored AFTER UPDATE OF deleted_at ON media_assets
    WHEN new.deleted_at IS NULL AND old.deleted_at IS NOT NULL BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('asset_created', new.id, new.status, new.rev);
END;
CREATE TRIGGER asset_told_trashed AFTER UPDATE OF deleted_at ON media_assets
    WHEN new.deleted_at IS NOT NULL AND old.deleted_at IS NULL BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('asset_deleted', new.id, 'deleted', new.rev);
END;
CREATE TRIGGER asset_told_removed AFTER DELETE ON media_assets WHEN old.deleted_at IS NULL BEGIN
    INSERT INTO events (type, asset_id, status, rev) VALUES ('asset_deleted', old.id, 'deleted', old.rev + 1);
END;
