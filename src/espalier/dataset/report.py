"""The report: one HTML page with all that can be said of a data set, which needs nothing from elsewhere.

Knows figures and charts; does not know where they come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from espalier import __version__
from espalier.dataset import charts
from espalier.dataset.about import About
from espalier.dataset.charts import Cell
from espalier.dataset.describe import Description
from espalier.dataset.page import Figure, Page, Section, Table, figure, write_page
from espalier.dataset.published import beside
from espalier.dataset.stats import Fates, Spread


def write_report(path: Path, described: Description, about: About) -> None:
    """Write the page. The same figures give the same bytes. Raises NeedsVlConvert."""
    licence = f"Licence: {about.licence}." if about.licence else "No licence is named."
    made = f" Made on {about.made.isoformat()}." if about.made else ""
    page = Page(
        f"{about.name}: a data set described", about.name, _facts(described), tuple(_sections(described, about)),
        "Described", about.summary, licence + made, about.homepage,
    )  # fmt: skip
    write_page(path, page)


def _facts(described: Description) -> list[tuple[str, str]]:
    counts = described.counts
    facts = [
        ("messages", f"{counts.messages:,}"),
        ("trees", f"{counts.trees:,}"),
        ("people", f"{counts.people:,}"),
        ("languages", f"{len(counts.langs):,}"),
        ("reviews", f"{described.votes.get('labels', counts.reviews):,}"),
    ]
    if "ranking" in described.votes:
        facts.append(("rankings", f"{described.votes['ranking']:,}"))
    return facts


def _sections(described: Description, about: About) -> Iterator[Section]:
    counts = described.counts
    yield Section("messages", "Messages", list(_messages(described)))
    yield Section("trees", "Trees", list(_trees(described)))
    if (line := charts.time_line(counts.days)) is not None:
        yield Section("time", "Time line", figure(line))
    if described.labels:
        yield Section("labels", "Labels", list(_labels(described)))
        yield Section("agreement", "Agreement between reviewers", list(_agreement(described)))
    yield Section("people", "Contributors", list(_people(described)))
    if described.toxicity:
        yield Section("toxicity", "Toxicity", list(_toxicity(described)))
    if described.topics is not None:
        yield Section("topics", "Topics of the prompts", list(_topics(described)))
    rows = [(each.what, each.here, each.published, each.source) for each in beside(described)]
    says = "Shares can be compared with a part of that data set or with another one; sums only with the whole."
    published = Table("Published figures", says, ("figure", "here", "OASST1", "source"), rows, open=True)
    yield Section("oasst1", "Beside OASST1", [published])
    yield Section("made", "How this was made", list(_made(described, about)))


def _messages(described: Description) -> Iterator[Table | Figure | str]:
    counts = described.counts
    heads = ("role", "messages", "accepted", "refused", "undecided", "deleted", "by models")
    everything = [*counts.roles.items(), ("all", _sum(list(counts.roles.values())))]
    rows = [
        (role, fates.total, fates.accepted, fates.refused, fates.undecided, fates.deleted, fates.synthetic)
        for role, fates in everything
    ]
    yield Table("By role", "What reviewers made of them.", heads, rows)
    yield from figure(
        charts.bars("Languages", "Messages by language.", "language", "messages",
                    {lang: amount.messages for lang, amount in counts.langs.items()})
    )  # fmt: skip
    lengths = [
        (role, round(each.mean), round(each.median), round(each.ninth_decile), each.longest)
        for role, each in counts.lengths.items()
    ]
    of_lengths = ("role", "mean", "median", "ninth decile", "longest")
    yield Table("Length", "In characters, without what was deleted.", of_lengths, lengths)
    if counts.repeated:
        yield f"{counts.repeated:,} messages came a second time and were left out."
    if counts.without_parent:
        yield f"{counts.without_parent:,} messages reply to one that is not there, or hang below such a one."


def _sum(every: Sequence[Fates]) -> Fates:
    return Fates(*(sum(column) for column in zip(*map(astuple, every), strict=True)))


def _trees(described: Description) -> Iterator[Table | Figure | str]:
    counts = described.counts
    rows = [(state, amount.trees, amount.messages) for state, amount in counts.states.items()]
    yield Table("By state", "", ("state", "trees", "messages"), rows)
    rows = [(lang, amount.trees, amount.messages) for lang, amount in counts.langs.items()]
    yield Table("By language of the prompt", "", ("language", "trees", "messages"), rows)
    yield from figure(
        charts.grouped("Depth", "How far below its prompt a message stands.", "replies above it", "messages",
                       {"messages": counts.depths})
    )  # fmt: skip
    yield from figure(
        charts.grouped("Branching", "How many replies a message has.", "replies", "messages", counts.replies)
    )
    yield from figure(
        charts.grouped("Size", "How many messages a tree has.", "messages", "trees", {"trees": counts.sizes})
    )
    if counts.ranked:
        yield from figure(
            charts.grouped("Ranked replies", "How many replies of one message were ranked.", "ranked replies", "sets",
                           {"sets": counts.ranked})
        )  # fmt: skip
    longer, pairs = described.longer_first
    if pairs:
        yield (
            f"In {100 * longer / pairs:.1f} % of {pairs:,} pairs of ranked replies the longer one stands higher: "
            "a reward model that is right no more often has learned nothing but length."
        )


def _labels(described: Description) -> Iterator[Table | Figure | str]:
    yield from figure(charts.label_spreads(described.labels))
    if described.correlations:
        says = "Pearson's r of the means of two labels over the messages that have both; Spearman's ρ in the table."
        yield from figure(charts.correlations("Correlations", says, described.correlations, square=True))


def _agreement(described: Description) -> Iterator[Table | Figure | str]:
    yield from figure(charts.agreement(described.agreement))
    needing = [each.label for each in described.agreement if each.needs_votes]
    if any(each.of_means for each in described.agreement):
        yield "Of yes/no labels, agreement follows exactly from mean and number of answers."
    if needing:
        yield f"Agreement on {', '.join(needing)} cannot be told from means; it needs the votes."
    if not described.rankings:
        yield "Agreement on rankings needs the votes."
        return
    rows = []
    for lang, each in described.rankings.items():
        w, tau = (
            ("", "") if one is None else (f"{one.value:.3f}", _interval(one.low, one.high))
            for one in (each.w, each.tau)
        )
        rows.append((lang, each.sets, each.ballots, *w, *tau))
    says = "Means over sets of replies that several people ranked; W is 1 when all agree, corrected for ties."
    heads = ("language", "sets", "rankings", "Kendall's W", "95 %", "τ-b between two", "95 %")
    yield Table("Agreement on rankings", says, heads, rows)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _people(described: Description) -> Iterator[Table | Figure | str]:
    by_kind = described.contributors.by_kind
    if not by_kind:
        yield "The files name nobody."
        return
    yield from figure(charts.lorenz(by_kind))
    rows = [
        (lang, each.people, each.contributions, round(each.gini.value, 2), round(each.effective.value, 1),
         f"{100 * each.top_10.value:.1f} %")
        for lang, each in described.contributors.by_lang.items()
    ]  # fmt: skip
    heads = ("language", "people", "messages", "Gini", "effective number", "top 10 %")
    yield Table("Messages by language", "", heads, rows)


def _toxicity(described: Description) -> Iterator[Table | Figure | str]:
    rows = [
        (each.score, each.kept.messages, _mean(each.kept), each.deleted.messages, _mean(each.deleted))
        for each in described.toxicity
    ]
    heads = ("score", "messages kept", "mean", "messages deleted", "mean")
    yield Table("Scores", "Means over messages, from 0 to 1.", heads, rows)
    if described.scored:
        says = "Pearson's r follows a few extreme messages; Spearman's ρ, in the table, the order of all."
        yield from figure(charts.correlations("What people and scores say", says, described.scored, square=False))


def _mean(spread: Spread) -> str:
    return f"{spread.mean:.4f}" if spread.messages else ""


def _topics(described: Description) -> Iterator[Table | Figure | str]:
    found = described.topics or ()
    yield from figure(charts.coherence(found))
    few = [f"{each.lang or 'no language said'} ({each.prompts:,})" for each in found if not each.topics]
    for each in found:
        if each.topics:
            rows = [
                (f"{100 * topic.share:.1f} %", ", ".join(topic.words), "\n".join(topic.examples))
                for topic in each.topics
            ]
            says = f"{len(each.topics)} topics of {each.prompts:,} prompts, by the words that name them."
            yield Table(f"In {each.lang or 'no language said'}", says, ("share", "words", "prompts about it"), rows)
    if few:
        yield f"With fewer than 500 prompts there are no topics: {', '.join(few)}."


def _made(described: Description, about: About) -> Iterator[Table | Figure | str]:
    rows: list[Sequence[Cell]] = [("read", source, "") for source in about.sources]
    rows += [("kept where", each, "") for each in about.filters]
    rows += [
        ("intervals", f"the middle 95 % of {described.resamples:,} data sets drawn again, seed {described.seed}", ""),
        ("made by", f"Espalier {__version__}", ""),
    ]
    if described.elsewhere:
        rows.append(("left out", f"{described.elsewhere:,} votes on messages that are not here", ""))
    yield Table("", "", ("", "", ""), [row[:2] for row in rows])
