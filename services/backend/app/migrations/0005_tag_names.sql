-- A tag that gets another name: the copies of the name follow.
CREATE TRIGGER tag_renamed AFTER UPDATE OF name ON tags WHEN new.name IS NOT old.name BEGIN
    UPDATE media_assets SET tags = (SELECT json_group_array(name) FROM (SELECT t.name FROM tags t
        JOIN asset_tags a ON a.tag_id = t.id WHERE a.asset_id = media_assets.id ORDER BY t.name))
    WHERE id IN (SELECT asset_id FROM asset_tags WHERE tag_id = new.id);
END;
