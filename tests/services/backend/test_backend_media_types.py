import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend.app.services.media_types import (
    MAX_TITLE,
    MEDIA_TYPES,
    OPTIONAL_TYPES,
    clean_title,
    media_type_of,
    mismatch,
    support,
    supported_types,
    title_of,
)


@pytest.mark.parametrize(
    ("path", "mime_type"),
    [
        ("a.mp4", "video/mp4"),
        ("a.MOV", "video/quicktime"),
        ("x/y.avi", "video/x-msvideo"),
        ("a.b.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.GIF", "image/gif"),
    ],
)
def test_the_extension_names_the_type_in_any_case(path, mime_type):
    assert media_type_of(path).mime_type == mime_type


@pytest.mark.parametrize("path", ["a.txt", "a", "jpg", ".jpg", "a.jpg.exe", "a.svg", "a.mp4/x"])
def test_other_files_have_no_type(path):
    assert media_type_of(path) is None


HEADS = {
    ".jpg": b"\xff\xd8\xff\xe0" + b"\0" * 12,
    ".png": b"\x89PNG\r\n\x1a\n" + b"\0" * 8,
    ".gif": b"GIF89a" + b"\0" * 10,
    ".mp4": b"\0\0\0\x20ftypisom" + b"\0" * 4,
    ".avi": b"RIFF\n\n\n\nAVI LIST",
}


@pytest.mark.parametrize("suffix", HEADS)
def test_only_its_own_signature_fits_a_type(suffix):
    fitting = [other for other, head in HEADS.items() if mismatch(MEDIA_TYPES[suffix], head) is None]
    assert fitting == [suffix]


def test_an_empty_file_is_named_as_such():
    assert mismatch(MEDIA_TYPES[".jpg"], b"") == "the file is empty"


def test_a_playlist_that_calls_itself_a_video_does_not_fit():
    assert mismatch(MEDIA_TYPES[".mp4"], b"#EXTM3U\n#EXTINF:") is not None


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("trips/city_at-night.mp4", "City at night"),
        ("élan.jpg", "Élan"),
        ("IMG_0001.JPG", "IMG 0001"),
        ("___.png", "___"),
    ],
)
def test_a_file_without_a_title_is_named_by_its_path(path, title):
    assert title_of(path) == title


@given(st.text())
def test_a_title_is_one_bounded_line_without_marks_that_lie(text):
    title = clean_title(text)
    assert len(title) <= MAX_TITLE
    assert title == title.strip()
    assert not set(title) & set("\n\r\t\0\u202e\u2028\ufeff")
    assert clean_title(title) == title


@pytest.fixture
def _only_the_usual_afterwards():
    yield
    support(())


@pytest.mark.usefixtures("_only_the_usual_afterwards")
def test_a_type_that_was_not_asked_for_stays_unknown():
    support({".webp"})
    assert media_type_of("a.WebP").mime_type == "image/webp"
    assert media_type_of("a.mkv") is None
    assert ".webp" in supported_types()
    support(())
    assert media_type_of("a.webp") is None


def test_a_wave_file_is_no_webp_and_a_video_no_avif():
    assert mismatch(OPTIONAL_TYPES[".webp"], b"RIFF\0\0\0\0WAVEfmt ") is not None
    assert mismatch(OPTIONAL_TYPES[".avif"], HEADS[".mp4"]) is not None
