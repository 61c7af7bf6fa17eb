"""The application behind the request that is being answered."""

from flask import current_app

from services.backend.app.application import Application


def application_of_request() -> Application:
    """Return the application that :func:`create_flask` was given."""
    application = current_app.extensions["mam"]
    assert isinstance(application, Application)
    return application
