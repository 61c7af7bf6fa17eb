"""YAML as people write it: keys in their order, lists beneath their key, nothing by reference."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes equal values twice, where YAML would refer to the first one."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Tell that nothing is written by reference."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - as above
        """Indent the entries of a list beneath its key."""
        super().increase_indent(flow, False)  # noqa: FBT003 - as above


def yaml_text(*documents: dict[str, Any]) -> str:
    """Return documents as one text, parted by `---`."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
