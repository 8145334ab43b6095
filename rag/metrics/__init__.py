"""Figures of statements, looked up or computed: QUESTION -> PROGRAM -> rows of statement pages -> ANSWER.

    question   what is asked: a line, a ratio or a formula, over which years, in which unit
    formula    formulas as trees, from the glossary or from the question's own definition; exact evaluation
    sheet      the rows of statement pages, each value with its year and its place
    answer     the answer with its derivation and the cells that it rests on, or why there is none

Which lines and ratios there are is data (`core/glossary`); which documents are read is `rag/route.py`.
"""
