"""SENTENCE -> WHAT IT IS THE CAUSE OF: cue words of causes, and the clause that is caused.

"The margin fell because diesel doubled" is the cause of a margin, not of diesel. English and Chinese, by the cue
and the side on which it names the cause. What is not covered: causes without a cue word, and chains of two.
"""

import re
from collections.abc import Collection

from core.text import tokens
from rag.match import terms_of
from rag.movement import MOVES, canonical

# The cause stands behind these, what it causes before them.
_BACKWARD = (
    r"\b(?:due to|because(?: of)?|owing to|as a (?:result|consequence) of|attribut(?:able|ed) to|driven by|caused by"
    r"|reflect(?:s|ed|ing)?|result(?:s|ed|ing)? from|thanks to|on account of|stem(?:s|med|ming)? from|explained by"
    r"|in response to|in order to)\b"
    r"|由于|因为|主要是|主要系|系因|所致|得益于|原因|归因于|源于|为了|因.{1,20}而|受.{1,12}影响"
)
# The cause stands before these.
_FORWARD = r"\b(?:caus(?:es|ing|e)|result(?:s|ed|ing)? in|led to|leads? to|therefore)\b|因此|因而|导致|使得"
_CAUSE = re.compile(f"(?P<backward>{_BACKWARD})|(?P<forward>{_FORWARD})", re.IGNORECASE)
_CLAUSE = re.compile(r"[,，;；:：]")
_REFERS = re.compile(
    r"^\W*(?:(?:and|but)\s+)?(?:the|this|that|these|those|it|its|such)\b(?:\s+\w+){0,4}?\s*(?:was|were|is|are|has|had|came|mainly|$)"
    r"|^\W*(?:这|该|此|其|原因|主要|上述)",
    re.IGNORECASE,
)


def states_cause(text: str) -> bool:
    return bool(_CAUSE.search(text))


def effect_of(text: str) -> str:
    """The words of a sentence that say what is caused; "" where it states no cause."""
    cue = _CAUSE.search(text)
    if cue is None:
        return ""
    if cue["forward"]:
        return text[cue.end() :]
    before = text[: cue.start()].strip()
    if len(tokens(before)) > 0:
        return before
    behind = _CLAUSE.split(text[cue.end() :], maxsplit=1)  # "Because diesel doubled, the margin fell."
    return behind[1] if len(behind) > 1 else ""


def is_cause_of(text: str, attribute: Collection[str], before: Collection[str]) -> bool:
    """Does the sentence say why the attribute, in matching form, is as it is?

    `before`: the terms of the sentence before, to which "The decline was due to ..." refers.
    """
    if not states_cause(text):
        return False
    effect = effect_of(text)
    own = terms_of(effect)
    leans = bool(_REFERS.search(text)) or own <= MOVES.keys()
    known = own | frozenset(before) if leans else own
    return all(canonical(term) in known for term in attribute)
