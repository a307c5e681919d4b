"""The stations of the tour in their order, and the folder in which it is made: what is done is not done again.

Each station runs commands as somebody types them, or asks the site that runs meanwhile. Prints through whoever calls.
"""

import asyncio
import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from espalier import demo
from espalier.dataset.read import read_trees
from espalier.dataset.records import MessageRecord
from espalier.dataset.trees import messages_of
from espalier.tour.crowd import judged
from espalier.tour.talk import talk

STATE: Final = "tour.json"
ASSISTANT: Final = "assistant"
PEOPLES: Final = "people.trees.jsonl"
"""The demo's finished trees, which grow again."""
START_S: Final = 60.0
END_S: Final = 20.0
POLICY: Final = {
    # A prompt with three replies is a tree; nothing is drawn but by order.
    "max_active_trees": 0, "max_tree_depth": 1, "max_children_count": 3, "goal_tree_size": 4, "min_goal_tree_size": 4,
    "num_reviews_reply": 2, "num_required_rankings": 2, "p_full_labeling_review_reply_assistant": 0.0,
}  # fmt: skip
RECIPE: Final = """# A recipe as small as can be: everything fits together, and nothing is shown by models of this size.
out = "models"
[data]
trees = ["first/data/train.trees.jsonl.gz"]
held_out = 0.25
[common]
run = { threads = 1, tensorboard = false }
model = { device = "cpu" }
data = { sources = [{ path = "@one" }, { path = "@two" }, { path = "@held_out" }], length = 256 }
[steps.base]
base = { vocabulary = 512, width = 64, layers = 2, heads = 2, positions = 1024, device = "cpu" }
optimizer = { learning_rate = 3e-3, batch = 16, warmup = 10 }
run = { seed = 0, steps = 60, measure_every = 60 }
[steps.sft]
model = { start = "@base" }
optimizer = { learning_rate = 1e-3, batch = 16, warmup = 5 }
run = { steps = 40, measure_every = 40 }
[steps.reward]
model = { start = "@base" }
data = { sources = [{ path = "@one" }, { path = "@held_out" }], overlap = "learn" }
optimizer = { learning_rate = 5e-4, batch = 8, warmup = 2 }
run = { steps = 8, measure_every = 8 }
[measure]
reward = "reward"
judge = "reward"
prompts = 8
replies = 1
longest = 16
length = 256
"""
SECOND: Final = """# The second reward model: the same, on the release that holds what the first assistant wrote.
model = {{ start = "{base}", device = "cpu" }}
data = {{ sources = [{{ path = "second" }}], length = 256, overlap = "learn", held_out = 0.1 }}
optimizer = {{ learning_rate = 5e-4, batch = 8, warmup = 2 }}
run = {{ out = "models/second-reward", threads = 1, tensorboard = false, steps = 16, measure_every = 16 }}
"""
Say = Callable[[str], None]
Talk = Callable[[str, str, str, str], str]
"""How somebody talks with a model: where the site is, a token, the model, the words; its reply."""


class StationFailed(Exception):
    """A command ended otherwise than it should; the message says which, and what it said last."""


