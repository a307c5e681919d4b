"""The report and the card say what is in the files, need nothing from elsewhere, and are the same each time."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from huggingface_hub import DatasetCard

from espalier.dataset import describe as describing
from espalier.dataset.about import About, CardFile
from espalier.dataset.card import card, write_card
from espalier.dataset.columns import columns
from espalier.dataset.describe import describe
from espalier.dataset.difference import difference
from espalier.dataset.judgements import judgements
from espalier.dataset.read import read_trees
from espalier.dataset.records import TreeRecord, VoteRecord
from espalier.dataset.report import write_report
from espalier.dataset.trees import map_messages
from oasst import lines, message, tree

HOSTILE = '</script><script>alert("x")</script>'


@pytest.fixture
def trees(tmp_path: Path) -> list[TreeRecord]:
    """Twelve trees with two ranked replies each, in two languages, one of whose names is an attack."""
    rng = np.random.default_rng(0)

    def labelled(message_id: str, parent: str | None, **more: object) -> dict[str, object]:
        quality, spam = rng.integers(0, 5) / 4, rng.integers(0, 3) / 2
        labels = {"quality": {"value": quality, "count": 3}, "spam": {"value": spam, "count": 2}}
        date = f"2024-03-{1 + int(rng.integers(0, 9)):02}T10:00:00+00:00"
        return message(message_id, parent, labels=labels, created_date=date, user_id=f"u{rng.integers(0, 9)}", **more)

    made = []
    for number in range(12):
        lang = "de" if number % 3 else HOSTILE
        replies = [
            labelled(f"{number}.{rank}", f"{number}", rank=rank, review_result=True, lang=lang) for rank in (0, 1)
        ]
        made.append(tree({**labelled(f"{number}", None, lang=lang, review_result=True), "replies": replies}))
    return list(read_trees(lines(tmp_path / "a.trees.jsonl", *made)))


def votes(trees: list[TreeRecord]) -> list[VoteRecord]:
    rng = np.random.default_rng(1)
    found = []
    for each in trees:
        replies = [reply.message_id for reply in each.prompt.replies]
        for who in ("a", "b", "c"):
            said = {"quality": int(rng.integers(0, 5)) / 4, "spam": int(rng.integers(0, 2)), "humor": None}
            order = [[name] for name in rng.permutation(replies)]
            found += [
                VoteRecord(f"l{each.message_tree_id}{who}", "labels", each.message_tree_id, None, who, said),
                VoteRecord(f"r{each.message_tree_id}{who}", "ranking", None, each.message_tree_id, who, order),
            ]
    return found


class _Page(HTMLParser):
    """What a browser would load, run or show of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        self.loaded += [str(given[name]) for name in ("src", "data") if given.get(name)]
        if tag in ("link", "use", "image") and (link := given.get("href") or given.get("xlink:href")):
            self.loaded.append(link)
        if tag == "script":
            self.scripts[str(given.get("type"))] += 1

    def handle_data(self, data: str) -> None:
        self.cells.append(data.strip())


def test_the_report_is_one_page_that_loads_and_runs_nothing_and_is_the_same_each_time(
    trees: list[TreeRecord], tmp_path: Path
) -> None:
    about = About(HOSTILE, licence="cc0-1.0", sources=["a.trees.jsonl"], filters=["quality>=0"])
    pages = []
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, describe(trees, votes(trees), seed=3), about)
        pages.append((tmp_path / name).read_text("utf-8"))
    assert pages[0] == pages[1]
    page = _Page(pages[0])
    assert not page.loaded
    assert set(page.scripts) == {"application/vnd.vegalite.v5+json"}
    assert page.tags["svg"] == page.scripts.total() == page.tags["figure"] > 8
    assert not re.findall(r"url\((?!#)", pages[0])
    assert "@import" not in pages[0]
    for said in ("Agreement on labels", "Agreement on rankings", "Contributors", "Time line", "Beside OASST1"):
        assert said in page.cells


def test_figures_stand_beside_their_charts(trees: list[TreeRecord], tmp_path: Path) -> None:
    described = describe(trees, with_topics=False)
    write_report(tmp_path / "report.html", described, About("Trees"))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert re.search(r"<th scope=\"row\">de</th><td class=\"num\">24</td><td class=\"num\">66.7 %</td>", page)
    assert "it needs the votes" in page
    assert "Topics of the prompts" not in page


def test_agreement_is_that_of_the_votes(trees: list[TreeRecord]) -> None:
    given = votes(trees)
    units = judgements(given, columns(trees)).units("quality")
    table = np.array(
        [
            [
                vote.value["quality"]
                for vote in given
                if vote.kind == "labels" and vote.message_id == each.message_tree_id
            ]
            for each in trees
        ]
    )
    assert units == Counter(tuple(sorted(row)) for row in table.tolist())
    (alpha,) = [
        each.alpha
        for each in describe(trees, given, with_topics=False).agreement
        if each.label == "quality" and each.lang == "all"
    ]
    assert alpha is not None
    assert alpha.estimate is not None
    expected = krippendorff.alpha(table.T, level_of_measurement="ordinal")
    assert alpha.estimate.value == pytest.approx(expected)


