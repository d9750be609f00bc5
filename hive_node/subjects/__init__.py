"""What can be improved. Each subject knows how a variant of it is put in place and measured; nothing else differs."""
