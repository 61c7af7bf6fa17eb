"""Exporters: a stack in the words of systemd, launchd, compose, Kubernetes, a Procfile, supervisord, or for people."""
