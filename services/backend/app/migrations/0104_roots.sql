-- Further media folders (C3). Their files' paths begin with "@name/", so file_path stays unique over all roots.
ALTER TABLE roots ADD COLUMN name TEXT;                    -- of ALLOWED_DIRS; NULL is MEDIA_PATH
CREATE UNIQUE INDEX idx_roots_name ON roots(name);

CREATE TRIGGER media_assets_root AFTER INSERT ON media_assets WHEN NEW.file_path GLOB '@*/*'
BEGIN
    UPDATE media_assets SET root_id = ifnull(
        (SELECT id FROM roots WHERE name = substr(NEW.file_path, 2, instr(NEW.file_path, '/') - 2)), 1)
    WHERE id = NEW.id;
END;
