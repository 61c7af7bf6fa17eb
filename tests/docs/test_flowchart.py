"""docs/site/flowchart.py: what is drawn of a mermaid block."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET

import pytest

from mamctl.cli.main import run
from tests.docs.pages import DOCS, ROOT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def flowchart():
    spec = importlib.util.spec_from_file_location("mamctl_docs_flowchart", DOCS / "site" / "flowchart.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def drawn(flowchart, text):
    root = ET.fromstring(flowchart.svg(text))
    return [element.text for element in root.iter("text")]


def test_what_mamctl_writes_is_drawn_whole(flowchart, capsys):
    assert run(["-f", str(ROOT / "services.yaml"), "graph", "--mermaid"], {"PATH": ""}) == 0
    text = capsys.readouterr().out
    drawing = flowchart.parse(text)
    assert {"backend", "worker-1", "lmstudio", "django-migrate"} <= set(drawing.labels.values())
    assert len(drawing.edges) == text.count("->")
    assert set(drawing.labels.values()) <= set(drawn(flowchart, text))


def test_an_edge_leads_to_a_column_further_on(flowchart):
    drawing = flowchart.parse("flowchart LR\n a --> b\n b --> c\n a --> c")
    assert flowchart.columns(drawing) == [["a"], ["b"], ["c"]]


def test_a_circle_comes_to_an_end(flowchart):
    drawing = flowchart.parse("a --> b\nb --> a")
    assert sorted(name for column in flowchart.columns(drawing) for name in column) == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "edge"),
    [
        ("a --> b", ("a", "b", "", False)),
        ("a -. optional .-> b", ("a", "b", "optional", True)),
        ("a -->|ready| b", ("a", "b", "ready", False)),
        ("a -.->|started| b", ("a", "b", "started", True)),
        ("x-1.y --> z_2", ("x-1.y", "z_2", "", False)),
    ],
)
def test_forms_of_an_edge(flowchart, line, edge):
    assert flowchart.parse(line).edges == [edge]


@pytest.mark.parametrize("line", ["a ==> b", "subgraph x", "a --> b --> c", "click a"])
def test_what_it_does_not_know_is_an_error(flowchart, line):
    with pytest.raises(flowchart.UnknownLineError, match="not a line of a flowchart"):
        flowchart.parse(line)


def test_text_cannot_become_markup(flowchart):
    assert "<b>" in drawn(flowchart, 'a["<b>"]')
