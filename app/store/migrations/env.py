"""The script that Alembic runs, on the connection and in the transaction that `upgrade` was given."""

from alembic import context

from app.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
