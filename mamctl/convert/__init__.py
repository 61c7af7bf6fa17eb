"""Importers and exporters; for now what `init` finds in a folder."""
