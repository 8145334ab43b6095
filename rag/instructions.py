"""What a question says of its answer's form, not of its matter: "Round to two decimals", "Answer in USD millions".

Such words find nothing and mislead. Knows the wordings of English; cuts whole clauses only.
"""

import re

_INSTRUCTIONS = re.compile(
    r"(?:please )?(?:round (?:your )?answers?|answer in|(?:please )?state answer|(?:give|provide) (?:a|your)? ?(?:response|answer)|respond to|base your judge?ments?|calculate what was asked|"
    r"address the question|if .{3,80}? (?:is|are) not (?:a )?(?:useful|meaningful|relevant)|if (?:it|this|conventional)|calculate \(or extract\) the answer|"
    r"we (?:want|need) to calculate|please (?:answer|help)|here'?s the question|assume that you are|answer the following|use only|do not)\b[^.?!;:]*[.?!;:]?",
    re.IGNORECASE,
)
_SOURCES = re.compile(
    r"(?:^|(?<=[.,!?] )|(?<=, ))(?:by |in |when |using |based |basing |according |drawing |relying |respond)[^,.?]{0,90}?"
    r"(?:statements?|sheets?|p&l|position|income|flows?)(?: (?:of|and the|and) [^,.?]{0,40})?,",
    re.IGNORECASE,
)


def without_instructions(text: str) -> str:
    """The text without clauses that say how, or from which statement, to answer; may be empty."""
    return " ".join(_SOURCES.sub(" ", _INSTRUCTIONS.sub(" ", text)).split())
