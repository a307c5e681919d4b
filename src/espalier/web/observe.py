"""What an operator sees of the running server: a request id, a log line and figures for every request.

Knows routes, statuses and durations; never sees a text, a token or a person.
"""

import json
import logging
import time
from collections.abc import Callable, MutableMapping
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("espalier.requests")
HUNG_UP = 499  # as other servers write it: whoever asked was gone before there was an answer
BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)


class Figures:
    """The figures of `/metrics`; one set an application, so that tests do not share them."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "espalier_requests", "Requests by route and status.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "espalier_request_seconds",
            "Time to answer.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        gauge = Gauge("espalier_writes_waiting", "Use cases that wait at the door.", registry=self.registry)
        gauge.set_function(waiting)
        self._known: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        counters = self._known.get(key)
        if counters is None:  # looking labels up is most of the cost
            counters = self._known[key] = (self.requests.labels(*key), self.seconds.labels(method, route))
        counters[0].inc()
        counters[1].observe(seconds)


class Observed:
    """ASGI middleware: each request gets an id (the client's own, if it sent a sound one), a line and a count."""

    def __init__(
        self, app: ASGIApp, figures: Figures, rng: Random, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app, self._figures, self._rng, self._clock = app, figures, rng, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock()
        request_id = scope["request_id"] = _sent_id(scope) or f"{self._rng.getrandbits(64):016x}"
        status = HUNG_UP

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = self._clock() - began
            route = _route(scope)
            self._figures.count(scope["method"], route, status, seconds)
            if log.isEnabledFor(logging.INFO):
                log.info(
                    "%s %s %d", scope["method"], route, status,
                    extra={"request_id": request_id, "ms": round(seconds * 1000, 2)},
                )  # fmt: skip


def _sent_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            sent: str = value.decode("latin-1")
            return sent if 1 <= len(sent) <= 64 and sent.replace("-", "").isalnum() and sent.isascii() else None
    return None


def _route(scope: MutableMapping[str, Any]) -> str:
    """The template, never the address: ids would make one counter for each message."""
    route = scope.get("route")
    return str(getattr(route, "path_format", getattr(route, "path", "other")))


class TextLines(logging.Formatter):
    """A line to read; that of a request ends with its time and its id."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        ms, request_id = (record.__dict__.get(name) for name in ("ms", "request_id"))
        line = super().formatMessage(record)
        return line + (f" in {ms} ms" if ms is not None else "") + (f"  [{request_id}]" if request_id else "")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "of": record.name,
            "says": record.getMessage(),
        }
        line |= {name: record.__dict__[name] for name in ("request_id", "ms") if name in record.__dict__}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
