"""Numbers of models of probabilities: metrics beside baselines, gains, calibration, segments."""
