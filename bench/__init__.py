"""FIGURES: `python -m bench NAME --data DIR [--json] [--limit N]`. Every figure of the README comes from here.

A bench runs the code that serves users on given data and reports what came out; it keeps nothing
between runs. To add one: a module with `add_options(parser)` and `run(options) -> Report`, and its
name in `bench/__main__.py`.
"""
