"""What Alembic loads to run a migration: always inside a transaction that somebody else opened (store/migrate.py)."""

from alembic import context

from espalier.store.search_tables import create_search, is_declared
from espalier.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=is_declared,
    transactional_ddl=True,  # SQLite can, once the driver no longer begins and commits by itself
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
    create_search(context.config.attributes["connection"])
