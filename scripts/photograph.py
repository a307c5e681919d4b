"""Takes a picture of every page of the site, light, dark and on a phone, on a campaign with the demo trees.

python scripts/photograph.py             # all of them, into docs/screenshots/
python scripts/photograph.py tasks tree  # only these
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import sync_playwright  # noqa: E402

from browsers import FLAGS, HOW_TO_GET_IT, WITH_WINDOWS, WITHOUT, plant, sites  # noqa: E402
from sitemap import PAGES  # noqa: E402

FOLDER: Final = ROOT / "docs" / "screenshots"
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 740}, "has_touch": True},
}


def main() -> None:
    if (camera := WITH_WINDOWS or WITHOUT) is None:
        raise SystemExit(HOW_TO_GET_IT)
    wanted = set(sys.argv[1:]) or {shown.name for shown in PAGES}
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=camera, args=list(FLAGS))
        stack.callback(browser.close)
        site = stack.enter_context(sites(plant(folder / "planted.db"), browser, folder))()
        for shown in PAGES:
            if shown.name not in wanted:
                continue
            for look, options in LOOKS.items():
                page = site.coming(shown.who, **options) if shown.who else site.visitor(**options)
                shown.open(site, page)
                page.screenshot(path=FOLDER / f"{shown.name}-{look}.jpg", type="jpeg", quality=60)
                page.context.close()
            print(shown.name, flush=True)


if __name__ == "__main__":
    main()
