"""Hooks: what is run or called when something happens to a service."""

from __future__ import annotations

from mamctl.runtime.hooks.dispatch import Hooks
from mamctl.runtime.hooks.errand import Errand, Outfit
from mamctl.runtime.hooks.stack import OwnStack

__all__ = ["Errand", "Hooks", "Outfit", "OwnStack"]
