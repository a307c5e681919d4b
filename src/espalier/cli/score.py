"""`espalier score`: a reward model scores the replies of the campaign's trees, beside what people say of them."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.apart import told_apart
from espalier.cli.campaign import campaign, writing
from espalier.cli.evaluating import MODEL, Device, Numbers, Threads, in_sentences, opened_judge
from espalier.cli.files import now
from espalier.cli.terminal import out, plural, progress

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from espalier.dataset.examples import Turns
    from espalier.store.reward_scores import Siblings

SETS_AT_ONCE = 32
SHOWN = 5


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"The reward model. {MODEL}")],
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Score the replies to each prompt that has two or more, and show where the model and people disagree most.

    What the model has seen is not scored again; so the same command goes on where it was stopped, and scores what has
    come since. Organisers see the same at /admin/models.
    """
    from espalier.collect.disagreement import disagreements
    from espalier.store.reward_scores import put, unscored

    with in_sentences(), campaign() as database, writing(database) as door:
        judge = opened_judge(model, device, dtype, threads)
        sets = replies = too_long = 0
        after: str | None = ""
        with progress(f"{judge.name}: scoring") as bar:
            while after is not None:
                with database.read() as db:
                    some, after = unscored(db, judge.name, after, SETS_AT_ONCE)
                    asked = [each for one in some for each in _asked(db, one)]
                rewards = told_apart(judge.rewards, [(turns, text) for _, turns, text in asked])
                scores = {
                    reply: float(reward)
                    for (reply, _, _), reward in zip(asked, rewards, strict=True)
                    if reward is not None
                }
                door.call(put, judge.name, scores, now())
                sets, replies, too_long = sets + len(some), replies + len(scores), too_long + len(asked) - len(scores)
                bar(replies)
        with database.read() as db:
            found = [each for each in disagreements(db, 10_000) if each.model == judge.name]
    out.print(
        f"{escape(judge.name)} scored {plural(replies, 'reply', 'replies')} in {plural(sets, 'set')}; "
        f"in {plural(len(found), 'set')} its order is nearer to the opposite of people's."
    )
    if too_long:
        out.print(f"{plural(too_long, 'reply', 'replies')} were left out: the model has no room for what they answer.")
    for each in found[:SHOWN]:
        out.print(
            f"    tau-b {each.tau:+.2f}, p {each.p:.2f}, {plural(each.replies, 'reply', 'replies')} to {each.parent_id}"
        )


def _asked(db: "Connection", siblings: "Siblings") -> list[tuple[str, "Turns", str]]:
    """Each reply with what was said before it."""
    from espalier.dataset.examples import ROLES, Turn
    from espalier.store.texts import nodes_of, path_to

    nodes = nodes_of(db, siblings.tree_id)
    thread = tuple(Turn(ROLES[node.role], node.text) for node in path_to(nodes, siblings.parent_id))
    return [(reply, thread, nodes[reply].text) for reply in siblings.replies]
