"""JSON SCHEMA -> ANSWERS THAT FIT IT: llguidance masks every token that would break the schema.

Without llguidance a request with a schema is refused, never answered unconstrained.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from core.errors import InputError
from rag.vl.output import Row


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises InputError where the schema is none that can be enforced, or llguidance is missing."""
    guidance = _guidance()
    problem = guidance.LLMatcher.validate_grammar(_grammar(schema))
    if problem:
        raise InputError(f"the JSON schema cannot be enforced: {problem}")


def schema_processors(rows: Sequence[Row], tokenizer: Any) -> list[Any]:
    """A logits processor for the rows of a batch that have a schema; none where no row has."""
    if not any(row.sampling.schema for row in rows):
        return []
    guidance = _guidance()
    known = _tokenizer(tokenizer)
    matchers = [
        guidance.LLMatcher(known, _grammar(row.sampling.schema)) if row.sampling.schema else None
        for row in rows
    ]
    return [_Constrained(rows, matchers, known.vocab_size)]


class _Constrained:
    """Row by row: takes the tokens chosen since the last call, then masks what may not come next."""

    def __init__(self, rows: Sequence[Row], matchers: Sequence[Any], vocabulary: int) -> None:
        self._rows = rows
        self._matchers = matchers
        self._taken = [0] * len(rows)
        self._vocabulary = vocabulary

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """`scores`: (batch, tokens)."""
        import torch

        for index, (row, matcher) in enumerate(zip(self._rows, self._matchers)):
            if matcher is None or row.done():
                continue
            matcher.consume_tokens(row.token_ids[self._taken[index] :])
            self._taken[index] = len(row.token_ids)
            bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
            banned = torch.ones(scores.shape[1], dtype=torch.bool)
            banned[: self._vocabulary] = torch.from_numpy(bits[: self._vocabulary] == 0)
            scores[index].masked_fill_(banned.to(scores.device), float("-inf"))
        return scores


def _grammar(schema: Mapping[str, Any] | None) -> str:
    grammar: str = _guidance().LLMatcher.grammar_from_json_schema(
        json.dumps(schema), overrides={"whitespace_flexible": False}
    )
    return grammar


def _guidance() -> Any:
    try:
        import llguidance
    except ModuleNotFoundError as error:
        raise InputError("answers in a JSON schema need llguidance: install sightline[models]") from error
    return llguidance


@lru_cache(maxsize=4)
def _tokenizer(tokenizer: Any) -> Any:
    import llguidance.hf

    return llguidance.hf.from_tokenizer(tokenizer)
