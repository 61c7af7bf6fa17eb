from mamctl.core.manifest.hooks import MOMENTS, Hook, Moment
from mamctl.core.manifest.render import render

from .reading import read, service


def hooks(written, **keys):
    return dict(service(hooks={"on_ready": written}, **keys).hooks).get(Moment.READY, ())


def test_a_command_is_a_text_or_a_list_of_words():
    assert hooks("say 'it is ready'") == (Hook(("say", "it is ready")),)
    assert hooks(["say", "ready", 1]) == (Hook(("say", "ready", "1")),)


def test_a_list_with_a_map_or_a_list_in_it_is_a_list_of_hooks():
    assert hooks([["say", "a"], "say b", {"exec": "say c"}]) == (
        Hook(("say", "a")),
        Hook(("say", "b")),
        Hook(("say", "c")),
    )


def test_a_webhook_has_a_url_and_each_hook_its_own_time():
    assert hooks({"webhook": "http://127.0.0.1:9/x", "timeout": "3s"}) == (
        Hook(url="http://127.0.0.1:9/x", timeout=3.0),
    )
    assert hooks("say it")[0].timeout == 10.0


def test_references_are_told_in_commands_and_webhooks():
    written = [{"exec": ["say", "${services.a.url}"]}, {"webhook": "${services.a.url}/hook"}]
    assert hooks(written, port=5001) == (Hook(("say", "http://127.0.0.1:5001")), Hook(url="http://127.0.0.1:5001/hook"))


def test_no_hooks_are_no_hooks():
    assert hooks([]) == ()
    assert service().hooks == {}


def test_what_a_service_says_of_a_moment_replaces_what_the_defaults_say():
    tree = {
        "defaults": {"hooks": {"on_failure": {"webhook": "http://h/"}, "on_stop": "say bye"}},
        "services": {
            "a": {"command": ["run"], "hooks": {"on_failure": ["say", "no"], "on_stop": None}},
            "b": {"command": ["run"]},
        },
    }
    services = read(tree).manifest.services
    assert services["a"].hooks == {Moment.FAILURE: (Hook(("say", "no")),)}
    assert services["b"].hooks == {Moment.FAILURE: (Hook(url="http://h/"),), Moment.STOP: (Hook(("say", "bye")),)}


def test_hooks_of_an_external_service_are_not_those_of_its_spawned_self():
    tree = {
        "services": {
            "e": {
                "kind": "external",
                "identify": {"tcp": "h:1"},
                "hooks": {"on_ready": "say it"},
                "acquire": [{"spawn": {"command": ["run"]}}],
            }
        }
    }
    spec = read(tree).manifest.services["e"]
    assert spec.hooks
    assert spec.external.spawned.hooks == {}


def test_every_moment_is_one_type_of_event_and_no_warning_is_a_moment():
    assert set(MOMENTS.values()) == set(Moment)
    assert len(MOMENTS) == len(Moment)
    assert not {"warning", "error", "info"} & MOMENTS.keys()


def test_secrets_are_masked_in_what_is_printed_of_hooks():
    tree = {
        "services": {
            "a": {
                "command": ["run"],
                "env": {"KEY": "hunter22"},
                "secrets": ["KEY"],
                "hooks": {"on_ready": {"webhook": "http://h/hunter22"}},
            }
        }
    }
    shown = render(read(tree).manifest)["services"]["a"]["hooks"]
    assert shown == {"on_ready": [{"webhook": "http://h/********", "timeout": "10s"}]}
