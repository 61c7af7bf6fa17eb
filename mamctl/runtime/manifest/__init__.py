"""Manifest files: reading and loading them."""

from __future__ import annotations

from .loading import Assign, PortRequest, inspect, load, preferred

__all__ = ["load", "inspect", "preferred", "PortRequest", "Assign"]
