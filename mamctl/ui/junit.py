"""A smoke run as the XML that CI systems read (JUnit's, as far as all of them agree about it)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

    Data = Mapping[str, Any]

# What XML 1.0 cannot hold, not even escaped.
_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS: Final = {"failed": "failure", "skipped": "skipped"}


def junit(document: Data) -> bytes:
    """Return the report of a smoke document, UTF-8."""
    suites = ET.Element("testsuites")
    steps = document["steps"]
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=_fit(f"{document['name']} smoke"),
        tests=str(len(steps)),
        failures=str(document["failed"]),
        errors="0",
        skipped=str(document["skipped"]),
        time=f"{document['seconds']:.3f}",
        timestamp=str(document["at"]),
    )
    for step in steps:
        _case(suite, step, f"{document['name']}.smoke")
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, step: Data, group: str) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=_fit(group), name=_fit(str(step["name"])), time=f"{step['seconds']:.3f}"
    )
    if tag := _TAGS.get(str(step["verdict"])):
        problem = ET.SubElement(case, tag, message=_fit(str(step.get("detail") or "")), type=str(step["kind"]))
        problem.text = _fit("\n".join(_story(step))) or None


def _story(step: Data) -> list[str]:
    """Return what is known about the services of a failed step."""
    lines: list[str] = []
    for about in step.get("services") or ():
        why = f": {about['detail']}" if about.get("detail") else ""
        lines += [f"{about['name']} is {about['state']}{why}", *(about.get("tail") or ())]
    return lines


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
