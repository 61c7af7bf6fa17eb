"""Manifest files: finding, reading and loading them."""

from __future__ import annotations

from .find import find
from .loading import Assign, PortRequest, inspect, load, preferred

__all__ = ["find", "load", "inspect", "preferred", "PortRequest", "Assign"]
