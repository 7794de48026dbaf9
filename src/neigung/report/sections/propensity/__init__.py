"""What a report says of a model of probabilities only."""
