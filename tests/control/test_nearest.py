import os

import pytest

from mamctl.control.place import nearest


@pytest.mark.parametrize("name", ["services.yaml", "services.yml", "services.toml"])
def test_a_manifest_is_found_from_its_folder_upward(tmp_path, name):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / name).touch()
    assert nearest(str(below)) == str(tmp_path / name)


def test_the_nearest_manifest_wins(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "services.yaml").touch()
    (tmp_path / "a" / "services.toml").touch()
    assert nearest(str(tmp_path / "a")) == str(tmp_path / "a" / "services.toml")


def test_a_folder_of_that_name_is_no_manifest(tmp_path):
    (tmp_path / "services.yaml").mkdir()
    assert nearest(str(tmp_path)) != str(tmp_path / "services.yaml")


def test_a_relative_start_is_taken_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "services.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert nearest(os.curdir) == str(tmp_path / "services.yaml")


def test_nothing_is_found_where_nothing_is():
    assert nearest("/proc/self") is None
