"""Run by Alembic: one connection, one transaction for the whole upgrade."""

from alembic import context
from sqlalchemy import create_engine

from hive_node.adapters.store.tables import METADATA

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
