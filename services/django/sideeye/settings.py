"""Django's settings: loopback only, SQLite, JSON answers, no HTML but Django's own pages under DEBUG."""

import os

from django.core.management.utils import get_random_secret_key
from sideeye.data_folder import create_folder, database_url, secret_key
from sideeye.environment import Environment

_environment = Environment.read(os.environ)
create_folder(_environment.data_dir)

DEBUG = _environment.debug
SECRET_KEY = _environment.secret_key or secret_key(_environment.data_dir, get_random_secret_key)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

ROOT_URLCONF = "sideeye.urls"
WSGI_APPLICATION = "sideeye.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "sideeye.health",
]
MIDDLEWARE = [
    "sideeye.loopback.LoopbackOnly",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF_FAILURE_VIEW = "sideeye.answers.csrf_failure"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database_url(_environment.data_dir),
        "OPTIONS": {
            # Below the two seconds that a prober waits: a locked database is told, not timed out.
            "timeout": 1.5,
            # Safe with write-ahead logging, which `create_database` has switched on.
            "init_command": "PRAGMA synchronous=NORMAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

X_FRAME_OPTIONS = "DENY"
CSRF_COOKIE_SECURE = True
SILENCED_SYSTEM_CHECKS = [
    # Plain HTTP on the loopback interface is the design: nothing leaves the machine to be encrypted,
    # and HSTS for `localhost` would break every other local server of the user.
    "security.W004",
    "security.W008",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}},
    "root": {"handlers": ["stdout"], "level": _environment.log_level},
    # Django adds a handler of its own, which would double each line.
    "loggers": {"django": {"handlers": [], "propagate": True}},
}
