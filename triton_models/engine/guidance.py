"""The form an answer must have, as both runtimes take it."""

import json

from engine.contract import ContractError, Guidance


def tight(guidance: Guidance) -> str:
    """Return the guidance's value; a schema that leaves blanks open gets none, as the models are trained."""
    if guidance.kind != "json_schema":
        return guidance.value
    try:
        schema = json.loads(guidance.value)
    except json.JSONDecodeError as e:
        raise ContractError(f"the guidance is not a JSON schema: {e}") from e
    if not isinstance(schema, dict):
        return guidance.value
    return json.dumps({"x-guidance": {"whitespace_flexible": False}, **schema})
