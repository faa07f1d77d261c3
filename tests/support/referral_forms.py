"""The public form as a browser sends it, and the words of a page as a person reads them."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

TYPED = {
    "practice": "Synthetic Practice",
    "referrer": "Synthetic Referrer",
    "referrer_phone": "+1 555 010 0700",
    "referrer_email": "desk@practice.example",
    "given_name": "Synthia",
    "family_name": "Referred",
    "birth_date_text": "1951-02-03",
    "phone": "+1 555 010 0701",
    "language": "Spanish",
    "diagnosis": "multiple myeloma",
    "urgency": "urgent",
    "lines": "4",
    "refractory": "triple_class",
    "progressed": "yes",
    "had_proteasome_inhibitor": "yes",
    "had_immunomodulatory_agent": "yes",
    "had_anti_cd38_antibody": "yes",
    "had_bcma": "no",
    "had_gprc5d": "no",
    "had_car_t": "not_known",
    "insurer": "Synthetic Plan",
    "caregiver": "no",
    "distance_minutes": "70",
}


def form(**fields: Any) -> dict[str, str]:
    """What a browser sends; each time another form."""
    return {"batch": str(uuid4()), **TYPED, **fields}


def read(answer: Any, status: int = 200) -> str:
    """What a person reads, on one line."""
    assert answer.status_code == status, answer.content.decode()[-2000:]
    main = answer.content.decode().partition("<main")[2]
    text = re.sub(r"<[^>]+>", " ", main)
    return " ".join(text.replace("&#x27;", "'").split())
