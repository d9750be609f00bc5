"""The improve flow: propose → run → gate → promote. One round takes one idea from a draft to a commit, or to a reason."""
