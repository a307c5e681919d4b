"""One page tells what was found of all models, with what was published beside it and what nobody measured left open."""

import re
from pathlib import Path

from commands import Run
from espalier.evaluate.report import TABLE, Measure, collected, figure_of, published
from espalier.evaluate.results import Figure, Results, write_results

FOUND = {
    "harness": {"LMEH": Figure(0.4012, 0.38, 0.42, 900)},
    "safety": {"refused, unsafe": Figure(0.75, 0.7, 0.8, 200), "refused, safe": Figure(0.1, n=5)},
    "exposure": {f"exposure, {times}×": Figure(bits, bits - 1, bits + 1, 12)
                 for times, bits in ((0, 1.4), (1, 2.0), (4, 4.5), (16, 9.0))},
    "novel": {"a figure of tomorrow": Figure(3.0)},
}  # fmt: skip


def written(folder: Path, model: str, *evaluations: str) -> None:
    for name in evaluations:
        write_results(folder, Results(model, f"runs/{model}", "abc", name, 0, 10, FOUND[name], {"x.jsonl": "f" * 64}))


def test_the_page_holds_every_figure_and_needs_nothing_from_elsewhere(run: Run) -> None:
    written(Path("results"), "ours", "harness", "safety")
    written(Path("more"), "ours", "exposure", "novel")
    written(Path("more"), "other <b>", "safety")
    ran = run("evaluate", "report", "results", "more", "-o", "page.html")
    assert ran.code == 0, ran.err
    page = Path("page.html").read_text("utf-8")
    for said in ("40.12 (38.00–42.00)", "0.750 (0.700–0.800)", "a figure of tomorrow", "falcon-40b-sft-top1-560",
                 "74.04", "arXiv 2304.07327", "Exposure of planted personal data", "other &lt;b&gt;"):  # fmt: skip
        assert said in page
    assert "other <b>" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert run("evaluate", "report", "results", "more", "-o", "again.html").code == 0
    assert Path("again.html").read_text("utf-8") == page


def test_perplexities_stand_beside_each_other_only_where_texts_are_cut_alike(run: Run) -> None:
    for name, cut, perplexity in (("one", "aaaaaaaa1", 11.5), ("two", "aaaaaaaa1", 12.5), ("three", "bbbbbbbb2", 13.5)):
        figures = {"bits per byte": Figure(1.0), "perplexity": Figure(perplexity)}
        of = Results(name, "", "", "heldout", 0, 10, figures, settings={"tokenizer": cut})
        write_results(Path("alike" if cut[0] == "a" else "other"), of)
    for folders, is_beside in ((["alike"], True), (["alike", "other"], False)):
        assert run("evaluate", "report", *folders, "-o", "page.html").code == 0
        page = Path("page.html").read_text("utf-8")
        assert bool(re.search("<th scope=.col.[^>]*>perplexity<", page)) is is_beside
        assert ("perplexity, tokenizer bbbbbbbb" in page) is not is_beside
        assert "Of people" not in page, "bits per byte are all the same: there is nothing to draw"


def test_a_figure_that_is_not_there_is_none(tmp_path: Path) -> None:
    written(tmp_path, "ours", "harness")
    of = collected([tmp_path])["ours"]
    assert [figure_of(of, each) is None for each in TABLE] == [False, True, True, True]
    found = figure_of(of, Measure("x", (("nothing", "a"), ("harness", "LMEH")), ""))
    assert found == FOUND["harness"]["LMEH"]


def test_the_published_table_is_the_papers() -> None:
    of = {each["model"]: each for each in published()["models"]}
    assert of["gpt-3.5-turbo (ChatGPT)"] == {"model": "gpt-3.5-turbo (ChatGPT)", "VEL": 1110, "OAIE": 0.87, "HE": 0.72}
    assert len(of) == 9


def test_folders_without_results_are_refused_in_a_sentence(run: Run) -> None:
    Path("empty").mkdir()
    for folder, says in (("empty", "There are no results"), ("nowhere", "There is no folder nowhere")):
        refused = run("evaluate", "report", folder)
        assert refused.code
        assert says in refused.err
