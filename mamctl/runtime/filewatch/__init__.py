"""Tells which services' files changed on disk: one watcher for the whole manifest, and only where one watches."""

from mamctl.runtime.filewatch.watch import FileWatch

__all__ = ["FileWatch"]
