"""PDF from the templates of the pages: one function, imported late, because the program that sets it is an extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from django.http import HttpResponse
from django.template.loader import render_to_string

Paper = Literal["a4", "letter"]
PAPERS: Final[tuple[Paper, ...]] = ("a4", "letter")
LETTER_COUNTRIES: Final = ("US",)
"""Jurisdictions whose paper is Letter; everywhere else it is A4."""
STYLES: Final = Path(__file__).resolve().parent / "static" / "handrail"
NO_PDF: Final = "This installation cannot make PDFs: it needs the extra “pdf” of Handrail and the Pango library. Print the page instead."


class PdfUnavailable(Exception):
    """What makes PDFs is not installed. The message is one sentence for the screen."""


def pdf_of(template: str, context: dict[str, Any], *, paper: Paper, style: str) -> bytes:
    """A template as PDF.

    Args:
        template, context: as for a page.
        paper: the size of the sheets.
        style: the file of styles, of those that the pages use; nothing else is fetched from anywhere.

    Raises:
        PdfUnavailable: what makes PDFs is not installed.
    """
    try:
        from weasyprint import CSS, HTML
    except (ImportError, OSError) as error:  # OSError: the package is there, Pango is not
        raise PdfUnavailable(NO_PDF) from error
    html = render_to_string(template, {**context, "paper": paper})
    sheet = (STYLES / style).read_text(encoding="utf-8")
    page = CSS(string=f"@page {{ size: {paper}; }}")
    made = HTML(string=html, url_fetcher=_fetch_nothing).write_pdf(stylesheets=[CSS(string=sheet), page])
    assert isinstance(made, bytes)
    return made


def papers_for(jurisdiction: str) -> tuple[Paper, ...]:
    """The papers, the usual one of a jurisdiction first."""
    return PAPERS if jurisdiction not in LETTER_COUNTRIES else tuple(reversed(PAPERS))


def as_file(made: bytes, name: str) -> HttpResponse:
    """A PDF, served as an attachment."""
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _fetch_nothing(url: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
    raise ValueError("a document of Handrail fetches nothing")
