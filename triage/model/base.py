"""The base of every value: frozen, strict about unknown fields, JSON in and out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value; an unknown field is an error, so that a typo cannot pass for data."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
