"""The REST API: a Flask application, run in a pool of threads."""
