"""What a report says of a model of offers only."""
