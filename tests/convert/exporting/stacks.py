"""Stacks to export, from plain values, and what comes of them."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

from mamctl.convert.exporting.stack import Wish, stack
from tests.core.manifest.reading import read

TARGETS = ("systemd", "launchd", "compose", "kubernetes", "procfile", "supervisord", "markdown")
RUN = ["/bin/true"]


def manifest(services, **top):
    """The manifest of services, each with a command unless it says something else."""
    tree = {name: {"command": RUN, **keys} if "kind" not in keys else keys for name, keys in services.items()}
    return read({"name": "shop", **top, "services": tree}).manifest


def export(target, services, *, only=None, images=MappingProxyType({}), environ=MappingProxyType({}), **top):
    """The export of services: all of them, or only some."""
    found = manifest(services, **top)
    wish = Wish(list(only or found.services), images, environ, lambda program, *_: f"/usr/bin/{program}")
    return import_module(f"mamctl.convert.exporting.{target}").export(stack(found, wish, told=target == "markdown"))


def texts(target, services, **wish):
    """The files by name."""
    return {file.name: file.text for file in export(target, services, **wish).files}


def lost(target, services, **wish):
    """The keys that are told to have no counterpart, by service."""
    found = {}
    for note in export(target, services, **wish).notes:
        if note.lost:
            found.setdefault(note.service, []).append(note.key)
    return found


def told(target, services, **wish):
    """The keys of which there is something to know, by service."""
    found = {}
    for note in export(target, services, **wish).notes:
        if not note.lost:
            found.setdefault(note.service, []).append(note.key)
    return found
