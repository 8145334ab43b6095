"""TABLES of a page: found, typed, and joined over page breaks. Read `table.py` first.

Works on words with boxes and ruling lines alone: a born-digital page and a page read by OCR
look the same from here. Knows nothing of PDF.
"""

from ingest.tables.find import find_tables
from ingest.tables.stitch import stitch
from ingest.tables.table import Cell, Sum, Table, TableWord

__all__ = ["Cell", "Sum", "Table", "TableWord", "find_tables", "stitch"]
