"""The words that all packages share: types, ports, errors, settings, text, database.

Imports none of Sightline's other packages and nothing heavy: importing all of core takes
a fraction of a second. Read `types.py` first, then `ports.py`.
"""
