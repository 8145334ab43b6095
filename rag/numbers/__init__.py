"""Questions about numbers, answered without a model: typed tables, programs over cells, exact arithmetic.

    question   question -> what is to be computed, over which words and periods
    match      words -> the series that they name
    solver     what is asked -> the cells of one table; over it the programs: look_up, ratios, changes, sums, compared
    calc       operands -> result with its derivation, or the reason why there is none
    pool       evidence -> the values that words name, over all passages
    dialogue   the turns of a conversation -> the value of each
    text       paragraphs -> the sentence that answers
    spans      sentence -> the words of it that answer
    printed    sentence -> the amounts that it prints, and which is asked for
    answer     question, tables, paragraphs -> answer with operands and confidence

Knows nothing of retrieval, chunks or pages: callers keep the way from a cell to its place.
"""
