"""Registration of the app."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """The app `health`; it has no tables of its own."""

    name = "sideeye.health"
    label = "health"