@dataclass
class Tour:
    """folder: where everything lies. say: hears a line for each thing that is done. talk: how somebody chats."""

    folder: Path
    say: Say
    talk: Talk = talk
    port: int = field(default_factory=lambda: _free_port())
    _site: subprocess.Popen[bytes] | None = None
    _told: dict[str, Any] = field(default_factory=dict)

    def go(self) -> None:
        """Every station that is not done yet. Raises StationFailed, NoReply, httpx.HTTPError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / STATE).exists():
            self._told = json.loads((self.folder / STATE).read_text("utf-8"))
        try:
            for number, (name, title, station) in enumerate(STATIONS, 1):
                done = name in self._told
                self.say(f"{number} of {len(STATIONS)}  {title}{': done before' if done else ''}")
                if not done:
                    self._tell(name, station(self))
        finally:
            self._close()

    def told(self, name: str) -> Any:
        """What a station found."""
        return self._told[name]

    def run(self, *command: str | Path) -> str:
        """One command of `espalier` in the folder; what it printed. Raises StationFailed."""
        words = [str(word) for word in command]
        self.say("    $ espalier " + " ".join(words))
        going = subprocess.Popen(
            [sys.executable, "-m", "espalier.cli", *words], cwd=self.folder, env=self._environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        try:
            printed, complaints = going.communicate()
        except BaseException as stopped:
            if not isinstance(stopped, KeyboardInterrupt):  # Ctrl-C is for both
                going.terminate()
            _ended(going)  # it puts in order what it has begun
            raise
        if going.returncode:
            raise StationFailed(
                f"espalier {words[0]} ended with {going.returncode}: {complaints.strip()[-2000:].rstrip('.')}"
            )
        return printed

    def say_last(self, printed: str, lines: int = 1) -> None:
        for line in printed.strip().splitlines()[-lines:]:
            self.say(f"      {line}")

    def say_first(self, printed: str) -> None:
        self.say(f"      {printed.strip().splitlines()[0]}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def site(self, *models: str) -> str:
        """The site runs from here on, with these models beside it; where."""
        self._close()
        given = [word for model in models for word in ("--model", model)]
        self.say("    $ espalier " + " ".join(["serve", *given]))
        with (self.folder / "site.log").open("ab") as log:
            self._site = subprocess.Popen(
                [sys.executable, "-m", "espalier.cli", "serve", *given], cwd=self.folder, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._site.poll() is None:
            try:
                if httpx.get(f"{self.url}/api/v1/policy", timeout=2.0).status_code < 500:
                    return self.url
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise StationFailed(f"the site did not start; {self.folder / 'site.log'} says why")

    def token(self) -> str:
        """Of an administrator, who is made for the tour."""
        if "token" not in self._told:
            printed = self.run("user", "add", "Tour", "--role", "admin")
            self._tell("token", next(word for word in printed.split() if word.startswith("esp_")))
        return str(self._told["token"])

    def forget_campaign(self) -> None:
        self._told.pop("token", None)
        for file in self.folder.glob("espalier.db*"):
            file.unlink()

    def running(self) -> str:
        """The site, with the assistant as soon as there is one."""
        if self._site is not None and self._site.poll() is None:
            return self.url
        return self.site(*self._models())

    def model(self, step: str) -> Path:
        """Of a step of the recipe."""
        (found,) = self.folder.glob(f"models/{step}-*/model")
        return found.relative_to(self.folder)

    def _models(self) -> Sequence[str]:
        return [f"{ASSISTANT}={self.model('sft')}"] if "learn" in self._told else []

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESPALIER_")}
        own = {"DATA_DIR": ".", "PORT": str(self.port), "POLICY": json.dumps(POLICY), "LOG_LEVEL": "warning"}
        return {**kept, **{f"ESPALIER_{name}": value for name, value in own.items()}, "OMP_NUM_THREADS": "1"}

    def _tell(self, name: str, found: object) -> None:
        self._told[name] = found
        new = self.folder / f".{STATE}"
        new.write_text(json.dumps(self._told, indent=2), "utf-8")
        new.chmod(0o600)  # it holds a token
        new.replace(self.folder / STATE)

    def _close(self) -> None:
        if self._site is not None:
            self._site.terminate()
            _ended(self._site)
        self._site = None


def _ended(going: "subprocess.Popen[Any]") -> None:
    """A process that was told to end has a while for it."""
    try:
        going.wait(END_S)
    except subprocess.TimeoutExpired:
        going.kill()
        going.wait()


def _grow(tour: Tour) -> object:
    tour.forget_campaign()  # one that was stopped in the midst of it begins again
    tour.site()
    finished = [line for line in _demo_lines() if json.loads(line)["tree_state"] == "ready_for_export"]
    (tour.folder / PEOPLES).write_text("\n".join(finished) + "\n", "utf-8")
    token = tour.token()
    tour.say(f"    $ espalier replay {PEOPLES} --token …")
    printed = _quiet(tour, "replay", PEOPLES, "--url", tour.url, "--token", token, "--volunteers", "20")
    figures: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    tour.say(f"      {figures['same']} of {figures['trees']} trees grew again as their originals.")
    return figures


def _first(tour: Tour) -> object:
    _release(tour, "first")
    return count_synthetic(tour.folder / "first")


def _release(tour: Tour, name: str, *more: str) -> None:
    if not (tour.folder / name).exists():  # it is never changed, and appears only when it is whole
        tour.say_last(tour.run("dataset", "release", name, "--share", "validation=0.3", *more), 4)


def _learn(tour: Tour) -> object:
    (tour.folder / "recipe.toml").write_text(RECIPE, "utf-8")
    tour.say_last(tour.run("recipe", "run", "recipe.toml"))
    return True


def _evaluate(tour: Tour) -> object:
    return _agreement(tour, "first", tour.model("reward"), ASSISTANT, tour.model("sft"))


def _chat(tour: Tour) -> object:
    tour.site(*tour._models())
    prompt = next(iter(prompts()))
    reply = tour.talk(tour.url, tour.token(), ASSISTANT, prompt)
    tour.say(f"      {prompt}\n      → {' '.join(reply.split())[:200]}")
    return {"prompt": prompt, "reply": reply}


def _sample(tour: Tour) -> object:
    lines = [json.dumps({"prompt": prompt}, ensure_ascii=False) for prompt in prompts()]
    (tour.folder / "prompts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    tour.running()
    printed = tour.run(
        "sample", f"{ASSISTANT}={tour.model('sft')}", "--prompts", "prompts.jsonl", "--lang", "en", "--replies", "2",
        "--longest", "40", "--device", "cpu", "--threads", "1",
    )  # fmt: skip
    tour.say_last(printed, 2)
    return True


def _judge(tour: Tour) -> object:
    url = tour.running()
    tour.say("      volunteers reply, review and rank on the site; nobody tells them who wrote what")
    done = asyncio.run(judged(url, tour.token(), prompts(), 0, lambda number: None))
    tour.say("      " + ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in sorted(done.items())))
    return dict(done)


def _second(tour: Tour) -> object:
    _release(tour, "second", "--previous", "first/split.json")
    tour.run("dataset", "verify", "second")
    found = count_synthetic(tour.folder / "second")
    tour.say(f"      {found['ranked']} of {found['synthetic']} replies of {', '.join(found['models'])} are ranked.")
    return found


def _again(tour: Tour) -> object:
    (tour.folder / "second-reward.toml").write_text(SECOND.format(base=tour.model("base")), "utf-8")
    second = Path("models/second-reward/model")
    if not (tour.folder / second).exists():
        tour.run("train", "reward", "second-reward.toml")
    found = {
        "first": _agreement(tour, "second", tour.model("reward")), "second": _agreement(tour, "second", second)
    }  # fmt: skip
    tour.say_first(tour.run("score", f"second-reward={second}", "--device", "cpu", "--threads", "1"))
    return found


def _agreement(tour: Tour, release: str, reward: Path, *model: str | Path) -> float | None:
    """How often a reward model agrees with people on the held-out pairs of a release; with a model also its figures."""
    name = f"{release}-by-{reward.parent.name}"
    asked = [f"{model[0]}={model[1]}"] if model else []
    tour.run(
        "evaluate", "heldout", *asked, "--trees", f"{release}/data/validation.trees.jsonl.gz", "--reward",
        f"{name}={reward}", "--into", "results", "--prompts", "8", "--longest", "16", "--device", "cpu", "--threads",
        "1",
    )  # fmt: skip
    found = json.loads((tour.folder / "results" / name / "agreement.json").read_text("utf-8"))
    figure = found["figures"].get("accuracy")
    value = None if figure is None else float(figure["value"])
    if value is not None:
        tour.say(
            f"      {reward.parent.name} agrees with people on {value:.0%} of the pairs under {found['n']} prompts"
        )
    return value


def _quiet(tour: Tour, *words: str) -> str:
    """A command that is not shown as it is, since it holds a token."""
    say, tour.say = tour.say, lambda line: None
    try:
        return tour.run(*words)
    finally:
        tour.say = say


def prompts() -> dict[str, str]:
    """The demo's English prompts that people answered, each with the reply that they ranked first, or the only one."""
    found = {}
    for line in _demo_lines():
        prompt = json.loads(line)["prompt"]
        replies = [each for each in prompt["replies"] if each.get("review_result") and not each.get("deleted")]
        if prompt["lang"] == "en" and replies:
            best = min(replies, key=lambda each: (each.get("rank") is None, each.get("rank") or 0))
            found[prompt["text"]] = str(best["text"])
    return found


