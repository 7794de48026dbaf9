"""What groups of customers get from a model, and what it knows of who they are."""
