"""`python -m demo [STATE]`: the tour."""

import sys
from pathlib import Path

from demo import tour

sys.exit(tour.main(*map(Path, sys.argv[1:2])))
