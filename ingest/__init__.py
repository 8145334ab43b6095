"""FILE -> INDEX + GRAPH: read, chunk, embed, publish. `pipeline.py` is its table of contents."""
