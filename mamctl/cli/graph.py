"""`mamctl graph`: who needs whom, and the order of the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest


@click.command(
    "graph",
    cls=Command,
    short_help="Draw who needs whom, and the order of the start.",
    examples=["mamctl graph", "mamctl graph --mermaid > docs/stack.mmd"],
)
@click.option("--mermaid", "as_mermaid", is_flag=True, help="A Mermaid flowchart, for documents.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def graph_command(invocation: Invocation, *, as_mermaid: bool, as_json: bool) -> int:
    """Draw who needs whom: each service with what it depends on beneath it, then the order of the start."""
    from mamctl.ui.picture import mermaid, tree

    if as_mermaid and as_json:
        raise UsageError("--mermaid and --json are two different outputs", "choose one")
    graph = graph_of(invocation.manifest())
    if as_json:
        invocation.document(graph)
    elif as_mermaid:
        invocation.say(mermaid(graph))
    else:
        invocation.say(tree(graph, invocation.paint))
    return 0


def graph_of(manifest: Manifest) -> dict[str, Any]:
    """Return the graph as a document: services with their edges, and the layers that start together."""
    from mamctl.core.graph import Graph

    services = [
        {
            "name": spec.name,
            "kind": str(spec.kind),
            "depends_on": {
                name: {"condition": str(edge.condition), "required": edge.required, "restart": edge.restart}
                for name, edge in spec.depends_on.items()
            },
        }
        for spec in manifest.services.values()
    ]
    layers = Graph({name: spec.depends_on for name, spec in manifest.services.items()}).layers()
    return {"name": manifest.name, "services": services, "layers": [list(layer) for layer in layers]}
