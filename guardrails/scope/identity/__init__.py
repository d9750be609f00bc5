"""Finds what states, insurers, schools and employers know a person by: numbers whose label says what they are, or whose
structure and check digits leave chance no room.
"""
