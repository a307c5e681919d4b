"""`espalier score`: a reward model scores the replies of the campaign once, and where people differ is shown."""

from pathlib import Path

from sqlalchemy import func, select

from commands import Run
from espalier.collect.disagreement import disagreements
from espalier.store.session import Database
from espalier.store.tables import reward_scores


def test_a_reward_model_scores_each_set_of_replies_once(run: Run, planted: Database, model_directory: Path) -> None:
    asked = ("score", f"judge={model_directory / 'reward'}", "--device", "cpu", "--threads", 1)
    first = run(*asked)
    assert first.code == 0, first.err
    with planted.read() as db:
        scored = db.execute(select(func.count()).select_from(reward_scores)).scalar_one()
        found = disagreements(db, 100)
    assert scored > 20
    assert f"judge scored {scored} replies in " in first.out
    assert f"in {len(found)} sets its order" in first.out
    assert [each.tau for each in found] == sorted(each.tau for each in found)
    assert all(each.tau < 0 and 0 < each.p <= 1 for each in found)
    assert "judge scored 0 replies in" in run(*asked).out


def test_what_is_no_reward_model_is_said(run: Run, planted: Database, model_directory: Path) -> None:
    wrong = run("score", model_directory / "model")
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)
