"""The tables, and nothing else.

Two kinds. *Kept*: what people contributed and decided; rows are added, never overwritten (only a purge empties some).
*Derived*: what follows from the kept rows, written beside them so that a question is one look-up; `espalier doctor`
rebuilds it. A comment above each table says which kind it is.

Only plain types (text, integers, doubles), the same on SQLite and PostgreSQL: times are microseconds since 1970 in
UTC (`…_at`), days are ordinals of `datetime.date`, yes/no is 0 or 1, values with an inside are JSON in text.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from espalier.domain.points import Counts

metadata = MetaData()

# SQLite numbers rows by itself only in a column of its own type INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")


def required(name: str, kind: type | object = Text) -> Column:  # type: ignore[type-arg]
    return Column(name, kind, nullable=False)  # type: ignore[arg-type]


def yes_no(name: str, default: int = 0) -> Column:  # type: ignore[type-arg]
    return Column(name, SmallInteger, nullable=False, server_default=text(str(default)))


# Kept, but for `disabled`, `suspended_until`, `name`, `role` and `moderates`, whose changes stand in the journal.
people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    required("name"),
    required("role"),  # contributor, moderator, admin
    Column("moderates", Text),  # of a moderator: the languages, with commas between; none: all
    Column("email", Text),
    yes_no("disabled"),
    Column("suspended_until", BigInteger),
    yes_no("on_board", 1),
    yes_no("anonymous"),  # came with an import, or closed the account: nobody signs in as this person
    Column("terms", Integer, nullable=False, server_default=text("0")),  # the last version accepted
    required("created_at", BigInteger),
    Index("people_by_name", "name", "id"),
    Index("people_by_email", "email", unique=True),
    Index("people_disabled", "id", sqlite_where=text("disabled = 1"), postgresql_where=text("disabled = 1")),
)

# Kept. A token is stored as its SHA-256.
tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    required("id"),
    required("person_id"),
    required("name"),
    required("scope"),  # full, read
    required("created_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("tokens_by_person", "person_id"),
    Index("tokens_by_id", "id", unique=True),
)

# Kept while they are in force. A session of a browser is stored as the SHA-256 of what its cookie holds.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    required("id"),
    required("person_id"),
    required("agent"),
    required("created_at", BigInteger),
    required("seen_at", BigInteger),
    required("signed_in_at", BigInteger),
    required("expires_at", BigInteger),
    Index("sessions_by_person", "person_id"),
    Index("sessions_by_end", "expires_at"),
)

# Kept: what cookies and links are signed with.
keys = Table("keys", metadata, Column("name", Text, primary_key=True), required("value"))

# Kept: what people chose for themselves.
preferences = Table("preferences", metadata, Column("person_id", Text, primary_key=True), required("document"))

# Kept until the answer is in hand: what people have begun to write. `ends_at`: of a task that is over.
drafts = Table(
    "drafts",
    metadata,
    required("person_id"),
    required("task_id"),
    required("version", Integer),
    required("fields"),
    required("saved_at", BigInteger),
    Column("ends_at", BigInteger),
    PrimaryKeyConstraint("person_id", "task_id"),
    Index("drafts_by_end", "ends_at"),
)

# Kept: everything that was ever said of the campaign, with who and when.
charters = Table(
    "charters",
    metadata,
    Column("version", Serial, primary_key=True, autoincrement=True),
    required("at", BigInteger),
    Column("person_id", Text),
    required("document"),
    sqlite_autoincrement=True,
)

# Kept: the picture of the campaign, and no other. `digest`: the SHA-256 of what it holds; `data`: that, in Base64.
pictures = Table(
    "pictures",
    metadata,
    Column("digest", Text, primary_key=True),
    required("type"),
    required("width", Integer),
    required("height", Integer),
    required("data"),
    Column("person_id", Text),
    required("at", BigInteger),
)

# Kept as long as a person wants them: letters by choice. `lang`: of the page on which they asked; `due_at`: not before
# then comes the next.
letters = Table(
    "letters",
    metadata,
    Column("person_id", Text, primary_key=True),
    required("lang"),
    required("due_at", BigInteger),
    Index("letters_by_time", "due_at"),
)

# Kept: the organiser's texts, every version.
documents = Table(
    "documents",
    metadata,
    required("kind"),
    required("lang"),
    required("version", Integer),
    required("text"),
    required("at", BigInteger),
    Column("person_id", Text),
    PrimaryKeyConstraint("kind", "lang", "version"),
)

# Kept: who accepted which terms, and when.
consents = Table(
    "consents",
    metadata,
    required("person_id"),
    required("version", Integer),
    required("at", BigInteger),
    PrimaryKeyConstraint("person_id", "version"),
)

# Kept: every policy that was ever in force, with who and when.
policies = Table(
    "policies",
    metadata,
    Column("version", Integer, primary_key=True),
    required("at", BigInteger),
    Column("person_id", Text),
    required("document"),
)

# Derived, but for id, lang, origin, extra and created_at.
trees = Table(
    "trees",
    metadata,
    Column("id", Text, primary_key=True),
    required("lang"),
    required("state"),
    required("policy", Integer),
    required("max_tree_depth", Integer),
    required("max_children_count", Integer),
    required("num_prompter_replies", Integer),
    required("goal_tree_size", Integer),
    yes_no("won_lottery"),
    Column("parked", Text),
    Column("origin", Text),
    Column("extra", Text),
    Column("author_id", Text),  # of the prompt: the lottery draws authors
    required("created_at", BigInteger),
    required("changed_at", BigInteger),
    Index("trees_by_state", "lang", "state", "author_id"),
    Index("trees_in_order", "state", "created_at", "id"),
    Index("trees_by_age", "created_at", "id"),
    Index("trees_by_lang", "lang", "created_at", "id"),
    Index("trees_by_lang_and_state", "lang", "state", "created_at", "id"),
)

# Kept: id … model_name, imported, extra. Derived: the rest (`text` is the last edit's).
messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    required("tree_id"),
    Column("parent_id", Text),
    required("place", Integer),  # order of arrival in the tree
    required("role"),
    Column("author_id", Text),
    required("created_at", BigInteger),
    Column("created_date", Text),  # as an imported file spells it
    required("lang"),
    required("depth", Integer),
    required("text"),
    yes_no("late"),
    yes_no("synthetic"),
    Column("model_name", Text),
    Column("imported", Text),  # the baseline: what a file said of it
    Column("extra", Text),  # fields of a file that mean nothing here, given back on export
    yes_no("deleted"),
    Column("deletion_found", Text),
    yes_no("live", 1),
    yes_no("tombstone"),
    yes_no("edited"),
    Column("accepted", SmallInteger),
    Column("rank", Integer),
    required("review_count", Integer),
    Column("labels", Text),
    Column("emojis", Text),
    required("dismissed_flags", Integer),
    required("dismissed_skips", Integer),
    Index("messages_by_tree", "tree_id", "place"),
    Index("messages_by_parent", "parent_id"),
    Index("messages_by_author", "author_id", "created_at", "id"),
    Index("messages_by_age", "created_at", "id"),
    Index(
        "messages_ranked_first",
        "created_at",
        sqlite_where=text("rank = 0 AND role = 'assistant'"),
        postgresql_where=text("rank = 0 AND role = 'assistant'"),
    ),
    Index("messages_by_lang", "lang", "created_at", "id"),
    Index(
        "messages_deleted",
        "created_at",
        "id",
        sqlite_where=text("deleted = 1"),
        postgresql_where=text("deleted = 1"),
    ),
)

# Derived: the words of live messages in order of arrival; the index over them is made in search_tables.py.
searched = Table(
    "searched",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    required("message_id"),
    required("tokens", TSVECTOR().with_variant(Text(), "sqlite")),
    Index("searched_by_message", "message_id", unique=True),
)

# Kept: everything that ever happened to a tree, in order. `void`: withdrawn. `counted` is derived.
contributions = Table(
    "contributions",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    required("tree_id"),
    required("kind"),
    Column("message_id", Text),
    Column("person_id", Text),
    required("at", BigInteger),
    Column("task_id", Text),
    yes_no("late"),
    yes_no("counted", 1),
    yes_no("void"),
    Column("terms", Integer),  # the version that was accepted when it was sent
    Column("data", Text),
    Index("contributions_by_tree", "tree_id", "seq"),
    Index("contributions_by_person", "person_id", "seq"),
    Index("contributions_by_task", "task_id"),
    sqlite_autoincrement=True,
)

# Kept: the first answer to each id that a client chose.
receipts = Table(
    "receipts",
    metadata,
    required("person_id"),
    required("id"),
    required("digest"),
    required("answer"),
    Column("contribution", BigInteger),
    PrimaryKeyConstraint("person_id", "id"),
)

# Derived, but for `held`, which counts live leases, and `point`, which chance moves at each lease.
open_work = Table(
    "open_work",
    metadata,
    required("act"),
    required("subject"),
    required("tree_id"),
    required("kind"),
    required("lang"),
    required("needs", Integer),
    required("budget", Integer),
    Column("author_id", Text),
    yes_no("lonely"),
    required("held", Integer),
    required("tree_held", Integer),
    required("point", Double),
    PrimaryKeyConstraint("act", "subject"),
    Index("open_work_by_tree", "tree_id"),
    Index(
        "open_work_free",
        "kind",
        "lang",
        "point",
        sqlite_where=text("needs > held AND budget > tree_held"),
        postgresql_where=text("needs > held AND budget > tree_held"),
    ),
    Index(
        "open_work_lonely",
        "kind",
        "lang",
        "point",
        sqlite_where=text("lonely = 1 AND needs > held AND budget > tree_held"),
        postgresql_where=text("lonely = 1 AND needs > held AND budget > tree_held"),
    ),
)

# Derived: what a person may not do (again).
done = Table(
    "done",
    metadata,
    required("person_id"),
    required("act"),
    required("subject"),
    required("tree_id"),
    PrimaryKeyConstraint("person_id", "act", "subject"),
    Index("done_by_tree", "tree_id"),
    sqlite_with_rowid=False,
)

# Kept: what was handed out to whom. `held`: the lease still counts in open_work.
tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    required("person_id"),
    required("kind"),
    required("lang"),
    Column("tree_id", Text),
    Column("act", Text),
    Column("subject", Text),
    yes_no("simple"),
    yes_no("gold"),
    Column("replies", Text),
    Column("inspiration", Text),
    required("created_at", BigInteger),
    required("expires_at", BigInteger),
    required("status"),  # open, done, skipped; closed: others answered what it asked
    yes_no("held", 1),
    Index("tasks_by_person", "person_id", "created_at"),
    Index("tasks_open", "person_id", "expires_at", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
    Index("tasks_over", "person_id", "expires_at", sqlite_where=text("status IN ('done', 'skipped')"),
          postgresql_where=text("status IN ('done', 'skipped')")),
    Index("tasks_held", "expires_at", sqlite_where=text("held = 1"), postgresql_where=text("held = 1")),
    Index("tasks_held_by_tree", "tree_id", sqlite_where=text("held = 1"), postgresql_where=text("held = 1")),
    Index("tasks_held_prompts", "lang", sqlite_where=text("held = 1 AND kind = 'initial_prompt'"),
          postgresql_where=text("held = 1 AND kind = 'initial_prompt'")),
)  # fmt: skip

# Derived: what each person earned on each day.
tallies = Table(
    "tallies",
    metadata,
    required("person_id"),
    required("day", Integer),
    *(Column(name, Integer, nullable=False, server_default=text("0")) for name in Counts.__slots__),
    PrimaryKeyConstraint("person_id", "day"),
    Index("tallies_by_day", "day"),
    sqlite_with_rowid=False,
)

# Kept: recent texts of a person by fingerprint, for the rule against sending the same text twice.
texts_sent = Table(
    "texts_sent",
    metadata,
    required("person_id"),
    required("fingerprint"),
    required("at", BigInteger),
    PrimaryKeyConstraint("person_id", "fingerprint", "at"),
    sqlite_with_rowid=False,
)

# Kept: messages whose right labels are known, and how people answered them.
gold = Table(
    "gold",
    metadata,
    Column("message_id", Text, primary_key=True),
    required("lang"),
    required("kind"),
    required("answers"),
    required("person_id"),
    required("at", BigInteger),
    Index("gold_by_lang", "kind", "lang"),
)
gold_answers = Table(
    "gold_answers",
    metadata,
    required("person_id"),
    required("message_id"),
    required("agreed", Integer),
    required("asked", Integer),
    required("at", BigInteger),
    PrimaryKeyConstraint("person_id", "message_id"),
)

# Kept until they are estimated again: how far reviewers can be relied upon, from 0 to 1. What a vote counted when it
# came stands with the vote.
reviewer_weights = Table(
    "reviewer_weights",
    metadata,
    Column("person_id", Text, primary_key=True),
    required("weight", Double),
    required("at", BigInteger),
)

# Kept: who did what as staff, without texts.
journal = Table(
    "journal",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    required("at", BigInteger),
    Column("person_id", Text),
    required("action"),
    Column("subject", Text),
    Column("data", Text),
    Index("journal_by_subject", "subject", "seq"),
    Index("journal_by_person", "person_id", "seq"),
    Index("journal_by_action", "action", "seq"),
    sqlite_autoincrement=True,
)

# Kept: who reported which message, and what staff made of it.
reports = Table(
    "reports",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    required("message_id"),
    required("tree_id"),
    Column("person_id", Text),
    required("at", BigInteger),
    Column("reason", Text),
    required("status"),  # open, resolved, dismissed, withdrawn
    Column("closed_by", Text),
    Column("closed_at", BigInteger),
    Index("reports_by_message", "message_id", "seq"),
    Index("reports_by_person", "person_id"),
    Index("reports_open", "seq", sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'")),
    sqlite_autoincrement=True,
)

# Kept: what there is to decide about a message or a person; what came in, what was decided, who is to read it.
# `place`: the smaller, the earlier. `came`: the gravest of what came in. `decision`: the one that stands.
cases = Table(
    "cases",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    required("about"),  # message, person
    required("subject"),
    Column("lang", Text),
    Column("tree_id", Text),
    Column("person_id", Text),  # whom it is about
    required("state"),  # open, decided, withdrawn
    required("came"),
    required("place", Integer),
    required("opened_at", BigInteger),
    Column("taken_by", Text),
    Column("taken_at", BigInteger),
    Column("decision", BigInteger),
    Index(
        "cases_open_on", "about", "subject", unique=True,
        sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
    ),
    Index("cases_in_order", "state", "place", "opened_at", "id"),
    Index("cases_by_subject", "subject", "id"),
    Index("cases_by_person", "person_id", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip
case_entries = Table(
    "case_entries",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    required("case_id", BigInteger),
    required("came"),  # failed_filter, red_flag, report, appeal, harmful_skip
    Column("person_id", Text),
    required("at", BigInteger),
    Column("words", Text),
    Column("withdrawn_at", BigInteger),
    Index("case_entries_by_case", "case_id", "seq"),
    Index("case_entries_by_person", "person_id"),
    sqlite_autoincrement=True,
)
decisions = Table(
    "decisions",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    required("case_id", BigInteger),
    required("verdict"),
    required("reason"),
    required("note"),
    Column("days", Integer),
    yes_no("removed"),
    Column("person_id", Text),  # who decided
    required("at", BigInteger),
    required("before"),  # what undoing it brings back
    Column("bulk", BigInteger),  # the number of the first of those that were decided at once
    Column("undone_by", Text),
    Column("undone_at", BigInteger),
    Index("decisions_by_case", "case_id", "seq"),
    Index("decisions_by_bulk", "bulk"),
    sqlite_autoincrement=True,
)
notices = Table(
    "notices",
    metadata,
    required("person_id"),
    required("decision", BigInteger),
    required("side"),  # author, reporter
    Column("read_at", BigInteger),
    PrimaryKeyConstraint("person_id", "decision", "side"),
    Index("notices_by_decision", "decision"),
    sqlite_with_rowid=False,
)

# Kept: every list of reasons that organisers gave, one reason a line.
reason_lists = Table(
    "reason_lists",
    metadata,
    Column("version", Serial, primary_key=True, autoincrement=True),
    required("at", BigInteger),
    Column("person_id", Text),
    required("document"),
    sqlite_autoincrement=True,
)

# Kept: long jobs that run once.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    required("kind"),
    required("arguments"),
    required("status"),  # waiting, running, done, failed, cancelled
    required("progress", BigInteger),
    Column("total", BigInteger),
    Column("position", Text),  # where the next batch goes on
    Column("result", Text),
    Column("error", Text),
    Column("person_id", Text),
    required("created_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("lease_until", BigInteger),
    Index("jobs_by_status", "status", "created_at"),
    Index("jobs_by_age", "created_at", "id"),
)

# Kept: ideas and articles that organisers give to the writers of prompts. `point`: where a draw by chance finds it.
inspirations = Table(
    "inspirations",
    metadata,
    Column("id", Text, primary_key=True),
    required("lang"),
    required("title"),
    required("text"),
    required("source"),
    required("licence"),
    yes_no("shown", 1),
    required("point", Double),
    required("person_id"),
    required("created_at", BigInteger),
    Index("inspirations_in_order", "created_at", "id"),
    Index("inspirations_shown", "lang", "point", sqlite_where=text("shown = 1"), postgresql_where=text("shown = 1")),
)

# Kept: lines that organisers show on every page, and who has read which wording of them.
announcements = Table(
    "announcements",
    metadata,
    Column("id", Text, primary_key=True),
    required("text"),
    required("version", Integer),
    required("starts_at", BigInteger),
    required("ends_at", BigInteger),
    required("person_id"),
    required("created_at", BigInteger),
    Index("announcements_by_end", "ends_at"),
)
announcements_read = Table(
    "announcements_read",
    metadata,
    required("person_id"),
    required("announcement_id"),
    required("version", Integer),
    PrimaryKeyConstraint("person_id", "announcement_id"),
    sqlite_with_rowid=False,
)

# Kept: who has practised what before the first task of a kind, or has skipped the practice.
practised = Table(
    "practised",
    metadata,
    required("person_id"),
    required("lesson"),
    required("outcome"),  # passed, tried, skipped
    required("at", BigInteger),
    PrimaryKeyConstraint("person_id", "lesson"),
    sqlite_with_rowid=False,
)

# Kept: the ways in which a person signs in. `issuer`: `email`, `password`, or the address of who vouches for them.
identities = Table(
    "identities",
    metadata,
    required("issuer"),
    required("subject"),  # under which the issuer knows the person: an address, an account's id
    required("person_id"),
    required("label"),  # as the person knows it
    Column("secret", Text),  # of a password: its Argon2
    required("created_at", BigInteger),
    Column("used_at", BigInteger),
    PrimaryKeyConstraint("issuer", "subject"),
    Index("identities_by_person", "person_id"),
)

# Kept for minutes: links and codes with which somebody signs in, as SHA-256. Who asks again has the newest alone.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", Text, primary_key=True),
    required("asker"),  # SHA-256 of what the browser that asked holds
    Column("email", Text),
    Column("person_id", Text),  # whom it is for, where that is settled already
    Column("code", Text),
    required("tries", Integer),
    Column("invitation", Text),  # the hash of the one that the asker holds
    required("next"),
    required("ends_at", BigInteger),
    Index("sign_in_links_by_asker", "asker", unique=True),
    Index("sign_in_links_by_email", "email", unique=True),
    Index("sign_in_links_by_end", "ends_at"),
)

# Kept for minutes: how often something was tried of late, by whom or for whom.
attempts = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    required("count", Integer),
    required("ends_at", BigInteger),
    Index("attempts_by_end", "ends_at"),
)

# Kept: links with which an administrator invites; as SHA-256.
invitations = Table(
    "invitations",
    metadata,
    Column("hash", Text, primary_key=True),
    required("id"),
    required("note"),
    required("person_id"),  # who invites
    required("places", Integer),  # how many may come by it
    required("used", Integer),
    required("created_at", BigInteger),
    required("ends_at", BigInteger),
    Index("invitations_by_id", "id", unique=True),
    Index("invitations_by_time", "created_at"),
)

# Kept apart from all that people contribute, and read in counts only: what they said of themselves.
surveys = Table("surveys", metadata, Column("person_id", Text, primary_key=True), required("document"))

# Kept as long as their owner wants them: conversations with a model, seen by nobody else.
chats = Table(
    "chats",
    metadata,
    Column("id", Text, primary_key=True),
    required("person_id"),
    required("title"),
    required("folded"),  # the title as it is searched
    required("created_at", BigInteger),
    required("changed_at", BigInteger),
    yes_no("hidden"),
    yes_no("temporary"),  # neither listed nor kept
    Column("consent_at", BigInteger),  # since when it may become a tree; none: it may not
    Column("consent_licence", Text),  # under which, with its version
    Column("tree_at", BigInteger),  # since when it is one, by this consent
    Column("viewed_id", Text),  # the last message of the branch that was looked at last
    Index("chats_in_order", "person_id", "hidden", "changed_at", "id"),
    Index("chats_temporary", "changed_at", sqlite_where=text("temporary = 1"),
          postgresql_where=text("temporary = 1")),
    Index("chats_to_plant", "changed_at", sqlite_where=text("consent_at IS NOT NULL AND tree_at IS NULL"),
          postgresql_where=text("consent_at IS NOT NULL AND tree_at IS NULL")),
)  # fmt: skip

# Kept: which trees conversations became, under which consent; also when that is withdrawn or the conversation is gone.
chat_trees = Table(
    "chat_trees",
    metadata,
    Column("tree_id", Text, primary_key=True),
    required("chat_id"),
    Column("person_id", Text),  # none when it is withdrawn
    required("consent_at", BigInteger),
    required("licence"),
    Column("withdrawn_at", BigInteger),
    Index("chat_trees_standing", "chat_id", sqlite_where=text("withdrawn_at IS NULL"),
          postgresql_where=text("withdrawn_at IS NULL")),
)  # fmt: skip
chat_messages = Table(
    "chat_messages",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),  # in order of arrival
    required("id"),
    required("chat_id"),
    Column("parent_id", Text),
    required("role"),
    required("text"),
    required("folded"),  # the text as it is searched; empty while it is being written
    required("state"),  # waiting, running, complete, stopped, cut_off, failed, refused
    Column("model", Text),
    Column("sampling", Text),
    Column("finish_reason", Text),
    Column("error", Text),
    Column("left_out", Integer, nullable=False, server_default=text("0")),
    required("created_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("again_at", BigInteger),  # when somebody last asked to go on with it
    Column("touched_at", BigInteger),  # when whoever writes it was last at it
    Index("chat_messages_by_id", "id", unique=True),
    Index("chat_messages_by_chat", "chat_id", "number"),
    Index("chat_messages_open", "number", sqlite_where=text("state IN ('waiting', 'running')"),
          postgresql_where=text("state IN ('waiting', 'running')")),
    sqlite_autoincrement=True,
)  # fmt: skip

# Kept until the person asks again, later than it counts: when they asked for replies, in deleted conversations as well.
replies_asked = Table(
    "replies_asked",
    metadata,
    required("person_id"),
    required("reply_id"),
    required("at", BigInteger),
    PrimaryKeyConstraint("person_id", "reply_id"),
    sqlite_with_rowid=False,
)

# Kept: answers of models that volunteers compare, brought together at once. `people`: so many compare each two.
battle_sets = Table(
    "battle_sets",
    metadata,
    Column("id", Text, primary_key=True),
    required("name"),
    required("people", Integer),
    required("seed", BigInteger),
    Column("person_id", Text),  # who brought them
    required("created_at", BigInteger),
    Column("ended_at", BigInteger),
)

# Kept: two answers of models side by side. One of a set has its texts here, one of a conversation only the ids of its
# messages, which go with the conversation. `full_at`: of a set, when so many had compared the two as were wanted.
battles = Table(
    "battles",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    required("id"),
    Column("set_id", Text),
    Column("chat_id", Text),
    required("question"),
    required("turn", Integer),
    required("lang"),
    Column("document", Text),  # what was asked and both answers, as turns
    required("first_model"),  # stands left, but where the showing is turned
    required("second_model"),
    Column("first_message_id", Text),
    Column("second_message_id", Text),
    required("created_at", BigInteger),
    Column("full_at", BigInteger),
    Index("battles_by_id", "id", unique=True),
    Index("battles_by_set", "set_id", "number"),
    Index("battles_by_chat", "chat_id", "number"),
    Index("battles_wanted", "lang", "number", sqlite_where=text("set_id IS NOT NULL AND full_at IS NULL"),
          postgresql_where=text("set_id IS NOT NULL AND full_at IS NULL")),
    sqlite_autoincrement=True,
)  # fmt: skip

# Kept: to whom which battle was shown, which way round, and the vote, which nothing changes afterwards.
battle_votes = Table(
    "battle_votes",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    required("battle_id"),
    Column("person_id", Text),
    yes_no("turned"),
    required("shown_at", BigInteger),
    Column("vote", Text),  # left, right, tie (both good), both_bad, skipped; none yet
    Column("voted_at", BigInteger),
    Column("declined", Text),  # the side that answers by refusing, as the voter sees it: left, right, both
    Index("battle_votes_by_battle", "battle_id", "number"),
    Index("battle_votes_by_person", "person_id", "battle_id", unique=True),
    sqlite_autoincrement=True,
)

# Kept as long as their conversation: replies of one model to the same words, and which of them its person took.
chat_drawn = Table(
    "chat_drawn",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    required("id"),
    required("chat_id"),
    required("question"),  # the message that they reply to
    required("replies"),  # their ids, in the order in which they stand
    required("drawn_at", BigInteger),
    Column("decided_at", BigInteger),
    Column("taken_id", Text),  # none: undecided, or gone on without choosing
    Index("chat_drawn_by_id", "id", unique=True),
    Index("chat_drawn_by_chat", "chat_id", "number"),
    sqlite_autoincrement=True,
)

# Kept: what somebody said of a reply. When its conversation goes, what is left names the model alone.
chat_thumbs = Table(
    "chat_thumbs",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("chat_id", Text),
    Column("reply_id", Text),
    required("model"),
    required("thumb"),  # up, down
    Column("reason", Text),
    Column("note", Text),
    required("at", BigInteger),
    Index("chat_thumbs_by_reply", "reply_id", unique=True),
    Index("chat_thumbs_by_chat", "chat_id"),
    Index("chat_thumbs_in_order", "at", "model"),
    sqlite_autoincrement=True,
)

# Conversations as they were when a link to them was made, for whoever has the link: its id is the secret.
chat_shares = Table(
    "chat_shares",
    metadata,
    Column("id", Text, primary_key=True),
    required("chat_id"),
    required("person_id"),
    required("title"),
    required("document"),  # the messages of one branch
    required("created_at", BigInteger),
    Index("chat_shares_by_chat", "chat_id"),
    Index("chat_shares_by_person", "person_id"),
)

# Kept: replies that somebody found wanting and showed to staff, with the question alone; not the conversation.
chat_reports = Table(
    "chat_reports",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("person_id", Text),
    Column("reply_id", Text),
    required("model"),
    required("question"),
    required("reply"),
    required("reason"),
    required("at", BigInteger),
    Column("closed_at", BigInteger),
    Column("closed_by", Text),
    Index("chat_reports_by_reply", "reply_id", unique=True),
    Index("chat_reports_by_person", "person_id"),
    Index("chat_reports_open", "number", sqlite_where=text("closed_at IS NULL"),
          postgresql_where=text("closed_at IS NULL")),
    sqlite_autoincrement=True,
)  # fmt: skip

# Counted by day and model, nobody's name and no text: how replies ended, how long they took, what a reward model said.
model_figures = Table(
    "model_figures",
    metadata,
    required("day", Integer),
    required("model"),
    required("name"),
    required("count", Integer),
    required("total", Double),
    required("most", Double),
    PrimaryKeyConstraint("day", "model", "name"),
    sqlite_with_rowid=False,
)

# Kept: what the safety filter took out of conversations. The text only where the person agreed to give it away.
filter_hits = Table(
    "filter_hits",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("chat_id", Text),
    required("model"),
    required("side"),  # said (by a person), written (by the model)
    required("score", Double),
    Column("text", Text),
    required("at", BigInteger),
    Index("filter_hits_by_chat", "chat_id"),
    sqlite_autoincrement=True,
)

# Kept: what reward models say of replies in trees, the latest of each model.
reward_scores = Table(
    "reward_scores",
    metadata,
    required("model"),
    required("message_id"),
    required("score", Double),
    required("at", BigInteger),
    PrimaryKeyConstraint("model", "message_id"),
    sqlite_with_rowid=False,
)
