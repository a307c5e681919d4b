"""Who may come, and how people may sign in: what an organiser wishes, as one value.

Knows no accounts and no protocol.
"""

from dataclasses import dataclass
from enum import StrEnum


class Admission(StrEnum):
    """Who may make an account. An invitation opens it always."""

    OPEN = "open"
    INVITATION = "invitation"
    DOMAINS = "domains"


@dataclass(frozen=True, slots=True)
class Doors:
    """`email`, `password`, `providers`: the ways that are offered; providers by their names.

    domains: of addresses, where `admission` is by domain. trusted: issuers whose word on an address is taken.
    """

    email: bool = True
    password: bool = False
    providers: tuple[str, ...] = ()
    admission: Admission = Admission.OPEN
    domains: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def admits(self, address: str | None, *, invited: bool) -> bool:
        """Whether somebody with this verified address may make an account."""
        if invited or self.admission is Admission.OPEN:
            return True
        if self.admission is Admission.DOMAINS and address is not None:
            return address.rpartition("@")[2].lower() in {domain.lower().removeprefix("@") for domain in self.domains}
        return False
