"""The site's pages, one module each: a Context, whose fields are all that its template gets, and what makes it."""

from typing import Final

from espalier.web.pages import (
    admin,
    announcements,
    errors,
    invitations,
    jobs,
    keys,
    label,
    landing,
    leave,
    message,
    message_staff,
    people,
    policy,
    policy_history,
    practice,
    purge,
    rank,
    signed_out,
    signin,
    task,
    tasks,
    tree,
    trees,
    write,
)

__all__ = ["ROUTERS", "errors", "signed_out"]

ROUTERS: Final = (
    landing.router,
    signin.router,
    tasks.router,
    write.router,
    leave.router,
    label.router,
    rank.router,
    keys.router,
    practice.router,
    admin.router,
    announcements.router,
    jobs.router,
    people.router,
    purge.router,
    invitations.router,
    policy.router,
    policy_history.router,
    trees.router,
    tree.router,
    message.router,
    message_staff.router,
    task.router,
)
