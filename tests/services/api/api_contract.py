"""What openapi.yaml promises, checked from outside with jsonschema."""

from typing import Any

import httpx
import yaml
from jsonschema import Draft4Validator
from jsonschema.validators import extend
from running_api import API

SPEC = yaml.safe_load((API / "swagger_server" / "openapi" / "openapi.yaml").read_text())


def _type_or_null(validator: Any, kinds: Any, instance: Any, schema: dict[str, Any]) -> Any:
    if instance is None and schema.get("nullable"):
        return
    yield from Draft4Validator.VALIDATORS["type"](validator, kinds, instance, schema)


Validator = extend(Draft4Validator, {"type": _type_or_null})


def validate(value: Any, schema: dict[str, Any]) -> None:
    """Raise unless the value fits a schema of the specification, whose `$ref`s count from its root."""
    Validator({"components": SPEC["components"], "allOf": [schema]}).validate(value)


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow one `$ref`."""
    if "$ref" not in node:
        return node
    found = SPEC
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def assert_keeps(response: httpx.Response, path: str) -> Any:
    """Check a response against the operation GET `path` and return its body."""
    promised = resolved(SPEC["paths"][path]["get"]["responses"][str(response.status_code)])
    assert response.headers["content-type"] == "application/json"
    for name in promised.get("headers", {}):
        assert name in response.headers
    validate(response.json(), promised["content"]["application/json"]["schema"])
    return response.json()


def assert_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the one shape of errors and return the body."""
    assert response.status_code == status, response.text
    body = response.json()
    validate(body, {"$ref": "#/components/schemas/Error"})
    assert body["code"] == code
    return body
