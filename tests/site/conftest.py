"""Every test here walks through the site in a real browser; `make test-fast` leaves them out."""

from pathlib import Path

import pytest

from browsers import bare_site, chromium, looked_at, new_site, planted, site

__all__ = ["bare_site", "chromium", "looked_at", "new_site", "planted", "site"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
