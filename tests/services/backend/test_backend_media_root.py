import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend.app.services import media_root
from services.backend.app.services.beneath import NoOpenat2
from services.backend.app.services.media_root import MediaRoot, PathRejected, checked_path


@pytest.fixture(params=["kernel", "steps"])
def root(tmp_path, request, monkeypatch):
    """A media folder, opened by openat2 and, as on a system without it, step by step."""
    if request.param == "steps":
        monkeypatch.setattr(media_root, "open_beneath", no_openat2)
    (tmp_path / "media" / "trips").mkdir(parents=True)
    (tmp_path / "media" / "trips" / "a.jpg").write_bytes(b"inside")
    (tmp_path / "secret.jpg").write_bytes(b"outside")
    return MediaRoot(tmp_path / "media")


def no_openat2(*_arguments):
    raise NoOpenat2(errno.ENOSYS, "not here")


def verdict_on(path: str) -> str | None:
    try:
        checked_path(path)
    except PathRejected as error:
        return str(error)
    return None


def content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../secret.jpg",
        "trips/../../secret.jpg",
        "trips/..",
        "./a.jpg",
        "trips//a.jpg",
        "trips/",
        "trips\\a.jpg",
        "C:/a.jpg",
        "c:a.jpg",
        "a.jpg\0.png",
        "a\n.jpg",
        "a\x7f.jpg",
        "\ud800.jpg",
        "x" * 1025,
    ],
)
def test_a_path_that_is_not_plain_and_relative_is_refused_as_text(path):
    with pytest.raises(PathRejected):
        checked_path(path)


@given(st.text(max_size=60))
def test_what_is_accepted_stays_beneath_the_folder_and_what_is_refused_is_not_repeated(path):
    verdict = verdict_on(path)
    if verdict is None:
        assert os.path.normpath(os.path.join("/media", path)).startswith("/media/")
    else:
        assert len(path) < 12 or path not in verdict


def test_a_file_inside_is_opened(root):
    assert content(root.open("trips/a.jpg")) == b"inside"


def test_a_link_inside_the_folder_is_followed(root):
    (root.folder / "link.jpg").symlink_to("trips/a.jpg")
    assert content(root.open("link.jpg")) == b"inside"


def test_a_linked_media_folder_works(root, tmp_path):
    (tmp_path / "linked").symlink_to(root.folder)
    assert content(MediaRoot(tmp_path / "linked").open("trips/a.jpg")) == b"inside"


@pytest.mark.parametrize("target", ["../secret.jpg", "/etc/hostname"])
def test_a_link_that_leads_out_is_refused(root, target):
    (root.folder / "link.jpg").symlink_to(target)
    with pytest.raises(PathRejected, match="out of the media folder"):
        root.open("link.jpg")


def test_a_folder_that_links_out_is_refused(root):
    (root.folder / "up").symlink_to("..")
    with pytest.raises(PathRejected):
        root.open("up/secret.jpg")


def test_a_sibling_that_begins_alike_is_outside(root, tmp_path):
    (tmp_path / "media-private").mkdir()
    (tmp_path / "media-private" / "b.jpg").write_bytes(b"outside")
    (root.folder / "link.jpg").symlink_to("../media-private/b.jpg")
    with pytest.raises(PathRejected):
        root.open("link.jpg")


def test_a_link_to_itself_is_refused_and_does_not_hang(root):
    (root.folder / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(PathRejected):
        root.open("loop.jpg")


def test_a_folder_or_a_fifo_is_no_regular_file(root):
    os.mkfifo(root.folder / "pipe.jpg")
    for path in ("trips", "pipe.jpg"):
        with pytest.raises(PathRejected, match="regular file"):
            root.open(path)


@pytest.mark.parametrize("path", ["none.jpg", "none/a.jpg", "trips/a.jpg/b.jpg"])
def test_what_is_not_there_is_a_file_not_found(root, path):
    with pytest.raises(FileNotFoundError):
        root.open(path)


def test_a_name_longer_than_the_file_system_takes_is_refused(root):
    with pytest.raises(PathRejected):
        root.open("x" * 300 + ".jpg")


def test_no_descriptor_is_left_open(root):
    (root.folder / "up").symlink_to("..")
    before = len(os.listdir("/dev/fd"))
    for path in ("none.jpg", "trips", "up/secret.jpg", "trips/a.jpg/b.jpg"):
        with pytest.raises((PathRejected, FileNotFoundError)):
            root.open(path)
    os.close(root.open("trips/a.jpg"))
    assert len(os.listdir("/dev/fd")) == before


def test_a_missing_folder_is_not_readable(tmp_path):
    assert not MediaRoot(tmp_path / "gone").is_readable()


def test_a_folder_of_which_the_system_only_knows_an_error_is_not_readable():
    # As with a network disk that went (ESTALE): looking raises what is not "there is none".
    assert not MediaRoot(Path("/" + "x" * 5000)).is_readable()
