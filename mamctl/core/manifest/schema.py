"""The JSON Schema of the manifest, printed from the same table that the parser reads by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .control import CONTROL
from .fields import MANIFEST_FIELDS, RECORDS
from .step_fields import STEP_RECORDS

if TYPE_CHECKING:
    from .shapes import Schema


def schema() -> Schema:
    """Return the schema, draft 2020-12. Keys `x-*` are free, for anchors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mamctl manifest",
        "description": "The services of a local stack: services.yaml or services.toml.",
        "type": "object",
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
        "properties": {key: field.schema() for key, field in MANIFEST_FIELDS.items()},
        "$defs": {record.reference: record.definition() for record in (*RECORDS, *STEP_RECORDS, CONTROL)},
    }
