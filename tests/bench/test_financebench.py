"""The figures of the filings bench on rankings whose scores are known."""

import pytest

from bench.financebench import Ranked, figures


def test_pages_and_documents_are_counted_by_kind() -> None:
    ranked = [
        Ranked("metrics", ["A#p1", "A#p2", "B#p1"], {"A#p2": 1.0, "A#p9": 1.0}),
        Ranked("novel", ["B#p1", "C#p3", "A#p4"], {"A#p4": 1.0}),
    ]
    found = figures(ranked)
    assert found["recall@1"] == 0
    assert found["recall@5"] == pytest.approx(0.75)
    assert found["metrics_recall@5"] == pytest.approx(0.5)
    assert found["novel_recall@5"] == 1
    assert "domain_recall@5" not in found
    assert (found["document_first"], found["document_in_3"]) == (0.5, 1)