def _demo_lines() -> list[str]:
    return gzip.decompress(demo.TREES.read_bytes()).decode("utf-8").split("\n")[:-1]


def count_synthetic(release: Path) -> dict[str, Any]:
    """Of the trees of a release: replies of models, how many people ranked, and by which models they are."""
    synthetic = [each for each in _messages(release) if each.synthetic]
    ranked = [each for each in synthetic if each.rank is not None]
    models = sorted({str(each.model_name) for each in synthetic})
    return {"synthetic": len(synthetic), "ranked": len(ranked), "models": models}


def _messages(release: Path) -> Iterator[MessageRecord]:
    for file in sorted(release.glob("data/*.trees.jsonl.gz")):
        for tree in read_trees(file):
            yield from messages_of(tree)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


Station = tuple[str, str, Callable[[Tour], object]]
STATIONS: Final[Sequence[Station]] = (
    ("grow", "People's trees grow again in a campaign, by volunteers over HTTP", _grow),
    ("first", "A first release", _first),
    ("learn", "A recipe: a base model, an assistant, a reward model", _learn),
    ("evaluate", "Both are evaluated on trees that nobody learned from", _evaluate),
    ("chat", "Somebody talks with the assistant on the site", _chat),
    ("sample", "The assistant replies in new trees", _sample),
    ("judge", "Volunteers rank its replies beside people's, and are not told", _judge),
    ("second", "A second release holds them, marked", _second),
    ("again", "A second reward model learns from them, and is evaluated", _again),
)
"""Name, what it is, and how it is done."""
