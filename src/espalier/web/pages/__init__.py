"""The site's pages, one module each: a Context, whose fields are all that its template gets, and what makes it."""

from typing import Final

from espalier.web.pages import (
    admin,
    announcements,
    errors,
    keys,
    label,
    landing,
    leave,
    rank,
    signin,
    task,
    tasks,
    write,
)

__all__ = ["ROUTERS", "errors"]

ROUTERS: Final = (
    landing.router,
    signin.router,
    tasks.router,
    write.router,
    leave.router,
    label.router,
    rank.router,
    keys.router,
    admin.router,
    announcements.router,
    task.router,
)
