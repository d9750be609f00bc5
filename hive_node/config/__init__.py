"""What people write: `config.toml` of a node and `hive.toml` of a project. Read once, frozen, every fault named by key and line."""
