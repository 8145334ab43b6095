"""Verification: how many wrong statements pass, and how many right ones are taken for wrong.

The folder holds `pdfs`, financial reports for instance. A sample of the files goes through the reader and
the chunker that serve users; statements are made of their typed table cells (`bench/statements.py`): right ones
(as printed, in another scale, rounded, a ratio for a percentage, derived) and wrong ones (a digit, scale, sign,
period, subject or unit changed, or invented). Each is checked as an answer over its passage and seven others
of the file. `wrong_accepted` and `right_rejected` are shares of the wrong and of the right statements; a statement is
rejected when one of its claims is unsupported.
"""

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import Report, mean
from bench.statements import RIGHT, WRONG, Statement, spread, statements_of
from core.errors import UnreadableFile
from core.ids import content_hash, document_id
from core.measure import percentile
from core.types import DEFAULT_TENANT, PUBLIC, Answer, Chunk, Document, Evidence
from ingest.chunk import Chunker
from ingest.limits import Limits
from ingest.sandbox import read_file
from rag.check import checked

COUNT = 400  # statements of each sort
_MOST_PER_KIND = 8  # of one file, so that no file makes up the figure
_MOST_FILES = 24
_SEED = 20261125


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show", action="store_true", help="print each statement that was judged wrongly")


def run(options: argparse.Namespace) -> Report:
    """Raises ValueError for a folder without PDFs, or where no statement can be made."""
    folder = options.data / "pdfs"
    paths = sorted(folder.glob("*.pdf"), key=lambda path: sha256(path.name.encode()).hexdigest())
    if not paths:
        raise ValueError(f"{folder} holds no PDF")
    made, files = sample(paths, options.limit or COUNT)
    if not made:
        raise ValueError(f"no statement can be made of the tables of {folder}")
    wrong, milliseconds = judge(made, show=options.show)
    return Report(
        "verify",
        options.data.resolve().name,
        {
            **figures(made, wrong),
            "cpu_ms_p50": percentile(milliseconds, 0.5),
            "cpu_ms_p99": percentile(milliseconds, 0.99),
        },
        {
            "files": files,
            "right": sum(item.is_right for item in made),
            "wrong": sum(not item.is_right for item in made),
            "seed": _SEED,
        },
    )


def sample(paths: Sequence[Path], count: int) -> tuple[list[Statement], int]:
    """`count` right statements and as many wrong ones, and how many files they are from."""
    chance = random.Random(_SEED)
    made: list[Statement] = []
    files = 0
    for path in paths[:_MOST_FILES]:
        kinds = Counter(statement.kind for statement in made)
        if _enough(kinds, RIGHT, count) and _enough(kinds, WRONG, count):
            break
        found = statements_of(chunks_of(path), chance, _MOST_PER_KIND)
        files += bool(found)
        made += found
    right = [item for item in made if item.is_right]
    wrong = [item for item in made if not item.is_right]
    return [*spread(right, count, chance), *spread(wrong, count, chance)], files


def _enough(kinds: Counter[str], names: Sequence[str], count: int) -> bool:
    return all(kinds[name] >= count / len(names) for name in names if name != "as_ratio") and (
        sum(kinds[name] for name in names) >= count
    )


def chunks_of(path: Path) -> list[Chunk]:
    """The file's passages, read as every upload is; none where it cannot be read."""
    try:
        with TemporaryDirectory(prefix="bench-") as scratch:
            content = read_file(path, name=path.name, limits=Limits(), scratch=Path(scratch))
    except UnreadableFile as error:
        print(f"left out: {error}")
        return []
    identity = document_id(DEFAULT_TENANT, content_hash(path.name.encode()))
    document = Document(identity, DEFAULT_TENANT, path.name, 1, content.title or path.stem, PUBLIC, content)
    chunker = Chunker(count_tokens=tokens_about, max_tokens=256)
    return [measured.chunk for measured in chunker.split(document)]


def tokens_about(texts: Sequence[str]) -> list[int]:
    """About as many as a word-piece encoder makes of them, so that none needs to be loaded."""
    return [2 + len(re.findall(r"\w{1,8}|[^\w\s]", text)) for text in texts]


def judge(made: Sequence[Statement], *, show: bool) -> tuple[Counter[str], list[float]]:
    """How many of each kind were judged wrongly, and the CPU milliseconds of each check."""
    wrong: Counter[str] = Counter()
    milliseconds: list[float] = []
    for statement in made:
        evidence = tuple(
            Evidence(f"S{number}", chunk, 1.0, frozenset())
            for number, chunk in enumerate(statement.evidence, 1)
        )
        began = time.process_time()
        answer = checked(Answer(statement.text, "answered", evidence=evidence), "mark")
        milliseconds.append(1000 * (time.process_time() - began))
        rejected = any(claim.status == "unsupported" for claim in answer.claims)
        if rejected == statement.is_right:
            wrong[statement.kind] += 1
            if show:
                print(f"{statement.kind}: {answer.text}")
    return wrong, milliseconds


def figures(made: Sequence[Statement], wrong: Counter[str]) -> dict[str, float]:
    total = Counter(statement.kind for statement in made)
    found: dict[str, float] = {}
    for name, kinds in (("wrong_accepted", WRONG), ("right_rejected", RIGHT)):
        there = [kind for kind in kinds if total[kind]]
        if there:
            found[name] = sum(wrong[kind] for kind in there) / sum(total[kind] for kind in there)
            found |= {f"{name}_{kind}": mean([wrong[kind] / total[kind]]) for kind in there}
    return found
