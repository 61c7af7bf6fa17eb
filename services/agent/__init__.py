"""The agent: a chat over the local language model, with a cache and a history of what was asked."""

__version__ = "0.1.0"
