"""Asking a language model, and knowing what it costs."""

from hive_node.adapters.llm.desk import ModelDesk
from hive_node.adapters.llm.messages import MessagesModel
from hive_node.adapters.llm.prices import price_of, published

__all__ = ["MessagesModel", "ModelDesk", "price_of", "published"]
