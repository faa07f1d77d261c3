"""What the API takes and answers, by the name of each address: written from the models that the doors use."""

from __future__ import annotations

from typing import Any, Final

from handrail.api.checkins import CheckIn

Operations = dict[str, dict[str, Any]]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
HTML: Final = "text/html"
XML: Final = "text/xml"
NULL: Final[dict[str, Any]] = {"type": "null"}
TEXT: Final[dict[str, Any]] = {"type": "string"}


def schemas() -> dict[str, Any]:
    """The schemas that the operations refer to."""
    check = CheckIn.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    inner = check.pop("$defs", {})
    return {**inner, "CheckIn": check, "Receipt": _RECEIPT, "Error": _ERROR}


def operations() -> dict[str, Operations]:
    """The operations of each address, by its name and method."""
    return {
        "api_checkins": {"post": _SEND, "get": _ASK},
        "phone_receipt": {
            "post": _told("How far a message or a call got", _RECEIPT_FORM, {"204": _empty("Taken."), **_NO_ID}),
        },
        "phone_text": {"post": _told("A text message from somebody at home", _TEXT_FORM, {"200": _words()})},
        "phone_answer": {
            "post": _told("The key that was pressed in a call", _ANSWER_FORM, {"200": _words(), **_NO_ID})
        },
    }


def security() -> dict[str, Any]:
    """How somebody shows who they are."""
    return {
        "checkinToken": {"type": "http", "scheme": "bearer", "description": "The token of a check-in link."},
        "checkinCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "handrail_checkin",
            "description": "What a link was exchanged for.",
        },
        "providerSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Twilio-Signature",
            "description": "The provider's signature over the address and the fields.",
        },
    }


def _json(description: str, name: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _empty(description: str) -> dict[str, Any]:
    return {"description": description}


def _words() -> dict[str, Any]:
    return {"description": "What is said or sent back, for the provider.", "content": {XML: {"schema": TEXT}}}


def _errors(**said: str) -> dict[str, Any]:
    return {status.removeprefix("s"): _json(words, "Error") for status, words in said.items()}


_NO_ID: Final = _errors(s404="The last part of the address is no UUID.")
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The one shape of an error. No message repeats a value that was sent.",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "path"],
            "additionalProperties": False,
            "properties": {"code": TEXT, "message": {**TEXT, "minLength": 1}, "path": TEXT},
        }
    },
}
_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What the person is told after sending.",
    "required": ["id", "truth", "instructions", "call", "next_check", "tone", "ask_again_after", "take", "doors"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "truth": {**TEXT, "description": "Who knows, or that nobody does and which number to call."},
        "instructions": {"type": "array", "items": TEXT},
        "call": {**TEXT, "description": "The number to call."},
        "next_check": TEXT,
        "tone": {"enum": ["now", "soon", "good"]},
        "ask_again_after": {"type": ["integer", "null"], "description": "Seconds; null when nothing is waited for."},
        "doors": {
            "type": "array",
            "items": TEXT,
            "description": "Where to go; of somebody who cannot wait, the emergency department and nothing else.",
        },
        "take": {
            "anyOf": [
                NULL,
                {
                    "type": "object",
                    "required": ["authorisation", "taken"],
                    "additionalProperties": False,
                    "properties": {"authorisation": TEXT, "taken": {"type": "boolean"}},
                },
            ]
        },
    },
}
_ANYBODY: Final[list[dict[str, list[str]]]] = [{"checkinToken": []}, {"checkinCookie": []}]
_SEND: Final[dict[str, Any]] = {
    "summary": "Send a check",
    "description": "The id is made by the sender: the same check again gives the same answer with status 200.",
    "security": _ANYBODY,
    "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": "#/components/schemas/CheckIn"}}}},
    "responses": {
        "200": _json("This check was here already.", "Receipt"),
        "201": _json("Recorded.", "Receipt"),
        **_errors(
            s401="The link opens nothing (any more).",
            s403="Sent from another site.",
            s404="There is no such course.",
            s409="Written with another link, or this id was used for another content.",
            s413="Too large.",
            s415="Not application/json.",
            s422="A field cannot be used, or is asked once more (`ask.…`): `path` names it.",
            s429="More than any person sends.",
        ),
    },
}
_ASK: Final[dict[str, Any]] = {
    "summary": "What became of a check",
    "security": _ANYBODY,
    "parameters": [
        {"name": "id", "in": "query", "required": True, "schema": {"type": "string", "format": "uuid"}},
    ],
    "responses": {
        "200": _json("What is true now.", "Receipt"),
        **_errors(
            s401="The link opens nothing (any more).",
            s403="Asked from another site.",
            s404="There is no such check.",
            s422="The id is none.",
        ),
    },
}


def _form(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


_RECEIPT_FORM: Final = _form(
    MessageStatus=TEXT, CallStatus=TEXT, AnsweredBy=TEXT, MessageSid=TEXT, CallSid=TEXT, ErrorCode=TEXT
)
_TEXT_FORM: Final = _form(MessageSid=TEXT, From=TEXT, Body=TEXT, OptOutType=TEXT)
_ANSWER_FORM: Final = _form(CallSid=TEXT, Digits=TEXT)


def _told(summary: str, form: dict[str, Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "security": [{"providerSignature": []}],
        "requestBody": {"content": {FORM: {"schema": form}}},
        "responses": {**responses, "403": _empty("Not signed, or too large: the same whatever was asked for.")},
    }
