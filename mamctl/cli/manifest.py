"""`mamctl validate`, `config` and `schema`: the manifest as it is understood, without starting anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.ui.amounts import count
from mamctl.ui.report import note

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest


@click.command(
    "validate",
    cls=Command,
    short_help="Check the manifest; every problem at once.",
    examples=["mamctl validate", "mamctl -f services.toml validate"],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def validate_command(invocation: Invocation, *, as_json: bool) -> int:
    """Check the manifest and its env files; every problem is reported at once. Ends with 0, or 2 when it is invalid."""
    if as_json:
        return _validate_json(invocation)
    manifest = invocation.manifest()
    invocation.say([f"{os.path.basename(manifest.path)} is valid: {_contents(manifest)}"])
    invocation.tell([note(warning, invocation.side_paint) for warning in manifest.warnings])
    return 0


def _contents(manifest: Manifest) -> str:
    kinds = [str(spec.kind) for spec in manifest.services.values()]
    parts = [count(kinds.count("service"), "service")]
    parts += [count(kinds.count("task"), "task")] if "task" in kinds else []
    parts += [count(kinds.count("external"), "external service")] if "external" in kinds else []
    return ", ".join(parts)


def _validate_json(invocation: Invocation) -> int:
    from mamctl.core.errors import ManifestError

    try:
        manifest = invocation.manifest()
    except ManifestError as error:
        invocation.document({"valid": False, "problems": [problem._asdict() for problem in error.problems]})
        return error.exit_code
    invocation.document({"valid": True, "problems": [], "warnings": list(manifest.warnings)})
    return 0


@click.command(
    "config",
    cls=Command,
    short_help="Print the manifest as it is understood.",
    examples=["mamctl config", "mamctl config --json"],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document in place of YAML.")
@pass_invocation
def config_command(invocation: Invocation, *, as_json: bool) -> int:
    """Print the manifest as it is understood: merged, with defaults and variables filled in, secrets masked."""
    from mamctl.core.manifest.render import render

    found = render(invocation.manifest(), invocation.environ)
    if as_json:
        invocation.document(found)
        return 0
    import yaml

    invocation.say([yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100).rstrip("\n")])
    return 0


@click.command(
    "schema",
    cls=Command,
    short_help="Print the manifest's JSON Schema, for editors.",
    examples=["mamctl schema > services.schema.json", "mamctl schema | jq '.properties | keys'"],
)
@pass_invocation
def schema_command(invocation: Invocation) -> int:
    """Print the JSON Schema of the manifest (draft 2020-12), for editors."""
    import json

    from mamctl.core.manifest.schema import schema

    invocation.say([json.dumps(schema(), indent=2)])
    return 0
