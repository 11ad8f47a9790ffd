"""Checks what a server answers and takes against the document: contract.py <openapi.json> <url> <session>."""

import json
import sys
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def validator(document: dict[str, Any], pointer: str) -> Draft202012Validator:
    registry = Registry().with_resource("document", Resource(document, DRAFT202012))
    return Draft202012Validator({"$ref": f"document#{pointer}"}, registry=registry)


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def check_answers(document: dict[str, Any], client: httpx.Client, session: str) -> int:
    """Reads whatever can be read with nothing but the id of a session."""
    checked = 0
    for path, operations in document["paths"].items():
        address = path.replace("/api/sessions/{id}", f"/api/sessions/{session}")
        if "get" not in operations or "{" in address:
            continue
        answer = client.get(address)
        responses = operations["get"]["responses"]
        status = str(answer.status_code) if str(answer.status_code) in responses else "default"
        media_type = answer.headers["content-type"].split(";")[0]
        content = responses[status].get("content", {})
        assert media_type in content, f"{path} answers {status} as {media_type}"
        if media_type in ("application/json", "application/problem+json"):
            parts = ["paths", path, "get", "responses", status, "content", media_type, "schema"]
            pointer = "".join(f"/{escaped(part)}" for part in parts)
            validator(document, pointer).validate(answer.json())
            checked += 1
    return checked


def check_bodies(document: dict[str, Any]) -> None:
    task = validator(document, "/components/schemas/TaskBody")
    task.validate({"prompt": "x", "working_dir": ".", "permission_mode": "plan", "timeout_ms": 5, "env": {"A": "b"}})
    assert not task.is_valid({"prompt": "x", "surprise": "y"})
    assert not task.is_valid({"prompt": "x" * 100_001})
    decision = validator(document, "/components/schemas/DecisionBody")
    decision.validate({"decision": "allow", "answers": {"Which?": "A", "Which ones?": ["A", "B"]}})
    assert not decision.is_valid({"decision": "allow", "answers": {"Which?": 5}})


def main(path: str, url: str, session: str) -> None:
    with open(path) as file:
        document = json.load(file)
    validate(document)
    check_bodies(document)
    with httpx.Client(base_url=url, timeout=30) as client:
        print(json.dumps({"checked": check_answers(document, client, session)}))


main(*sys.argv[1:])
