"""What people write: `config.toml` of a node and `hive.toml` of a project. Read once, frozen, every fault named by key and line."""

from hive_node.config.node import NodeConfig, load_node_config, node_config_template
from hive_node.config.project import ProjectSpec, load_project_spec, parse_project_spec
from hive_node.config.toml import ConfigError

__all__ = [
    "ConfigError",
    "NodeConfig",
    "ProjectSpec",
    "load_node_config",
    "load_project_spec",
    "node_config_template",
    "parse_project_spec",
]
