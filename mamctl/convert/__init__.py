"""Importers and exporters: what `init` finds in a folder, what other programs run, and what they are to run."""
