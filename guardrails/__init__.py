"""What a node may do, promote, believe and send. Pure: values in, verdicts out. A guardrail's *no* is a value, never an exception."""
