"""Probes: one question to a service, one outcome; and how often to ask while it starts."""

from __future__ import annotations

from mamctl.runtime.probes.context import Context
from mamctl.runtime.probes.outcome import Outcome
from mamctl.runtime.probes.output import SinkOutput
from mamctl.runtime.probes.prober import Asks, Prober
from mamctl.runtime.probes.rhythm import next_delay

__all__ = ["Asks", "Context", "Outcome", "Prober", "SinkOutput", "next_delay"]
