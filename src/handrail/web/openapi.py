"""The two addresses of the pages that machines ask: whether the process answers, and how the watching goes."""

from __future__ import annotations

from typing import Any, Final

PLAIN: Final = {"text/plain": {"schema": {"type": "string"}}}


def operations() -> dict[str, dict[str, Any]]:
    """The operations of each address, by its name and method."""
    return {
        "health": {
            "get": {
                "summary": "The process answers",
                "security": [],
                "responses": {"200": {"description": "It does.", "content": PLAIN}},
            }
        },
        "metrics": {
            "get": {
                "summary": "Figures about the watching, for Prometheus",
                "security": [{"metricsToken": []}],
                "responses": {
                    "200": {"description": "The figures.", "content": PLAIN},
                    "404": {
                        "description": "Without the token of the installation there is no such page.",
                        "content": {"text/html": {}},
                    },
                },
            }
        },
    }


def security() -> dict[str, Any]:
    """How a machine shows who it is."""
    return {"metricsToken": {"type": "http", "scheme": "bearer", "description": "HANDRAIL_METRICS_TOKEN."}}
