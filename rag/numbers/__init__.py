"""Questions about numbers, answered without a model: typed tables, programs over cells, exact arithmetic.

    question   question -> what is to be computed, over which words and periods
    match      words -> the series that they name
    calc       operands -> result with its derivation, or the reason why there is none
    pool       evidence -> the values that words name, over all passages
    dialogue   the turns of a conversation -> the value of each
    text       paragraphs -> the sentence, span or amount that answers
    answer     question, tables, paragraphs -> answer with operands and confidence

Knows nothing of retrieval, chunks or pages: callers keep the way from a cell to its place.
"""
