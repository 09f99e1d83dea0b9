"""One settings file for every environment. Differences come from variables (.env.example lists them all)."""

from datetime import timedelta
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where are we -----------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", default=False)
TESTING = env.flag(
    "TESTING", default=False
)  # lets portal.clock be set; set by the test runner and the rehearsal
CLOCK_AT = env.text("CLOCK_AT")  # an ISO moment at which a test process stands; ignored unless TESTING
DEMO = env.flag(
    "DEMO", default=False
)  # demo world and its one-click sign-in; refused by a check when DEBUG is off
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default="127.0.0.1,localhost" if DEBUG else "")
SITE_URL = env.text("SITE_URL", default="http://127.0.0.1:8000")  # every link in mail starts with it
SITE_NAME = env.text("SITE_NAME", default="Research Credits")
CONTACT_EMAIL = env.text("CONTACT_EMAIL", default="research-credits@example.org")
LOCAL_DIR = Path(env.text("LOCAL_DIR", default=str(BASE_DIR / ".local")))

# --- Apps: the floor, then credits <- programs <- applications (docs/architecture.md) -----------------------------------
INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "credits.apps.CreditsConfig",
    "programs.apps.ProgramsConfig",
    "applications.apps.ApplicationsConfig",
    "portal.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",  # templates of widgets, for FORM_RENDERER
    "django.contrib.postgres",
    "bootstrap",  # Bootstrap's own files, from a package
    "crispy_forms",
    "crispy_bootstrap5",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "pgtrigger",
    "pghistory",
    "pghistory.admin",
    "django_countries",
    "import_export",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.Language",  # in the place of LocaleMiddleware, once it is known who asks
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "portal.middleware.PrivateByDefault",
    "portal.middleware.ApiDoor",
    *(["portal.demo.FinishedPages"] if DEMO else []),
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

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
                "portal.context.site",
            ],
        },
    },
]

# --- PostgreSQL and Redis -----------------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(env.required("DATABASE_URL"), conn_max_age=60, conn_health_checks=True),
}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"]["options"] = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "lock_timeout": f"{env.whole_number('DB_LOCK_TIMEOUT_SECONDS', default=5)}s",
        "statement_timeout": f"{env.whole_number('DB_STATEMENT_TIMEOUT_SECONDS', default=15)}s",
        "idle_in_transaction_session_timeout": f"{env.whole_number('DB_IDLE_TIMEOUT_SECONDS', default=30)}s",
    }.items()
)

DB_LONG_STATEMENT_TIMEOUT_SECONDS = env.whole_number("DB_LONG_STATEMENT_TIMEOUT_SECONDS", default=300)

REDIS_URL = env.required("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": env.text("CACHE_PREFIX", default="portal"),
    },
}

# --- Celery: rows are the queue, tasks are alarm clocks -------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": env.whole_number("CELERY_VISIBILITY_SECONDS", default=3600, at_least=1),
    "global_keyprefix": env.text("CELERY_KEY_PREFIX", default=""),
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
if TESTING:  # look for the messages of killed workers every second, not every hundred
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_PUBLISH_RETRY = (
    False  # a nudge that cannot be sent is dropped at once; the next sweep does the work
)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": timedelta(seconds=seconds), "options": {"expires": seconds}}
    for name, task, seconds in [
        ("tick", "applications.tick", 60),
        ("deliver-due", "credits.deliver_due", 30),
        ("send-due-notices", "applications.send_due_notices", 15),
        ("scan-waiting-files", "applications.scan_waiting_files", 60),
        ("run-exports", "applications.run_exports", 10),
        ("fetch-titles", "applications.fetch_titles", 300),
        ("verify-ledger", "credits.verify_ledger", 3600),
        ("reconcile", "credits.reconcile", 30),
    ]
}

# --- Accounts -------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = [
    "portal.backends.OneQueryBackend",  # permissions only
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "programs:directory"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole_number("TRUSTED_PROXY_COUNT", default=0)

# --- Sessions, cookies, headers (docs/security.md) ----------------------------------------------------------------------
_secure = SITE_URL.startswith("https://")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "__Host-session" if _secure else "session"
CSRF_USE_SESSIONS = False
CSRF_COOKIE_NAME = "__Host-csrf" if _secure else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "portal.views.csrf_failure"
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=_secure)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # asked from inside, without TLS
SECURE_HSTS_SECONDS = 63_072_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _secure
SECURE_HSTS_PRELOAD = _secure
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if env.flag("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1500  # a program with its rubric, rules, questions and letters has about 400
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = [
    "portal.uploads.CappedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# Looks at every attached file; exit code 0 clean, 1 harmful. {file} is the file; without it the name comes last.
SCANNER_COMMAND = env.text("SCANNER_COMMAND")
SCANNER_TIMEOUT_SECONDS = env.whole_number("SCANNER_TIMEOUT_SECONDS", default=30, at_least=1)

# Titles of papers are asked here by DOI, below this address and nowhere else; empty: their holders type them.
DOI_RESOLVER_URL = env.text("DOI_RESOLVER_URL")

# --- The API (docs/api.md) --------------------------------------------------------------------------------------------------
API_REQUESTS_PER_MINUTE = env.whole_number(
    "API_REQUESTS_PER_MINUTE", default=300, at_least=1
)  # of one token or person

# --- Mail -------------------------------------------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default="Research Credits <research-credits@example.org>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.whole_number("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = str(LOCAL_DIR / "mail")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"  # no mail server: letters are files, readable at /demo/mail/
)

# --- Providers: who receives the credits (docs/ledger.md) ----------------------------------------------------------------
# One adapter per provider name used by programs: "manual" (CSV hand-over), "http" (signed calls to PROVIDER_URL) or "stripe".
PROVIDER_ADAPTER = env.text("PROVIDER_ADAPTER", default="manual")
PROVIDER_URL = env.text("PROVIDER_URL")
# whsec_...; the first signs, all verify during rotation
PROVIDER_SIGNING_KEYS = env.names("PROVIDER_SIGNING_KEYS")
# Other keys, which the provider signs its events with; every one is valid. Without any the door of events is closed.
PROVIDER_EVENT_KEYS = env.names("PROVIDER_EVENT_KEYS")
PROVIDER_TIMEOUT_SECONDS = env.whole_number("PROVIDER_TIMEOUT_SECONDS", default=10, at_least=1)
# PROVIDER_ADAPTER=stripe: credit grants of Stripe Billing; restricted keys (rk_) need write access to those and read to customers
STRIPE_API_URL = env.text("STRIPE_API_URL", default="https://api.stripe.com")
STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY", default="")

# Where copies of the ledger's chain heads are kept: a class like credits.anchors.FileAnchors (docs/ledger.md, "Anchors").
ANCHOR_STORE = env.text("ANCHOR_STORE", default="credits.anchors.FileAnchors")

# --- Texts, times, files --------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]  # each by its own name; the first is the original
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = _secure
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["portal.formats"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG or TESTING
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
MEDIA_ROOT = LOCAL_DIR / "files"

SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # unique without regard to case, by a constraint on Lower(email)

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = not DEBUG
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django": {"level": "INFO"}},  # its own handlers would write every line twice
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": env.text("LOG_LEVEL", default="WARNING" if TESTING else "INFO"),
    },
}
