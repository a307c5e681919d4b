"""`espalier safety`: models that tell what volunteers would say of a text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.files import refuse_unwritable
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import fail, out, plural, progress, sentence

if TYPE_CHECKING:
    from espalier.safety.toxicity import ToxicityModel

safety = typer.Typer(
    no_args_is_help=True, help="Safety: models that tell what volunteers would say.", rich_markup_mode=None
)
TOXICITY = "toxicity"


@safety.command()
def train(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help=SOURCE)],
    into: Annotated[Path, typer.Option(metavar="MODEL", help="Where to write the model, about a megabyte.")],
    fewest: Annotated[
        int, typer.Option("--reviews", metavar="N", min=1, help="Only messages whose label so many people gave.")
    ] = 1,
) -> None:
    """Learn from the volunteers' labels how toxic a text is; `dataset check` and chats use the model."""
    from espalier.dataset.read import read_messages
    from espalier.dataset.stamp import checksum
    from espalier.safety.toxicity import TooLittle, learn, write_model

    refuse_unwritable(into)
    notices = notices_of(*sources)
    files = [at_hand(source) for source in sources]
    texts: list[str] = []
    shares: list[float] = []
    with progress("reading labels") as bar, without_cycle_search():
        for file in files:
            for message in read_messages(file, lambda each: notices(each) if each.lost else None):
                label = (message.labels or {}).get(TOXICITY)
                if label is not None and label["count"] >= fewest and message.text.strip():
                    texts.append(message.text)
                    shares.append(min(1.0, max(0.0, label["value"])))
                    bar(len(texts))
    said = {
        "texts": len(texts), "mean": round(sum(shares) / max(1, len(shares)), 4), "label": TOXICITY,
        "files": [checksum(file) for file in files],
    }  # fmt: skip
    try:
        with progress("learning"):
            model = learn(texts, shares, said)
    except TooLittle as wrong:
        fail(sentence(wrong))
    write_model(into, model)
    out.print(f"{escape(str(into))}: learned from {plural(len(texts), 'text')}; {into.stat().st_size / 1e6:.1f} MB.")
    out.print(f"Of these texts {reached(model)}: levels for a filter lie there.")


def reached(model: "ToxicityModel") -> str:
    """Which scores how many texts reach, in words."""
    return ", ".join(f"1 in {many:,} scores {score:.2f} or more" for many, score in model.reached.items())
