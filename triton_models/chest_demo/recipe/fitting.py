"""Whether a value has the form of a schema: the few words of JSON Schema that `tasks.py` uses. No dependency."""

from typing import Any


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Return whether `value` fits a schema of the few words that `tasks.py` uses."""
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "object":
            known = schema["properties"]
            return (
                isinstance(value, dict)
                and set(schema["required"]) <= set(value) <= set(known)
                and all(fits(each, known[name]) for name, each in value.items())
            )
        case "array":
            few = isinstance(value, list) and len(value) <= schema.get("maxItems", len(value))
            return (
                few and len(value) >= schema.get("minItems", 0) and all(fits(each, schema["items"]) for each in value)
            )
        case "integer":
            return isinstance(value, int) and schema["minimum"] <= value <= schema["maximum"]
    return isinstance(value, str)
