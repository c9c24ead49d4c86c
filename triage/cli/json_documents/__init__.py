"""The documents that `--json` prints, one pydantic model each; `triage schema` shows them as JSON Schema."""
