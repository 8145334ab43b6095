"""What every command needs: its settings, who does its work, how it ends.

The server that owns the state does the work where one runs, else this process.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.service import Service
    from core.settings import Settings

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130  # exit codes


def settings_of(options: argparse.Namespace, **given: Any) -> "Settings":
    from core.settings import Settings

    given["state"] = options.state
    return Settings.from_env(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def open_service(
    options: argparse.Namespace, *, create: bool = False, own: bool = True
) -> "Iterator[Service]":
    """The server that owns the state if there is one, else this process."""
    from core import state

    settings = settings_of(options)
    holder = state.owner(settings.state)
    if holder and holder.url:
        from api.client import There

        there = There(holder.url, settings.api_key.get_secret_value())
        try:
            yield there
        finally:
            there.close()
    else:
        from api.assemble import open_sightline
        from api.service import Here
        from core.types import Access

        with open_sightline(settings, create=create, own=own) as sightline:
            yield Here(sightline, Access())


def print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
