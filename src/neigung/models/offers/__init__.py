"""What an offer changes, for whom, and what it is worth: uplift per arm, orders and baskets."""
