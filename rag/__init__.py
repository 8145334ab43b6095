"""QUESTION -> ANSWER: plan, retrieve, build context, answer, cite. `answer.py` is its table of contents."""
