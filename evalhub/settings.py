"""Django's settings, all from the environment (see docs/reference/settings.md)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from evalhub import environment as env
from evalhub.embedded import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

# embedded: one machine, nothing else to install. production: PostgreSQL, Redis, a proxy.
MODE = env.choice("EVALHUB_MODE", "embedded", ("embedded", "production"))
# Which of the service's processes this is; it decides how long to wait for SQLite.
ROLE = env.choice("EVALHUB_ROLE", "command", ("web", "worker", "beat", "command"))
DATA_DIR = env.folder("EVALHUB_DATA_DIR", BASE_DIR / "var")

SECRET_KEY = secret_key(
    given=env.text("EVALHUB_SECRET_KEY"), production=MODE == "production", data_dir=DATA_DIR
)
DEBUG = False
ALLOWED_HOSTS = env.names("EVALHUB_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.origins("EVALHUB_TRUSTED_ORIGINS")

DATABASES = {
    "default": env.database(
        "DATABASE_URL", data_dir=DATA_DIR, busy_seconds=5 if ROLE == "web" else 20
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "evalhub.accounts",
    "evalhub.datasets",
    "evalhub.scorers",
    "evalhub.runs",
    "evalhub.judging",
    "evalhub.reports",
    "evalhub.boards",
    "evalhub.gates",
    "labeling",
    "evalhub.web",
]

MIDDLEWARE = [
    "evalhub.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "evalhub.web.security.ContentSecurityPolicy",
    "evalhub.web.security.Doorkeeper",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "evalhub.web.compression.CompressedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "evalhub.web.security.PageErrors",
]

ROOT_URLCONF = "evalhub.urls"
WSGI_APPLICATION = "evalhub.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "evalhub.web.context.shell",
            ],
        },
    },
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["evalhub.accounts.sessions.Accounts"]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "accounts:login"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# Only an image built with collectstatic has one; elsewhere the finders serve the files in place.
STATIC_ROOT = env.text("EVALHUB_STATIC_ROOT") or None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Bodies of the REST interface never touch Django's form parser: the intake has its own limits.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
SPOOL_DIR = DATA_DIR / "spool"
# A client that neither sends nor takes anything for so long holds a thread no longer.
STALL_SECONDS = env.number("EVALHUB_STALL_SECONDS", 60.0, low=1, high=3_600)

SESSION_ENGINE = "evalhub.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_NAME = "evalhub_session"
CSRF_COOKIE_NAME = "evalhub_csrf"
SECURE_REFERRER_POLICY = "same-origin"
if MODE == "production":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.integer("EVALHUB_HSTS_SECONDS", 0, low=0, high=63_072_000)
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("EVALHUB_HTTPS", default=True)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["evalhub.accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["evalhub.accounts.authentication.HasApiKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "evalhub.api.AnyType",
    "EXCEPTION_HANDLER": "evalhub.api.handle_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "EvalHub",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "OAS_VERSION": "3.1.0",
    "SORT_OPERATIONS": False,
    "AUTHENTICATION_WHITELIST": [],
    "POSTPROCESSING_HOOKS": ["evalhub.web.reference.complete"],
}

# The database is the queue of record. Redis wakes workers, and everything in it may vanish.
REDIS_URL = env.broker("REDIS_URL", f"unix://{quote(str(DATA_DIR / 'run' / 'valkey.sock'))}")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "evalhub"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "runs.sweep", "schedule": 10.0, "options": {"expires": 60}},
    "alerts": {"task": "labeling.look_around", "schedule": 60.0, "options": {"expires": 60}},
}

# Who does the work of a chunk, by the kind of its job. Named by path: runs stands below judging.
CHUNK_RUNNERS = {
    "score": "evalhub.runs.scoring.run_chunk",
    "own": "evalhub.runs.scoring.run_own_chunk",
    "ratings": "evalhub.runs.rated.run_chunk",
    "judge": "evalhub.judging.asking.run_chunk",
    "remote": "evalhub.runs.remote.run_chunk",
}
# What gates and leads said about a comparison. Named by path: reports stands below gates.
SAID_OF_COMPARISONS = "evalhub.gates.saying.about"
# The same in a word, of many comparisons at once.
SAID_IN_SHORT = "evalhub.gates.saying.in_short"
# With which margins two runs of a dataset are compared, and by which metric.
TERMS_OF_COMPARISONS = "evalhub.gates.selectors.terms_of"
# Metrics of the operator's own: modules and files (see docs/how-to/write-your-own-metric.md).
METRIC_SOURCES = env.sources("EVALHUB_METRICS")
METRIC_TIMEOUT_SECONDS = env.number("EVALHUB_METRIC_TIMEOUT", 60.0, low=1, high=3_000)
CHUNK_POSITIONS = env.integer("EVALHUB_CHUNK_POSITIONS", 1_000, low=1, high=100_000)
LEASE_SECONDS = env.integer("EVALHUB_LEASE_SECONDS", 60, low=2, high=3_600)
DRAIN_SECONDS = 10

JUDGE_URL = env.web_address("EVALHUB_JUDGE_URL")
JUDGE_MODEL = env.text("EVALHUB_JUDGE_MODEL")
JUDGE_KEY = env.text("EVALHUB_JUDGE_KEY")
JUDGE_TIMEOUT_SECONDS = env.number("EVALHUB_JUDGE_TIMEOUT", 60.0, low=0.1, high=600)
JUDGE_CONCURRENCY = env.integer("EVALHUB_JUDGE_CONCURRENCY", 4, low=1, high=64)
if bool(JUDGE_URL) != bool(JUDGE_MODEL):
    raise env.SettingError("EVALHUB_JUDGE_URL and EVALHUB_JUDGE_MODEL belong together; set both.")

# What users' addresses may lead to beside the public Internet (see evalhub/outbound/places.py).
OUTBOUND_ALLOW = env.networks("EVALHUB_OUTBOUND_ALLOW")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "evalhub.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice(
            "EVALHUB_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        ),
    },
    "loggers": {
        # Their lines quote paths, bodies and SQL, which are people's text.
        "django.request": {"level": "CRITICAL"},
        "django.security": {"level": "CRITICAL"},
        "django.db.backends": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        # It warns of the body of every answer to HEAD, which Django makes and it leaves out.
        "gunicorn.http": {"level": "ERROR"},
        # They write the address that is asked, and at DEBUG what it answers.
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}
