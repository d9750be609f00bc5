"""The learn flow: receive → verify → scope → store → aggregate → suggest. What arrives is a stranger's until each step said yes."""
