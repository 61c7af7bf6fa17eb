import os

import pytest

from services.backend.app.services.thumbnail_store import ThumbnailStore


@pytest.fixture
def store(tmp_path):
    return ThumbnailStore(tmp_path)


def test_the_same_picture_has_the_same_name(store):
    assert store.put(b"one") == store.put(b"one") != store.put(b"two")


def test_a_thumbnail_lies_two_folders_deep_and_is_read_back(store, tmp_path):
    key = store.put(b"one")
    assert (tmp_path / key[:2] / key[2:4] / f"{key}.jpg").read_bytes() == b"one"
    with os.fdopen(store.open(key), "rb") as file:
        assert file.read() == b"one"


@pytest.mark.parametrize("key", ["", "..", "../../mam.db", "A" * 32, "0" * 31, "0" * 32])
def test_what_is_no_name_of_a_thumbnail_is_not_found(store, key):
    with pytest.raises(FileNotFoundError):
        store.open(key)


def test_only_old_files_that_nobody_uses_are_removed(store, tmp_path):
    used, unused, young = (store.put(content) for content in (b"used", b"unused", b"young"))
    part = tmp_path / "aa" / "bb" / "x.1.part"
    part.parent.mkdir(parents=True)
    part.touch()
    for path in tmp_path.glob("??/??/*"):
        if path.stem != young:
            os.utime(path, (1, 1))
    assert store.remove_unused({used}, older_than_s=60) == 2
    assert {path.stem for path in tmp_path.glob("??/??/*")} == {used, young}
    assert not part.exists()
    assert unused
