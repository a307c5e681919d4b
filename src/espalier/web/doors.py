"""How people come in here: what the organiser wishes, narrowed to what the server can do.

Knows the campaign's wish and what was set up; knows no page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from espalier.domain.admission import Doors
from espalier.store.charters import charter_in_force
from espalier.store.identities import EMAIL, PASSWORD
from espalier.web.mail import Post
from espalier.web.providers import Provider


@dataclass(frozen=True, slots=True)
class Entrance:
    """`address`: of the site, for links in letters. `post`: None where no mail can be sent."""

    address: str = "http://127.0.0.1:8000"
    post: Post | None = None
    providers: Sequence[Provider] = ()

    def doors(self, db: Connection) -> Doors:
        """What is offered now."""
        return self.narrowed(charter_in_force(db).open_doors)

    def narrowed(self, wish: Doors) -> Doors:
        """What the server can do of it."""
        return replace(wish, email=wish.email and self.post is not None)

    def issuers(self, wish: Doors) -> frozenset[str]:
        """With whose proofs people come in."""
        doors = self.narrowed(wish)
        own = [name for name, is_open in ((EMAIL, doors.email), (PASSWORD, doors.password)) if is_open]
        return frozenset([*own, *(each.issuer for each in self.offered(doors))])

    def offered(self, doors: Doors) -> list[Provider]:
        return [each for each in self.providers if not doors.providers or each.name in doors.providers]

    def provider(self, doors: Doors, name: str) -> Provider | None:
        return next((each for each in self.offered(doors) if each.name == name), None)
