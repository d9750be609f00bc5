"""The nouns of learning from what happened: events, windows over them, cases, skills, fitness; and what engines and handlers are. Pure."""
