"""Units of systemd as they lie in a folder of a distribution: masked, aliased, with nothing to start, with escapes."""

from __future__ import annotations

import pytest
import yaml

from mamctl.core.errors import ManifestError, UsageError
from tests.convert.imports import imported

WEB = "[Service]\nExecStart=/bin/web\n"


def units_of(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.service").write_text(text)
    return sorted(folder.glob("*.service"))


def services_of(result):
    return yaml.safe_load(result.text)["services"]


def told(result, word):
    return [note.message for note in result.notes if word in note.file]


def test_a_masked_unit_is_left_out_and_the_others_are_imported(tmp_path):
    (tmp_path / "old.service").symlink_to("/dev/null")
    result = imported(*units_of(tmp_path, web=WEB))
    assert list(services_of(result)) == ["web"]
    assert told(result, "old.service") == ["is masked: a link to /dev/null, which systemd never starts"]


def test_a_masked_unit_alone_is_refused_for_that(tmp_path):
    (tmp_path / "old.service").symlink_to("/dev/null")
    with pytest.raises(UsageError, match=r"old\.service: is masked"):
        imported(tmp_path / "old.service")


@pytest.mark.parametrize("idle", ["[Unit]\nSuccessAction=exit\n", "[Service]\nType=oneshot\nExecStop=/bin/true\n"])
def test_a_unit_that_starts_nothing_is_left_out_and_alone_refused(tmp_path, idle):
    paths = units_of(tmp_path, idle=idle, web=WEB)
    result = imported(*paths)
    assert list(services_of(result)) == ["web"]
    assert "there is no" in told(result, "idle.service")[0]
    with pytest.raises(ManifestError) as refused:
        imported(paths[0])
    assert len(refused.value.problems) == 1


def test_of_several_broken_units_all_that_is_wrong_is_told(tmp_path):
    with pytest.raises(ManifestError) as refused:
        imported(*units_of(tmp_path, a="nonsense\n", b="[Service]\nmore nonsense\n", web=WEB))
    assert [problem.file.rpartition("/")[2] for problem in refused.value.problems] == ["a.service", "b.service"]


def test_a_link_to_another_unit_is_another_name_of_it(tmp_path):
    (tmp_path / "alias.service").symlink_to("web.service")
    paths = units_of(tmp_path, web=WEB, job=f"[Unit]\nRequires=alias.service\n{WEB}")
    result = imported(*paths)
    assert sorted(services_of(result)) == ["job", "web"]
    assert services_of(result)["job"]["depends_on"] == {"web": {"required": True}}
    assert told(result, "alias.service") == ["is another name of web.service"]


def test_what_a_drop_in_says_is_told_at_its_service_with_its_file(tmp_path):
    (tmp_path / "web.service.d").mkdir()
    (tmp_path / "web.service.d" / "more.conf").write_text("[Service]\nCPUQuota=20%\n")
    text = imported(*units_of(tmp_path, web=WEB)).text
    assert "\n  # left out: Service.CPUQuota (" in text
    assert "more.conf, line 2): has no counterpart here" in text


def test_a_masked_drop_in_does_not_count(tmp_path):
    (tmp_path / "web.service.d").mkdir()
    (tmp_path / "web.service.d" / "none.conf").symlink_to("/dev/null")
    assert list(services_of(imported(*units_of(tmp_path, web=WEB)))) == ["web"]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (r"/bin/sh -c 'printf \"a\\nb\"'", ["/bin/sh", "-c", r'printf "a\nb"']),
        (r"/sbin/agetty -o '-p -- \\u' tty1", ["/sbin/agetty", "-o", r"-p -- \u", "tty1"]),
        (r"/bin/echo a\sb 'tab\there' \x41\102 \xc3\xa4 \u00e4", ["/bin/echo", "a b", "tab\there", "AB", "ä", "ä"]),
        (r"/bin/grep \d+ 'a\.b'", ["/bin/grep", r"\d+", r"a\.b"]),
        (r"""/bin/echo it"'"s '' \;""", ["/bin/echo", "it's", "", ";"]),
    ],
)
def test_a_line_is_split_into_words_as_systemd_does_it(tmp_path, line, command):
    services = services_of(imported(*units_of(tmp_path, web=f"[Service]\nExecStart={line}\n")))
    assert services["web"]["command"] == command


@pytest.mark.parametrize("word", [r"\x00", r"\400", r"\xff", r"\ud800", r"\U00110000", "'open"])
def test_a_line_with_an_escape_that_is_no_text_is_refused_with_its_reason(tmp_path, word):
    with pytest.raises(ManifestError) as refused:
        imported(*units_of(tmp_path, web=f"[Service]\nExecStart=/bin/web {word}\nNoNewPrivileges=yes\n"))
    messages = [problem.message for problem in refused.value.problems]
    assert any("escape" in one or "quote" in one for one in messages)
    assert not any("NoNewPrivileges" in one for one in messages)


def test_of_several_lines_one_that_may_fail_does_not_stop_the_others(tmp_path):
    text = "[Service]\nType=oneshot\nExecStart=-/bin/false\nExecStart=-@/bin/echo name b\n"
    result = imported(*units_of(tmp_path, job=text))
    assert services_of(result)["job"]["command"] == "{ /bin/false || true; } && { /bin/echo b || true; }"
    assert told(result, "job.service") == ["the name that the program is told is its own"]


@pytest.mark.parametrize(("word", "why"), [("idle", "it is started at once"), ("smiple", "is no type that is known")])
def test_a_type_that_means_something_else_here_is_told(tmp_path, word, why):
    result = imported(*units_of(tmp_path, web=f"{WEB}Type={word}\n"))
    assert any(why in message for message in told(result, "web.service"))


def test_many_units_are_counted_in_the_first_line(tmp_path):
    result = imported(*units_of(tmp_path, a=WEB, b=WEB, c=WEB, d=WEB))
    assert "a.service and 3 others." in result.text.split("\n")[0]


def test_an_empty_delay_of_restarts_sets_nothing(tmp_path):
    result = imported(*units_of(tmp_path, web=f"{WEB}RestartSec=\n"))
    assert services_of(result)["web"]["restart"] == "never"
