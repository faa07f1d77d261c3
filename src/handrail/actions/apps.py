"""The app of actions."""

from django.apps import AppConfig


class ActionsConfig(AppConfig):
    """The verbs; no tables of its own."""

    name = "handrail.actions"
    label = "actions"
