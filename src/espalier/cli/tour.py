"""`espalier tour`: the whole circle on the demo's trees, in some minutes, for whoever wants to see it go round."""

import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.terminal import STOPPED, err, fail, out, sentence

NEEDED = ("torch", "transformers", "peft", "pyarrow", "sklearn")


def tour(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where everything is made.")] = Path("var/tour"),
) -> None:
    """Go round the whole circle, small: trees, a release, models, chat, their replies ranked, a second release.

    It takes some minutes on two cores and needs no network. After Ctrl-C the same command goes on where it stopped.
    """
    import httpx

    from espalier.tour.stations import StationFailed, Tour
    from espalier.tour.talk import NoReply

    if any(find_spec(name) is None for name in NEEDED):
        fail("The tour needs more packages than the site; install them with: pip install 'espalier[train,data]'.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # the site that runs meanwhile ends with it
    made = Tour(folder, lambda line: out.print(escape(line), soft_wrap=True))
    try:
        made.go()
    except KeyboardInterrupt:
        err.print("Stopped; the same command goes on from here.")
        sys.exit(STOPPED)
    except (StationFailed, NoReply) as wrong:
        fail(f"{sentence(wrong)} The same command goes on from here.")
    except httpx.HTTPError as wrong:
        fail(f"The site does not answer: {str(wrong) or type(wrong).__name__}. The same command goes on from here.")
    out.print("\nThat was the whole circle. Look at:")
    for place, what in (
        ("first/report.html", "the release of what people wrote"),
        ("second/report.html", "the release that holds what the assistant wrote, too"),
        ("models/report.html", "what each step of the recipe brought"),
        ("results", "every figure of the evaluations"),
    ):
        out.print(f"    {escape(str(folder / place)):<50} {what}", soft_wrap=True)
    out.print(f"and at the site, with the assistant: cd {escape(str(folder))} && ESPALIER_DATA_DIR=. espalier serve "
              f"--model assistant={escape(str(made.model('sft')))}", soft_wrap=True)  # fmt: skip
    out.print(f"Sign in with the token in {escape(str(folder / 'tour.json'))}.", soft_wrap=True)
