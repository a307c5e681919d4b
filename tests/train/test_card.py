"""The card of a model says what it was made of and how, and shows how that went."""

import json
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

from espalier.train.card import CARD, DRAWING, Made, inputs_of, write_card
from espalier.train.curves import POINTS, chart_of, read_curves
from espalier.train.settings import Data, Model, Run, Source, Tuning
from espalier.train.watch import METRICS

NUMBERS = "{http://www.w3.org/2000/svg}text"


def settings(folder: Path) -> Tuning:
    (folder / "base").mkdir()
    (folder / "base" / "model.safetensors").write_bytes(b"weights")
    (folder / "base" / "README.md").write_text("of the base")
    (folder / "chats.jsonl").write_text('{"messages": []}\n')
    return Tuning(
        model=Model(start=str(folder / "base")),
        data=Data(sources=(Source(path=folder / "chats.jsonl"),)),
        run=Run(out=folder / "tried"),
    )


def test_a_card_has_checksums_settings_figures_and_curves(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    chosen.run.out.mkdir()
    lines = [{"step": step, "tokens": 9, "loss": 3 - step / 10} for step in range(1, 11)]
    lines.append({"step": 10, "held_out_loss": 2.25})
    (chosen.run.out / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    inputs = inputs_of(chosen)
    assert {Path(name).name for name in inputs} == {"chats.jsonl", "model.safetensors"}

    write_card(tmp_path, Made("trial", chosen, inputs, ["It is small."]))

    said = (tmp_path / CARD).read_text()
    assert said.startswith("---\n")
    assert "# tried" in said
    assert "It is small." in said
    assert sha256(b"weights").hexdigest() in said
    assert "| loss | 10 × | 2.9 | 2 |" in said
    assert "| held_out_loss | 1 × | 2.25 | 2.25 |" in said
    assert "tokens |" not in said
    assert json.loads(said.split("```json")[1].split("```")[0]) == chosen.as_json()
    shown = [each.text for each in ElementTree.parse(tmp_path / DRAWING).iter(NUMBERS)]
    assert {"loss", "held_out_loss", "steps"} <= set(shown)


def test_long_curves_are_drawn_as_means_and_told_in_full(tmp_path: Path) -> None:
    curve = [(step, float(step)) for step in range(1, 1001)]
    chart = chart_of("Curves", "One.", {"loss": curve})
    points = chart.spec["data"]["values"]
    assert len(points) == POINTS
    assert points[0] == {"step": 5, "value": 3.0, "metric": "loss"}
    assert chart.rows == [("loss", 1000, 1.0, 1000.0)]
    assert read_curves(tmp_path / METRICS) == {}
