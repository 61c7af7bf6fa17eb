"""Paths below /api/health/."""

from django.urls import path
from sideeye.health.views import health, live

urlpatterns = [path("", health), path("live/", live)]
