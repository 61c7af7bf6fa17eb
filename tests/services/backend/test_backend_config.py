from pathlib import Path

import pytest

from services.backend.app.config import REPOSITORY_ROOT, Config, ConfigError


def test_without_any_variable_the_defaults_of_the_seeds_hold():
    config = Config.from_environment({})
    assert (config.host, config.port, config.api_prefix) == ("127.0.0.1", 5001, "/api/v1")
    assert config.database_path == REPOSITORY_ROOT / "data" / "mam.db"
    assert config.media_base_path == REPOSITORY_ROOT / "media"
    assert config.frontend_origins == {"http://127.0.0.1:3001", "http://localhost:3001"}


def test_relative_folders_start_at_the_repository_and_not_at_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = Config.from_environment({"DATA_DIR": "./var/data", "MEDIA_PATH": "pictures"})
    assert config.data_dir == REPOSITORY_ROOT / "var" / "data"
    assert config.media_base_path == REPOSITORY_ROOT / "pictures"


def test_absolute_folders_stay_and_thumbnails_lie_beneath_the_data(tmp_path):
    config = Config.from_environment({"DATA_DIR": str(tmp_path)})
    assert config.thumbnail_dir == tmp_path / "thumbnails"


def test_media_base_path_is_another_name_of_media_path():
    assert Config.from_environment({"MEDIA_BASE_PATH": "/m"}).media_base_path == Path("/m")
    assert Config.from_environment({"MEDIA_BASE_PATH": "/m", "MEDIA_PATH": "/n"}).media_base_path == Path("/n")


def test_an_empty_variable_means_the_default():
    assert Config.from_environment({"PORT": "", "DATA_DIR": ""}).port == 5001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("HOST", "0.0.0.0"),
        ("API_TOKEN", "short"),
        ("API_TOKEN", "with a space in it, and long enough"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "media.example.org:5001"),
        ("HOST", "192.168.0.7"),
        ("HOST", "example.org"),
        ("API_PREFIX", "api"),
        ("API_PREFIX", "/api/"),
        ("FRONTEND_ORIGIN", "*"),
        ("FRONTEND_ORIGIN", "null"),
        ("FRONTEND_ORIGIN", "http://a:1/page"),
        ("MEDIA_SAMPLES", "maybe"),
        ("SCAN_INTERVAL", "soon"),
        ("MEDIA_TYPES_EXTRA", ".raw"),
        ("ALLOWED_DIRS", "media/inner"),
        ("ALLOWED_DIRS", "/"),
        ("ALLOWED_DIRS", "a=/x,b=/x/y"),
        ("ALLOWED_DIRS", "a=/x,a=/y"),
        ("ALLOWED_DIRS", "A b=/x"),
        ("ALLOWED_DIRS", "a=/x\0"),
        ("ALLOWED_DIRS", "a=x/../media"),
        ("DATA_DIR", "a\0b"),
        ("DATA_DIR", "media"),
        ("DATA_DIR", "media/data"),
        ("DATA_DIR", "x/../media/data"),
    ],
)
def test_a_bad_value_is_refused_and_its_variable_named(name, value):
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


def test_thumbnails_may_not_lie_where_a_scan_finds_them():
    with pytest.raises(ConfigError, match="begins with a dot"):
        Config.from_environment({"ALLOWED_DIRS": "a=/mnt/a", "DATA_DIR": "/mnt/a/data"})
    assert Config.from_environment({"DATA_DIR": "media/.mam/data"}).data_dir == REPOSITORY_ROOT / "media/.mam/data"


def test_a_home_folder_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="no such user"):
        Config.from_environment({"DATA_DIR": "~nobody-is-called-so/data"})


def test_the_debug_variables_of_the_seeds_only_mean_to_log_more():
    assert Config.from_environment({"FLASK_DEBUG": "1"}).debug
    assert Config.from_environment({"FLASK_ENV": "development"}).debug
    assert not Config.from_environment({"FLASK_ENV": "development", "FLASK_DEBUG": "0"}).debug


def test_localhost_is_bound_as_the_address_it_means():
    assert Config.from_environment({"HOST": "localhost"}).host == "127.0.0.1"
    assert Config.from_environment({"HOST": "::1"}).host == "::1"


def test_origins_lose_a_trailing_slash():
    assert Config.from_environment({"FRONTEND_ORIGIN": "http://a:1/, http://b:2"}).frontend_origins == {
        "http://a:1",
        "http://b:2",
    }


def test_further_types_are_named_with_or_without_a_dot():
    config = Config.from_environment({"MEDIA_TYPES_EXTRA": ".webp, MKV jpg"})
    assert config.media_types_extra == {".webp", ".mkv"}


def test_further_folders_have_a_name_or_are_called_as_they_are():
    config = Config.from_environment({"ALLOWED_DIRS": "archive=/mnt/old, /srv/Trips"})
    assert config.further_roots == {"archive": Path("/mnt/old"), "trips": Path("/srv/Trips")}


def test_others_may_be_let_in_with_a_token_which_is_not_shown():
    token = "0123456789abcdef01234567"
    config = Config.from_environment({"HOST": "0.0.0.0", "API_TOKEN": token, "ALLOWED_HOSTS": "Media.lan, nas"})
    assert (config.host, config.api_token, config.allowed_hosts) == ("0.0.0.0", token, {"media.lan", "nas"})
    assert token not in repr(config)
