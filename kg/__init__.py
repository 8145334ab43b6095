"""FACTS -> GRAPH: extracts names from chunks and keeps them as rows, a NetworkX view and CSR arrays."""
