"""Passwords: kept as Argon2, checked in the same time whether or not there is an account. Blocks for a moment."""

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from espalier.domain.errors import Invalid

SHORTEST: Final = 10  # characters
LONGEST: Final = 200
_HASHER: Final = PasswordHasher()


def spelled(password: str) -> str:
    """A new password as it is kept. Raises Invalid."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            "A password has %(least)s to %(most)s characters.", least=SHORTEST, most=LONGEST, field="password"
        )
    if len(set(password)) < SHORTEST // 2:
        raise Invalid("This is too easy to guess; several words are good.", field="password")
    return _HASHER.hash(password)


def fits(password: str, argon2: str | None) -> bool:
    """Whether this is the password; without one, it is not, and takes as long."""
    try:
        return _HASHER.verify(argon2 or _nobody(), password[:LONGEST]) and argon2 is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash("somebody else's")
