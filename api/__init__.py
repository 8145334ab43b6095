"""ANSWER -> PEOPLE: the HTTP service and the command line. `assemble.py` puts the parts together."""
