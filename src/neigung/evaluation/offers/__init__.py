"""Numbers of models of offers: effects of arms, whom they move, what a choice of them earns."""
