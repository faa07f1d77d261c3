"""Django's settings. What an installation chooses comes from the environment (`environment.py`); the rest is decided here."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from handrail.config import environment
from handrail.config.addresses import database_settings, email_settings, phone_settings

_env = environment.read()
_package = Path(__file__).resolve().parent.parent

HANDRAIL_MODE = _env.mode
HANDRAIL_BASE_URL = _env.base_url
HANDRAIL_FIELD_KEYS = list(_env.field_keys)
"""Fernet keys for identities and documents: the first writes, all of them read."""
HANDRAIL_IDLE_MINUTES = _env.idle_minutes
HANDRAIL_DEMO_DIR = _env.demo_dir
HANDRAIL_METRICS_TOKEN = _env.metrics_token
HANDRAIL_DIGEST_AFTER_MINUTES = _env.digest_after_minutes
"""After so many minutes in which nobody watched, what waited and is not urgent comes as one message to each person."""
HANDRAIL_LABELS_DIR = _env.labels_dir
"""A folder of label files that are read beside the shipped ones; empty: none."""
HANDRAIL_SIGN_IN_FAILURES = 5
"""So many wrong passwords lock an address for `HANDRAIL_LOCK_MINUTES`."""
HANDRAIL_LOCK_MINUTES = 15
HANDRAIL_DOCUMENT_BYTES = 10 * 1024 * 1024
HANDRAIL_DOCUMENT_READER = "handrail.fhir.foreign.read_foreign"
"""Who reads a document of another system: a door, which the verbs below it cannot import."""

DEBUG = _env.debug
SECRET_KEY = _env.secret_key
ALLOWED_HOSTS = list(_env.allowed_hosts) or [
    _env.base_url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0],
    "127.0.0.1",
    "localhost",
    "[::1]",
    *(["testserver"] if _env.mode == "test" else []),
]
CSRF_TRUSTED_ORIGINS = [_env.base_url]
CSRF_FAILURE_VIEW = "handrail.web.errors.csrf_failure"
ROOT_URLCONF = "handrail.config.urls"
WSGI_APPLICATION = "handrail.config.wsgi.application"

INSTALLED_APPS = [
    "handrail.config",
    "handrail.people",
    "handrail.records",
    "handrail.alerts",
    "handrail.actions",
    "handrail.jobs",
    "handrail.web",
    "handrail.api",
    "handrail.fhir",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "handrail.people.middleware.IdleLogOff",
    "handrail.people.middleware.SecondFactorWhereRequired",
    "handrail.people.middleware.OrganisationScope",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["handrail.web.templatetags.telephone"],
        },
    }
]

# --- what is kept ---------------------------------------------------------------------------------------------------
DATABASES = {"default": database_settings(_env.database_url, role=_env.database_role)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Sign-in failures are counted here: several workers must count together, so not in one worker's memory.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "handrail_cache"}
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]  # never a clear-text file on disk
FILE_UPLOAD_MAX_MEMORY_SIZE = HANDRAIL_DOCUMENT_BYTES

# --- who signs in ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "handrail.people.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are entered by the organisation; nobody signs up
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "20/m/ip", "reset_password": "20/m/ip,5/m/key"}
MFA_ADAPTER = "handrail.people.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _env.mode != "live"
MFA_TOTP_ISSUER = "Handrail"

# --- what the browser may do ----------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
_secure = _env.base_url.startswith("https://")
SECURE_SSL_REDIRECT = _secure
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _secure else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 12 * 3600  # the longest shift; idle sessions end much sooner, see people.middleware

# --- language and time ----------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [_package / "web" / "locale"]

# --- static files ---------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path.cwd() / "staticfiles" if _env.mode == "live" else None  # elsewhere straight from the package
WHITENOISE_USE_FINDERS = _env.mode != "live"
WHITENOISE_AUTOREFRESH = _env.debug
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # documents live in the database, encrypted
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _env.mode == "live"
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- mail and logs --------------------------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _env.email_from
globals().update(email_settings(_env.email_url))
HANDRAIL_PHONE = phone_settings(_env.phone_url, _env.phone_from)
"""Who sends text messages and calls; None where nobody does."""
HANDRAIL_PUSH_KEY = _env.push_key
"""Signs push messages; 32 random bytes in url-safe base64. Changed, every device has to be switched on anew."""
HANDRAIL_PUSH_HOSTS = list(_env.push_hosts)
HANDRAIL_WEBHOOK_HOSTS = list(_env.webhook_hosts)
"""The only hosts to which a webhook may post: a member of staff types its address."""
ADMINS: list[tuple[str, str]] = []  # error reports by mail would carry patients' data
DEFAULT_EXCEPTION_REPORTER_FILTER = "django.views.debug.SafeExceptionReporterFilter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "masked": {
            "()": "handrail.config.redact.MaskingFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "masked"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "handrail": {"level": _env.log_level},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
