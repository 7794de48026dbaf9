"""The chance of an outcome: trees with calibrated probabilities, for purchase, churn and custom."""
