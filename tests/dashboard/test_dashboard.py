"""The dashboard in a real browser: it shows what is, does what its buttons say, and believes no service."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.dashboard.conftest import begin, link
from tests.runtime.stack import lives
from tests.scripted import eventually
from tests.system.supervised import supervised

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.dashboard.conftest import Window
    from tests.system.supervised import Folder

pytestmark = pytest.mark.system

VIEWS = ("services", "service/api", "logs", "events", "charts", "graph")
# The longest time for which one piece of work may hold the page up, on two cores that others use too.
LONGEST_TASK_MS = 400


def go(page: Any, view: str) -> None:
    """Show another view."""
    page.evaluate("view => { location.hash = `#/${view}` }", view)


def row(name: str) -> str:
    return f'tr[data-service="{name}"]'


def state_of(page: Any, name: str, state: str) -> None:
    """Wait until a service is shown in a state."""
    page.wait_for_selector(f'{row(name)}[data-state="{state}"]')


def say_yes(page: Any, verb: str) -> None:
    page.locator("dialog").get_by_role("button", name=verb, exact=True).click()


def violations(page: Any) -> list[str]:
    """Return what axe finds on a page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['impact']} {one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def test_every_service_is_shown_by_layer_with_state_and_reason(page: Any) -> None:
    state_of(page, "api", "ready")
    state_of(page, "migrate", "completed")
    state_of(page, "broken", "failed")
    assert page.inner_text(f"{row('broken')} .why") == "/none/<script>alert(1)</script>: no such command"
    layers = page.locator("tr.layer").all_inner_texts()
    assert layers == ["Layer 1", "Layer 2", "Layer 3"]
    assert "1 failed" in page.inner_text("#summary")
    assert page.title().startswith("(1 failed) Services")
    assert "once=" not in page.url


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(window: Window, stack: Folder, view: str, scheme: str, pictures: pathlib.Path) -> None:
    page = window.open(link(stack), color_scheme=scheme)
    page.wait_for_selector(row("api"))
    go(page, view)
    page.wait_for_selector({"logs": ".line", "events": "ol.events li", "graph": "a.node"}.get(view, "main section"))
    page.screenshot(path=pictures / f"{scheme}-{view.replace('/', '-')}.png")
    assert violations(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_narrow_screen_nothing_runs_over_the_edge(
    window: Window, stack: Folder, view: str, pictures: pathlib.Path
) -> None:
    page = window.open(link(stack), viewport={"width": 360, "height": 740})
    page.wait_for_selector(row("api"))
    go(page, view)
    page.wait_for_selector("main section")
    page.screenshot(path=pictures / f"narrow-{view.replace('/', '-')}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    controls = "[...document.querySelectorAll('select, input, button')]"
    beyond = f"{controls}.filter(one => one.getBoundingClientRect().right > innerWidth)"
    assert page.evaluate(f"{beyond}.map(one => one.outerHTML)") == []
    assert violations(page) == []


def test_a_service_is_stopped_and_started_and_both_are_told(page: Any) -> None:
    page.get_by_role("button", name="Stop idle").click()
    page.screenshot()
    say_yes(page, "Stop")
    state_of(page, "idle", "stopped")
    page.get_by_text("idle is stopped").wait_for()
    page.get_by_role("button", name="Start idle").click()
    state_of(page, "idle", "ready")
    page.get_by_text("idle is up").wait_for()


def test_a_stop_names_who_needs_the_service_and_no_is_no(page: Any, stack: Folder) -> None:
    before = stack.row("db")["pid"]
    page.get_by_role("button", name="Stop db").click()
    assert "api, broken" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert stack.row("db")["pid"] == before


def test_a_restart_is_a_new_process(page: Any, stack: Folder) -> None:
    before = stack.row("idle")["pid"]
    page.get_by_role("button", name="Restart idle").click()
    say_yes(page, "Restart")
    page.get_by_text("idle was restarted").wait_for()
    assert stack.row("idle")["pid"] not in (before, None)


def test_what_cannot_be_started_is_told_with_its_reason_until_it_is_closed(page: Any) -> None:
    page.get_by_role("button", name="Start broken").click()
    told = page.locator("#errors .note")
    told.wait_for()
    assert "could not start broken" in told.inner_text()
    told.get_by_role("button", name="Close").click()
    told.wait_for(state="detached")


def test_a_service_is_scaled(page: Any, stack: Folder) -> None:
    page.get_by_role("button", name="Scale crew").click()
    field = page.get_by_role("spinbutton")
    assert field.input_value() == "2"
    field.fill("-1")
    say_yes(page, "Scale")
    field.fill("3")
    page.keyboard.press("Enter")
    state_of(page, "crew-3", "ready")
    page.get_by_text("crew: 3 replicas (manifest: 2)").wait_for()
    stack.client.request("POST", "/v1/services/crew/scale", {"replicas": 2, "wait": 10})
    page.wait_for_selector(row("crew-3"), state="detached")


def test_logs_come_live_are_searched_and_paused(page: Any) -> None:
    go(page, "logs/api")
    page.get_by_text(re.compile(r"^line \d+$")).first.wait_for()
    page.get_by_label("Search logs").fill("/line \\d*7$/")
    page.wait_for_selector("mark")
    assert all(re.fullmatch(r"line \d*7", text) for text in page.locator(".line .text").all_inner_texts())
    page.get_by_label("Search logs").fill("")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text(re.compile("held back")).wait_for()
    before = page.locator(".line .text").all_inner_texts()
    page.get_by_text(re.compile(r"\b[5-9] held back|\d\d held back")).wait_for()
    assert page.locator(".line .text").all_inner_texts() == before
    page.get_by_role("button", name="Resume").click()
    last = int(before[-1].split()[1])
    page.get_by_text(re.compile(rf"^line {last + 1}$")).wait_for()


def test_a_search_that_is_no_regular_expression_is_taken_as_it_is_written(page: Any) -> None:
    go(page, "logs/api")
    page.wait_for_selector(".line")
    page.get_by_label("Search logs").fill("/(/")
    page.get_by_text("No line matches.").wait_for()
    assert page.get_by_label("Search logs").get_attribute("aria-invalid") == "true"


def test_what_comes_from_services_is_text(page: Any) -> None:
    go(page, "logs/hostile")
    page.wait_for_selector(".line")
    text = page.inner_text(".line .text")
    assert text == "<img src=x onerror=document.title=1><b>bold</b> red \ufffdturned"
    go(page, "service/broken")
    page.get_by_text("/none/<script>alert(1)</script>: no such command").first.wait_for()
    assert page.locator("main img, main script, main b").count() == 0


def test_hostile_names_addresses_and_reasons_are_text_too(window: Window, stack: Folder) -> None:
    evil = "<img src=x onerror=alert(1)>"
    status = stack.client.request("GET", "/v1/status")
    status["name"] = evil
    for one in status["services"]:
        one |= {"name": f"{evil}{one['name']}", "detail": evil, "url": "javascript:alert(1)", "log": evil}
        one |= {"ports": {evil: 1}, "depends_on": [evil], "state": evil if one["name"].endswith("idle") else "ready"}
    names = [one["name"] for one in status["services"]]
    edges = [{"from": names[1], "to": names[0], "condition": evil, "required": True}]
    event = {"seq": 1, "at": evil, "service": evil, "generation": 1, "type": evil, "data": {evil: evil}}
    answers = {
        "**/v1/status": status,
        "**/v1/graph": {"services": names, "edges": edges, "layers": [names[:1], names[1:]]},
        "**/v1/events": {"events": [event]},
    }
    page = window.open(link(stack), routes={path: answering(found) for path, found in answers.items()})
    page.wait_for_selector(".state")
    for view in ("services", f"service/{'%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E'}api", "events", "charts", "graph"):
        go(page, view)
        page.get_by_text(evil).first.wait_for(state="attached")
        assert page.locator("img").count() == 0
        assert page.locator('a[href^="javascript"]').count() == 0


def answering(document: Any) -> Callable[[Any], None]:
    return lambda route: route.fulfill(json=document)


def test_a_task_between_two_runs_says_when_the_next_one_is(window: Window, stack: Folder) -> None:
    status = stack.client.request("GET", "/v1/status")
    for one in status["services"]:
        one["next_run_at"] = "2040-05-06T07:08:00Z" if one["name"] == "migrate" else None
    page = window.open(link(stack), routes={"**/v1/status": answering(status)})
    page.wait_for_selector(row("migrate"))
    assert re.fullmatch(r"next run at .+ \d\d:\d\d:00", page.inner_text(f"{row('migrate')} .why"))


def test_one_figure_alone_can_be_seen_in_a_chart(page: Any) -> None:
    page.wait_for_selector(row("api"))
    drawn = page.evaluate("""async () => {
        const { Chart } = await import("/dashboard/charts.js");
        const chart = new Chart("cpu", "CPU of one", "one");
        chart.update([{ at: Date.now(), value: 5 }]);
        return chart.line.getAttribute("d");
    }""")
    assert drawn.endswith("h-4")


def test_events_are_listed_filtered_and_come_live(page: Any, stack: Folder) -> None:
    go(page, "events")
    page.wait_for_selector("ol.events li")
    page.get_by_label("Filter events").fill("idle stopp")
    page.get_by_label("Filter events").fill("idle")
    before = page.locator("ol.events li").count()
    stack.client.request("POST", "/v1/services/idle/restart", {"wait": 10})
    page.wait_for_function("n => document.querySelectorAll('ol.events li').length > n", arg=before)
    page.get_by_text("reason by operator").first.wait_for()
    assert {item.split("\n")[1] for item in page.locator("ol.events li").all_inner_texts()} == {"idle"}


def test_charts_show_what_was_measured(page: Any) -> None:
    go(page, "charts")
    chart = page.get_by_role("img", name=re.compile("CPU of api: now"))
    chart.wait_for()
    page.get_by_role("button", name="Memory").click()
    page.get_by_role("img", name=re.compile("Memory of api: now .* MiB")).wait_for()
    page.get_by_role("button", name="Probe latency").click()
    page.get_by_role("img", name=re.compile("Probe latency of db: now .* ms")).wait_for()
    page.get_by_role("button", name="CPU").click()
    line = page.locator('figure[data-metric="cpu"] path.line').first
    eventually(lambda: "L" in (line.get_attribute("d") or ""), within=20)


def test_the_graph_is_drawn_and_told(page: Any) -> None:
    go(page, "graph")
    page.get_by_role("link", name="api, ready").wait_for()
    paths = page.locator("path.edge")
    drawn = {(one.get_attribute("data-from"), one.get_attribute("data-to")) for one in paths.all()}
    assert {("api", "db"), ("api", "migrate"), ("broken", "db"), ("crew-1", "api")} <= drawn
    page.get_by_text("As text").click()
    page.locator("li").get_by_text("api needs db (ready)").wait_for()
    page.get_by_role("link", name="api, ready").click()
    page.wait_for_selector("section.service h2")


def test_everything_is_reached_by_keys(page: Any, pictures: pathlib.Path) -> None:
    for key, title in [("2", "Logs"), ("3", "Events"), ("4", "Charts"), ("5", "Graph"), ("1", "Services")]:
        page.keyboard.press(key)
        page.wait_for_function("title => document.title.includes(title)", arg=title)
    page.keyboard.press("/")
    page.keyboard.type("idle")
    page.wait_for_selector(row("api"), state="detached")
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
        if reached[-1] == "Stop idle":
            break
    assert {"idle", "Restart idle", "Stop idle"} <= set(reached)
    page.keyboard.press("Enter")
    page.screenshot(path=pictures / "dialog.png")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()


def test_a_link_that_was_used_signs_nobody_in(window: Window, stack: Folder) -> None:
    address = link(stack)
    window.open(address)
    page = window.open(address)
    page.get_by_text("This browser is not signed in").wait_for()
    assert page.locator("tbody tr").count() == 0


def test_a_second_page_of_the_same_browser_is_signed_in_and_so_is_a_reload(page: Any) -> None:
    page.reload()
    page.wait_for_selector(row("api"))
    second = page.context.new_page()
    second.goto(page.url)
    second.wait_for_selector(row("api"))


def test_a_new_visit_of_the_same_browser_does_not_end_the_old_one(page: Any, stack: Folder) -> None:
    second = page.context.new_page()
    second.goto(link(stack))
    second.wait_for_selector(row("api"))
    page.get_by_role("button", name="Restart idle").click()
    say_yes(page, "Restart")
    page.get_by_text("idle was restarted").wait_for()
    assert page.locator("#banner").is_hidden()


def hide(page: Any, hidden: bool) -> None:
    """Let a page believe that another tab is in front of it, or that none is."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


def last_line(stack: Folder) -> int:
    """Return the number in the last line of api's log that is complete."""
    return int(stack.log("api").rpartition("\n")[0].split()[-1])


def test_a_page_that_cannot_be_seen_asks_for_nothing_and_misses_nothing(page: Any, stack: Folder) -> None:
    go(page, "logs/api")
    page.wait_for_selector(".line")
    hide(page, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = last_line(stack)
    eventually(lambda: last_line(stack) > before + 30, within=20)
    page.wait_for_timeout(1)  # lets the driver tell of requests
    assert asked == []
    hide(page, False)
    page.get_by_text(re.compile(rf"^line {before + 32}$")).wait_for(state="attached")
    numbers = [int(text.split()[1]) for text in page.locator(".line .text").all_inner_texts()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    go(page, "services")
    stack.client.request("POST", "/v1/services/idle/stop", {"wait": 10})
    state_of(page, "idle", "stopped")
    stack.client.request("POST", "/v1/services/idle/start", {"wait": 10})


def test_it_goes_on_with_the_next_supervisor_and_says_when_there_is_none(
    window: Window, tmp_path: pathlib.Path, pictures: pathlib.Path
) -> None:
    with supervised(tmp_path) as folder:
        begin(folder, {"idle": {"command": ["sleep", "1000"]}})
        page = window.open(link(folder))
        state_of(page, "idle", "ready")
        before = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: not lives(before), within=10)
        folder.pids.append(folder.client.request("GET", "/v1/status")["supervisor"]["pid"])
        page.get_by_role("button", name="Stop idle").click()
        say_yes(page, "Stop")
        state_of(page, "idle", "stopped")
        folder.down()
        page.get_by_text("The supervisor does not answer").wait_for()
        page.screenshot(path=pictures / "away.png")
        assert violations(page) == []
        folder.start()
        folder.settle()
        state_of(page, "idle", "ready")
        page.wait_for_selector("#banner", state="hidden")


def test_a_hundred_services_and_ten_thousand_lines_hold_nothing_up(window: Window, stack: Folder) -> None:
    status = stack.client.request("GET", "/v1/status")
    one = next(row for row in status["services"] if row["name"] == "idle")
    rows = [{**one, "name": f"service-{n}", "service": f"service-{n}", "layer": n // 10} for n in range(100)]
    names = [row["name"] for row in rows]
    edges = [
        {"from": names[n], "to": names[n - back], "condition": "ready", "required": True}
        for n in range(30, 100)
        for back in (10, 17, 29)
    ]
    graph = {"services": names, "edges": edges, "layers": [names[n : n + 10] for n in range(0, 100, 10)]}
    record = {"service": "service-1", "generation": 1, "stream": "output", "at": "2026-01-31T12:00:00.123Z"}
    lines = "".join(json.dumps({**record, "line": f"line {n} {'x' * 100}"}) + "\n" for n in range(12_000))
    routes = {
        "**/v1/status": answering({**status, "services": rows}),
        "**/v1/graph": answering(graph),
        "**/v1/logs*": lambda route: route.fulfill(body=lines, content_type="application/x-ndjson"),
    }
    page = window.open(link(stack), routes=routes)
    page.wait_for_selector(row("service-99"))
    page.evaluate(
        "() => { window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => {"
        " window.longest = Math.max(window.longest, one.duration) })).observe({ type: 'longtask' }) }"
    )
    for view in ("services", "charts", "graph", "logs"):
        go(page, view)
        page.wait_for_selector("main section")
    page.get_by_text("10,000 lines").wait_for()
    page.get_by_label("Search logs").fill("/line \\d*5 /")
    page.get_by_text("1,000 lines").wait_for()
    page.evaluate("document.querySelector('.log').scrollTop = 3000")
    page.get_by_role("button", name="Newest lines").click()
    page.get_by_text("line 11995").wait_for()
    assert page.locator(".line").count() < 150
    assert page.evaluate("window.longest") < LONGEST_TASK_MS
