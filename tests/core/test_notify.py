"""What services say of themselves: readiness, status, reloads, and time that they ask for."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.model import NotifyProbe, Probe, RestartPolicy, Stop
from tests.core.history import play, with_changes
from tests.core.stacks import LIVE, NEVER, NOTIFY, WATCHED, external, service, stack

APP = stack(service("app", ready=NOTIFY))
STARTING = """
    up app       -> app starting | spawn app
    spawned app  ->              | timer app start 30
"""
RUNNING = STARTING + "says app READY=1 -> app ready \n"


# Readiness ----------------------------------------------------------------------------------------------------------


def test_a_service_that_speaks_is_not_asked_and_is_ready_when_it_says_so():
    history = play(
        stack(service("app", ready=NOTIFY), service("web", "app")),
        """
        up web            -> app starting, web waiting | spawn app
        spawned app       ->
        says app STATUS=loading ->
        says app READY=1  -> app ready, web starting | spawn web
        """,
    )
    assert history.said("started") == [("app", "started")]
    assert not history.hands.probes


def test_its_live_probe_is_asked_all_the_same():
    play(stack(service("app", ready=NOTIFY, live=LIVE)), STARTING + "says app READY=1 -> app ready | watch app live")


def test_a_word_before_the_spawn_is_known_or_after_the_end_changes_nothing():
    play(
        APP,
        """
        up app            -> app starting | spawn app
        says app READY=1  ->
        spawned app       ->
        exit app 1        -> app stopping | clean app
        says app READY=1 STATUS=dying ->
        empty app         -> app backoff
        says app READY=1  ->
        """,
    )


def test_a_late_word_of_the_last_incarnation_does_not_make_the_next_one_ready():
    play(
        APP,
        STARTING
        + """
        ends app 1     -> app backoff  | clean app
        wait 0.5       -> app starting | spawn app
        spawned app    ->
        late says app  ->
        says app READY=1 -> app ready
        """,
    )


def test_a_service_whose_manifest_does_not_say_so_is_not_heard():
    play(stack(service("app")), "up app -> app starting | spawn app \n spawned app -> \n says app READY=1 ->")


def test_an_attached_external_is_not_heard_but_one_that_we_spawned_is():
    manifest = stack(external("lm", spawned=service("lm", ready=NOTIFY)))
    attached = play(manifest, "up lm -> lm starting | look lm \n found lm -> lm ready \n says lm STATUS=x ->")
    assert attached["lm"].detail is None
    play(
        manifest,
        """
        up lm            -> lm starting | look lm
        nobody lm        -> lm starting | spawn lm
        spawned lm       ->
        says lm READY=1  -> lm ready
        """,
    )


def test_who_starts_to_speak_or_speaks_otherwise_needs_a_new_process():
    silent, watched = stack(service("app")), stack(service("app", ready=WATCHED))
    play(
        APP,
        RUNNING + "reload watched -> app stopping/changed_on_disk | TERM app",
        watched=watched,
    )
    play(APP, RUNNING + "reload silent -> app stopping/changed_on_disk | TERM app", silent=silent)


def test_other_keys_of_one_that_speaks_apply_in_place():
    later = with_changes(APP, app={"start_timeout": 5.0, "live": LIVE})
    play(APP, STARTING + "reload later -> | timer app start 5 \n says app READY=1 -> app ready", later=later)
    play(APP, RUNNING + "reload later -> | watch app live", later=later)


# Status -------------------------------------------------------------------------------------------------------------


def test_a_status_is_shown_while_it_starts_and_while_it_is_ready():
    history = play(APP, STARTING + "says app STATUS=loading ->")
    assert history["app"].detail == "loading"
    history.play("says app READY=1 STATUS=serving -> app ready")
    assert history["app"].detail == "serving"
    history.play("says app STATUS= ->")
    assert history["app"].detail is None


def test_a_status_from_before_it_was_ready_says_nothing_about_now():
    history = play(APP, STARTING + "says app STATUS=loading -> \n says app READY=1 -> app ready")
    assert history["app"].detail is None


def test_a_status_while_it_stops_does_not_hide_why():
    manifest = stack(service("app", ready=NOTIFY, live=LIVE))
    history = play(
        manifest,
        RUNNING + "dead app -> \n dead app -> \n dead app -> app stopping | TERM app \n says app STATUS=draining ->",
    )
    assert history["app"].detail == "the live probe failed 3 times: answered 503"
    history = play(APP, RUNNING + "stop app -> app stopping | TERM app \n says app STATUS=draining ->")
    assert history["app"].detail == "draining"


# Reloads and ends ---------------------------------------------------------------------------------------------------


def test_a_service_that_reloads_stays_ready_and_says_so():
    history = play(APP, RUNNING + "says app RELOADING=1 ->")
    assert history["app"].detail == "reloading"
    history.play("says app READY=1 ->")
    assert history["app"].detail is None
    history.play("says app RELOADING=1 STATUS=new_rules ->")
    assert history["app"].detail == "new_rules"
    assert history.said("started") == [("app", "started")]


def test_reloading_and_stopping_mean_nothing_before_it_is_ready():
    play(APP, STARTING + "says app RELOADING=1 -> \n says app STOPPING=1 ->")


def test_a_service_that_stops_by_itself_is_unhealthy_until_it_has_ended():
    history = play(
        stack(service("app", ready=NOTIFY)),
        RUNNING
        + """
        says app STOPPING=1 STATUS=worn_out -> app unhealthy | timer app grace 10
        wait 9              ->
        """,
    )
    assert history["app"].detail == "it says that it is stopping: worn_out"
    history.play("ends app 0 -> app completed | clean app")


def test_one_that_says_that_it_stops_and_does_not_is_killed():
    play(
        APP,
        RUNNING
        + """
        says app STOPPING=1 -> app unhealthy
        says app STOPPING=1 ->
        wait 10             -> | KILL app
        killed app 9        -> app stopping/killed | clean app
        empty app           -> app backoff
        """,
    )


def test_one_that_stops_may_think_better_of_it():
    history = play(APP, RUNNING + "says app STOPPING=1 -> app unhealthy \n says app READY=1 -> app ready \n wait 60 ->")
    assert history.said("unhealthy", "healthy") == [("app", "unhealthy"), ("app", "healthy")]


def test_a_reload_of_the_manifest_does_not_make_one_ready_that_stops():
    later = with_changes(APP, app={"live": LIVE})
    play(APP, RUNNING + "says app STOPPING=1 -> app unhealthy \n reload later -> | watch app live", later=later)


def test_the_operator_can_stop_one_that_stops_by_itself():
    play(APP, RUNNING + "says app STOPPING=1 -> app unhealthy \n stop app -> app stopping/by_operator | TERM app")


# More time ----------------------------------------------------------------------------------------------------------


def test_a_start_without_a_word_fails_and_says_what_was_missing():
    history = play(APP, STARTING + "wait 30 -> app stopping/start_timeout | TERM app")
    assert history["app"].detail == (
        "not ready after 30 s: no READY=1 came over NOTIFY_SOCKET; does it call sd_notify?"
    )


def test_a_start_that_ends_in_a_status_tells_it():
    history = play(APP, STARTING + "says app STATUS=waiting_for_db -> \n wait 30 -> app stopping | TERM app")
    assert str(history["app"].detail).endswith("does it call sd_notify? (its status: waiting_for_db)")


def test_a_start_without_a_line_names_the_descriptor():
    manifest = stack(service("app", ready=Probe(NotifyProbe(fd=3)), restart=NEVER))
    history = play(manifest, STARTING + "wait 30 -> app stopping | TERM app \n stops app -> app failed | clean app")
    assert history["app"].detail == "not ready after 30 s: no line came on descriptor 3"


def test_a_start_that_asks_for_time_again_and_again_gets_it():
    play(
        APP,
        STARTING
        + """
        wait 25             ->
        says app EXTEND=20  ->
        wait 15             -> | timer app start 15
        says app EXTEND=20  ->
        wait 19             -> | timer app start 15
        says app READY=1    -> app ready
        """,
    )


def test_a_start_that_asks_once_and_then_no_more_fails_when_that_time_is_up():
    history = play(
        APP,
        STARTING
        + "wait 25 -> \n says app EXTEND=20 -> \n wait 19.9 -> \n wait 0.2 -> app stopping/start_timeout | TERM app",
    )
    assert str(history["app"].detail).startswith("not ready after 30 s and the time that it asked for: no READY=1")


def test_asking_for_less_than_there_is_takes_nothing_away():
    play(APP, STARTING + "says app EXTEND=1 -> \n wait 29 -> \n wait 1 -> app stopping/start_timeout | TERM app")
    play(
        APP,
        STARTING
        + """
        says app EXTEND=60  ->
        says app EXTEND=1   ->
        wait 59             -> | timer app start 30
        wait 1              -> app stopping | TERM app
        """,
    )


def test_a_stop_that_asks_for_time_gets_it_and_ends_well():
    play(
        APP,
        RUNNING
        + """
        stop app            -> app stopping | TERM app, timer app grace 10
        says app EXTEND=30  ->
        wait 25             -> | timer app grace 20
        stops app           -> app stopped | clean app
        """,
    )


def test_a_stop_that_asks_once_and_then_no_more_is_killed_when_that_time_is_up():
    history = play(
        APP,
        RUNNING
        + """
        stop app            -> app stopping | TERM app
        wait 9              ->
        says app EXTEND=5   ->
        wait 4.9            ->
        wait 0.2            -> | KILL app
        """,
    )
    said = [said.data["detail"] for said in history.hands.said if said.kind == "warning"]
    assert said == ["did not stop within 10 s and the time that it asked for, so it is killed"]


def test_time_asked_for_while_it_starts_does_not_lengthen_the_stop():
    play(APP, STARTING + "says app EXTEND=1000 -> \n stop app -> app stopping | TERM app \n wait 10 -> | KILL app")


def test_a_second_stop_by_force_waits_for_nothing_that_was_asked_for():
    play(APP, RUNNING + "down -> app stopping | TERM app \n says app EXTEND=1000 -> \n kill -> | KILL app")


def test_one_that_stops_by_itself_may_ask_for_time_too():
    manifest = stack(service("app", ready=NOTIFY, stop=Stop(grace=1.0)))
    play(
        manifest,
        RUNNING
        + """
        says app STOPPING=1 EXTEND=20 -> app unhealthy | timer app grace 1
        wait 19                       ->               | timer app grace 19
        wait 1                        ->               | KILL app
        """,
    )


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_a_service_without_a_start_timeout_may_ask_for_time_in_vain(timeout):
    manifest = stack(service("app", ready=NOTIFY, start_timeout=timeout, restart=RestartPolicy(delay=0)))
    play(manifest, "up app -> app starting | spawn app \n spawned app -> \n says app EXTEND=60 -> \n wait 59 ->")
