"""The Django project."""

__version__ = "1.0.0"
