"""Django's own commands: `python -m handrail.config.manage migrate`."""

import os
import sys


def main(arguments: list[str] | None = None) -> None:
    """Run a command of Django with Handrail's settings.

    Migrations need the owner of the tables, so they never take on the application's role.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "handrail.config.settings")
    if words[:1] and words[0] in ("migrate", "sqlmigrate", "createcachetable"):
        os.environ["HANDRAIL_DATABASE_ROLE"] = ""
    from django.core.management import execute_from_command_line

    from handrail.people import scope

    scope.see_everything_by_default()
    execute_from_command_line(["handrail-manage", *words])


if __name__ == "__main__":
    main()
