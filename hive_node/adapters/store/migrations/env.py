"""Run by Alembic: one connection, one transaction for the whole upgrade."""

from alembic import context
from sqlalchemy import URL, create_engine

from hive_node.adapters.store.database import whole_transactions
from hive_node.adapters.store.tables import METADATA

engine = create_engine(URL.create("sqlite", database=context.config.attributes["database"]))
whole_transactions(engine)  # tables are made all or none: killed in the middle, the next start begins again
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
