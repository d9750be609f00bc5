"""What an agent may do with a node over the Model Context Protocol: a table of tools, and the server that offers them."""