def test_the_one_large_language_of_several_stands_by_itself(
    trees: list[TreeRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "FEWEST_IN_A_LANGUAGE", 20)
    given = votes(trees)
    german = [map_messages(tree, lambda message: replace(message, lang="de")) for tree in trees]
    for some, langs in ((trees, {"all", "de"}), (german, {"all"})):
        described = describe(some, given, with_topics=False)
        assert {each.lang for each in described.agreement if each.label == "quality"} == langs
        assert described.rankings.keys() == langs


def test_hubs_read_the_card(trees: list[TreeRecord], tmp_path: Path) -> None:
    files = [
        CardFile("train.parquet", "chats", "threads", "train", 20),
        CardFile("test.parquet", "chats", "threads", "test"),
    ]
    about = About("Trees: a | b", licence="apache-2.0", sections=[("Consent", "Everybody agreed.")])
    write_card(tmp_path / "README.md", describe(trees, with_topics=False), about, files)
    found = DatasetCard.load(tmp_path / "README.md")
    said = found.data.to_dict()
    assert (said["license"], said["language"], said["size_categories"]) == ("apache-2.0", ["de"], ["n<1K"])
    assert said["configs"] == [
        {
            "config_name": "threads",
            "data_files": [{"split": "train", "path": "train.parquet"}, {"split": "test", "path": "test.parquet"}],
            "default": True,
        }
    ]
    assert "36 messages in 12 trees" in found.text
    assert "synthetic" not in found.text
    assert "## Consent" in found.text


def test_the_card_tells_what_models_wrote(tmp_path: Path) -> None:
    written = [
        message(f"a{place}", "a", synthetic=True, model_name=name) for place, name in enumerate(("m", "m", "n", None))
    ]
    read = read_trees(lines(tmp_path / "a.trees.jsonl", tree(message("a", replies=written))))
    said = card(describe(list(read), with_topics=False), About("Trees"))
    assert "4 of the messages are `synthetic`, written by models that `model_name` tells: m (2), n (1), " in said


@pytest.mark.parametrize(
    ("licence", "known"),
    [("CC BY 4.0", {"license": "cc-by-4.0"}), ("MIT", {"license": "mit"}), (None, {"license": "unknown"}),
     ("GPL-2.0+", {"license": "other", "license_name": "gpl-2.0-plus", "license_link": "https://example.org/l"}),
     ("Unsere (2026)", {"license": "other", "license_name": "unsere-2026", "license_link": "https://example.org/l"}),
     ("우리", {"license": "other", "license_name": "own", "license_link": "https://example.org/l"}),
     ("Orchard 1", {"license": "other", "license_name": "orchard-1", "license_link": "https://example.org/l"})],
)  # fmt: skip
def test_a_licence_that_hubs_do_not_know_is_named_as_one_of_its_own(
    trees: list[TreeRecord], licence: str | None, known: dict[str, str]
) -> None:
    about = About("Trees", licence=licence, licence_url="https://example.org/l")
    said = DatasetCard(card(describe(trees, with_topics=False), about)).data.to_dict()
    assert {name: value for name, value in said.items() if name.startswith("license")} == known


def test_a_difference_names_what_came_went_and_changed(tmp_path: Path) -> None:
    old = [
        tree({**message("p", review_result=True), "replies": [message("a", "p", rank=0), message("b", "p", rank=1)]}),
        tree(message("q", lang="de")),
        tree(message("gone")),
    ]
    new = [
        tree(
            {
                **message("p", review_result=True, deleted=True),
                "replies": [message("b", "p", rank=0, text="Other."), message("a", "p", rank=1), message("c", "p")],
            }
        ),
        tree(message("q", lang="de", review_result=True), tree_state="growing"),
    ]
    before, after = (list(read_trees(lines(tmp_path / f"{n}.jsonl", *given))) for n, given in enumerate((old, new)))
    found = difference(before, after)
    assert {kind: ids for kind, ids in found.kinds.items() if ids} == {
        "added": ["c"], "removed": ["gone"], "edited": ["b"], "accepted since": ["q"], "deleted since": ["p"],
        "ranked otherwise": ["b", "a"],
    }  # fmt: skip
    assert (found.trees_came, found.trees_went) == ([], ["gone"])
    assert found.moved == {("ready_for_export", "growing"): 1}
    assert found.by_lang == {"de": (1, 1), "en": (4, 4)}
    assert difference(before, before).is_nothing


def test_what_comes_twice_in_a_data_set_is_counted_once_when_it_is_compared(tmp_path: Path) -> None:
    twice = lines(tmp_path / "twice.jsonl", *[tree(message("q", review_result=True), tree_state="growing")] * 2)
    once = list(read_trees(twice))[:1]
    assert difference([], read_trees(twice)).came == ["q"]
    assert difference(once, read_trees(twice)).is_nothing
