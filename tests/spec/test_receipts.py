"""Receipts as a table: whatever the order, the furthest word is kept, and what it means."""

from itertools import permutations

import pytest

from handrail.rules.receipts import Arrival, arrival, further, known

WORDS = [
    # what is told, in any order                 | kept          | means
    ((),                                           "",             Arrival.NOT_KNOWN),
    (("queued",),                                  "queued",       Arrival.NOT_KNOWN),
    (("queued", "sending", "sent"),                "sent",         Arrival.NOT_KNOWN),
    (("queued", "sent", "delivered"),              "delivered",    Arrival.ARRIVED),
    (("queued", "sent", "undelivered"),            "undelivered",  Arrival.FAILED),
    (("failed",),                                  "failed",       Arrival.FAILED),
    (("delivered", "delivered"),                   "delivered",    Arrival.ARRIVED),
    (("failed", "delivered"),                      "delivered",    Arrival.ARRIVED),
    (("failed", "undelivered"),                    "failed",       Arrival.FAILED),
    (("sent", "no such word"),                     "sent",         Arrival.NOT_KNOWN),
    (("no such word",),                            "",             Arrival.NOT_KNOWN),
    (("initiated", "ringing", "no-answer"),        "no-answer",    Arrival.FAILED),
    (("initiated", "ringing", "in-progress"),      "in-progress",  Arrival.NOT_KNOWN),
    (("ringing", "in-progress", "completed"),      "completed",    Arrival.TAKEN),
    (("in-progress", "human", "completed"),        "human",        Arrival.ARRIVED),
    (("in-progress", "machine", "completed"),      "machine",      Arrival.FAILED),
    (("in-progress", "machine", "key"),            "key",          Arrival.ARRIVED),
    (("human", "key", "completed"),                "key",          Arrival.ARRIVED),
    (("ringing", "busy"),                          "busy",         Arrival.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("told", "kept", "means"), WORDS)
def test_the_furthest_word_is_kept_in_every_order(told, kept, means):
    for order in permutations(told):
        word = ""
        for each in order:
            word = further(word, each) if known(each) else word
        assert (word, arrival(word)) == (kept, means), order


def test_a_word_that_nobody_knows_says_nothing():
    assert not known("") and not known("no such word") and known("sent")
    assert arrival("no such word") is Arrival.NOT_KNOWN


@pytest.mark.parametrize("word", ["accepted", "scheduled", "queued", "sent", "failed", "read"])
def test_a_word_that_nobody_knows_takes_the_place_of_none(word: str):
    for unknown in ("a word", "no such word", "zz"):
        assert further(word, unknown) == further(unknown, word) == word
