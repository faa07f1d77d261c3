"""Every published example is read as it always was, or refused for one clear reason; none is skipped."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from handrail.rules.foreign import CONDITION, LABORATORY, MEDICINE, NOTE, VITALS, WEIGHT, ForeignDocument
from tools import examples
from tools.examples import EXAMPLES, HERE, SHIPPED

COVER = "The file is only the cover of a document: what it refers to is not in it; ask for the whole document Bundle."
FILES = {example.file: example for example in EXAMPLES}
READ = {
    # file                                          | weights | labs | vitals | medicines | conditions | notes | left | allergies
    "Bundle-aups-referral-endoconsult-curated":      (0,  0,  0, 0, 0, 4,  9, "none known"),
    "Bundle-aups-section-emptyreason":               (0,  0,  0, 0, 0, 0,  0, "not known"),
    "US_Epic_Connectathon_Sept":                     (0,  0,  0, 0, 3, 5,  5, "entries"),
    "US_Epic_Jan_emptyReason":                       (0,  0,  0, 0, 3, 0,  8, "none known"),
    "US_MEDITECH_ips_1":                             (0,  0,  0, 0, 0, 5, 46, "entries"),
    "Bundle-IPS-examples-Bundle-01":                 (0,  0,  0, 0, 0, 3,  9, "entries"),
    "Bundle-bundle-minimal":                         (0,  0,  0, 0, 0, 2,  1, "entries"),
    "Bundle-bundle-no-info-required-sections":       (0,  0,  0, 0, 0, 0,  2, "not known"),
    "Bundle-bundle-ips-all-sections":                (1,  0,  1, 0, 3, 4, 25, "entries"),
    "cancer-patient-eve-anyperson":                  (0,  0,  0, 0, 1, 0,  3, "not known"),
    "cancer-patient-jenny-m":                        (2,  0,  0, 3, 3, 5, 38, "not known"),
    "Observation-multiple-myeloma-iss-stage-II":     (0,  0,  0, 0, 0, 0,  1, "not known"),
    "Alden_Considine":                               (10, 26, 0, 0, 3, 4,  273, "entries"),
    "Andy_Schaden":                                  (10, 23, 0, 0, 5, 4,  242, "not known"),
    "clint_champlin":                                (7,  38, 0, 0, 3, 4,  245, "entries"),
    "darin_skiles":                                  (7,  6,  0, 0, 3, 1,  155, "not known"),
    "Elvina_Lemke":                                  (11, 25, 0, 0, 5, 10, 316, "entries"),
    "Jerrell_Gerlach":                               (11, 25, 0, 0, 5, 7,  272, "not known"),
    "Librada_Tromp":                                 (10, 26, 0, 0, 3, 0,  257, "not known"),
}  # fmt: skip
REFUSED = {"Composition-BSJ-TOCComposition": COVER}


def test_none_is_left_out():
    here = {path.name.removesuffix(".json.gz") for folder in (HERE, SHIPPED) for path in folder.glob("*.json.gz")}
    assert here == set(FILES) == set(READ) | set(REFUSED)


@pytest.mark.parametrize("file", READ)
def test_it_offers_what_it_always_offered(file: str):
    found = examples.read(FILES[file])
    assert isinstance(found, ForeignDocument)
    many = Counter(offer.group for offer in found.offers)
    said = tuple(many[group] for group in (WEIGHT, LABORATORY, VITALS, MEDICINE, CONDITION, NOTE))
    left = sum(kept.times for kept in found.kept)
    assert (*said, left, dict(found.lists)["allergies"]) == READ[file]
    assert sum(many.values()) == sum(said)  # and none of them has a dose of the drug


@pytest.mark.parametrize("file", REFUSED)
def test_it_is_refused_for_one_reason(file: str):
    assert examples.read(FILES[file]) == REFUSED[file]


def test_the_page_names_each_with_its_result():
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "fhir-import.md").read_text()
    assert all(f"| {example.name} | {example.source} |" in page for example in EXAMPLES)
    assert f"refused: {COVER}" in page


def test_nobody_edited_the_examples():
    digest = hashlib.sha256(b"".join(hashlib.sha256(FILES[name].read()).digest() for name in sorted(FILES)))
    assert digest.hexdigest() == "6d34a295508e8667c66b0886123744309f2e11b96d2f86db82f1cfdaec68764d"
