"""Runs inside the environment of shap: explains the rows of a matrix.

python run_shap.py MODEL.txt MATRIX.npy
"""

import json
import sys
import time
import warnings

import lightgbm
import numpy as np
import shap


def main() -> None:
    warnings.filterwarnings("ignore")
    booster, rows = lightgbm.Booster(model_file=sys.argv[1]), np.load(sys.argv[2])
    explainer = shap.TreeExplainer(booster)
    wall, cpu = time.perf_counter(), time.process_time()
    explainer.shap_values(rows)
    took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(took | {"version": shap.__version__}))


if __name__ == "__main__":
    main()
