"""Failed smoke steps as GitHub's workflow commands: they show beside the manifest's line in a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Data = Mapping[str, Any]


def annotation(step: Data, file: str | None, line: int | None) -> str:
    """Return the command for a step that failed; `file` is relative to the repository."""
    properties = {"file": file, "line": line, "title": f"smoke: {step['name']}"}
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    return f"::error {told}::{_data(str(step.get('detail') or 'failed'))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
