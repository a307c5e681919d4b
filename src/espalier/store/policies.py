"""The campaign's policy: every version that was ever in force.

Knows how a policy is stored; what it may say is domain/policy.py.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from espalier.domain.policy import CampaignPolicy, Policy
from espalier.store.sql import KeptStatement, Statement
from espalier.store.tables import policies
from espalier.store.times import from_us, to_us

P = policies.c
NEWEST: Final = 2**31 - 1
"""Above every version: where a list begins."""
_CURRENT = KeptStatement(select(P.version, P.document).order_by(P.version.desc()).limit(1))
_VERSION = KeptStatement(select(P.document).where(P.version == bindparam("number")))
_VERSIONS = Statement(
    select(P.version, P.at, P.person_id, P.document)
    .where(P.version < bindparam("before"))
    .order_by(P.version.desc())
    .limit(bindparam("most"))
)
_INSERT = Statement(
    insert(policies)
    .values(at=bindparam("at"), person_id=bindparam("person_id"), document=bindparam("document"))
    .returning(P.version)
)


@dataclass(frozen=True, slots=True)
class Version:
    """A policy, and since when and by whom it was in force; None is the command line."""

    version: int
    at: datetime
    person_id: str | None
    policy: CampaignPolicy


# Keyed by the text itself, so that a version that was rolled back cannot be mistaken for its successor.
@lru_cache(maxsize=64)
def parsed(document: str) -> CampaignPolicy:
    return CampaignPolicy.from_mapping(json.loads(document))


@lru_cache(maxsize=1024)
def _for_lang(document: str, lang: str) -> Policy:
    return parsed(document).for_lang(lang)


class PolicyBook:
    """All policies as one transaction sees them. `version` and `campaign`: what is in force now."""

    def __init__(self, db: Connection) -> None:
        row = _CURRENT.row(db)
        assert row is not None, "the first policy is written when the database is made"
        self._db: Final = db
        self.version: Final[int] = row[0]
        self._documents: Final = {self.version: str(row[1])}
        self.campaign: Final = parsed(row[1])

    def for_lang(self, lang: str) -> Policy:
        """What is in force now for a language."""
        return self.of(self.version, lang)

    def of(self, version: int, lang: str) -> Policy:
        """What a version said for a language."""
        document = self._documents.get(version)
        if document is None:
            row = _VERSION.row(self._db, number=version)
            assert row is not None, f"policy {version} is missing"
            document = self._documents[version] = str(row[0])
        return _for_lang(document, lang)


def versions(db: Connection, limit: int, *, before: int = NEWEST) -> list[Version]:
    """What was in force, newest first: versions with a smaller number than `before`."""
    rows = _VERSIONS.rows(db, before=min(before, NEWEST), most=limit)
    return [Version(number, from_us(at), person, parsed(document)) for number, at, person, document in rows]


def keep_policy(db: Connection, policy: CampaignPolicy, person_id: str | None, now: datetime) -> int:
    """Put a policy in force; returns its version."""
    document = json.dumps(policy.to_mapping(), sort_keys=True)
    row = _INSERT.row(db, at=to_us(now), person_id=person_id, document=document)
    assert row is not None
    return int(row[0])


def has_policy(db: Connection) -> bool:
    return _CURRENT.row(db) is not None
