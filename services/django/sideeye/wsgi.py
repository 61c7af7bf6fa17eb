"""The WSGI application, for any WSGI server; `python -m services.django` serves it with waitress."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sideeye.settings")
application = get_wsgi_application()
