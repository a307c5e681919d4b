"""Tasks that ask for a text: a prompt, a reply as the person asking, a reply as the assistant."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import contributions
from espalier.collect.answers import TextAnswer
from espalier.domain.errors import Refusal
from espalier.web.pages.frame import Frame, frame_of, go_on
from espalier.web.render import render
from espalier.web.visit import Sender, Visit

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Context:
    """text: what was typed so far. fault: why the last try was not taken."""

    frame: Frame
    text: str
    fault: str | None = None


def page(visit: Visit, frame: Frame) -> Response:
    return render(visit, "write.html", Context(frame, ""))


@router.post("/tasks/{task_id}/text")
async def submit(
    visit: Sender,
    task_id: str,
    text: Annotated[str, Form()] = "",
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
    send_anyway: Annotated[bool, Form()] = False,
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(
            visit.changing(), contributions.submit, task_id, answer_id or task_id, TextAnswer(text, send_anyway),
            campaign.clock(), campaign.rng,
        )  # fmt: skip
    except Refusal as refused:
        frame = frame_of(visit, task_id, choice, answer_id)
        return render(visit, "write.html", Context(frame, text, refused.detail), status=refused.status)
    return await go_on(visit, choice)
