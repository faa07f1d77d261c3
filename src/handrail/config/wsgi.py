"""The WSGI application. It refuses to start on settings that are not safe."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "handrail.config.settings")

from django.core.wsgi import get_wsgi_application

from handrail.config.checks import refuse_unsafe_start

application = get_wsgi_application()
refuse_unsafe_start()
