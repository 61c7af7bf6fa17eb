"""The backend's application: configuration, HTTP edge, Flask API, native routes, models, services."""
