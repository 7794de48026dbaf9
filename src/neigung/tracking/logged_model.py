"""An artefact as a model of MLflow: a loader's name and data, nothing pickled."""

from __future__ import annotations

import contextlib
from importlib.metadata import version as installed
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from neigung.tracking.registry import ARTEFACT_PATH

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

    from neigung.models.version import Version

LOADER = "neigung.models.artefact"
"""Registered models name it: it stays."""

REQUIREMENTS = ("neigung", "mlflow", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")
MODEL_NAME = "model"


def log_model(
    client: MlflowClient,
    experiment: str,
    run: str,
    folder: Path,
    artefact: Version,
    input_example: pd.DataFrame,
) -> LoggedModel:
    """Save the artefact as an MLflow model of loader module and data: nothing is pickled."""
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    data = folder / PurePosixPath(ARTEFACT_PATH).name
    artefact.save(data)
    model = client.create_logged_model(experiment, MODEL_NAME, source_run_id=run)
    try:
        mlflow.pyfunc.save_model(
            path=str(folder / MODEL_NAME),
            loader_module=LOADER,
            data_path=str(data),
            mlflow_model=Model(
                artifact_path=model.artifact_location,
                run_id=run,
                model_uuid=model.model_id,
                model_id=model.model_id,
            ),
            signature=_signature(artefact, input_example),
            input_example=_plain(input_example),
            pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
        )
        client.log_model_artifacts(model.model_id, str(folder / MODEL_NAME))
    except BaseException:
        with contextlib.suppress(Exception):
            client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
    return client.finalize_logged_model(model.model_id, "READY")


def _signature(artefact: Version, input_example: pd.DataFrame) -> ModelSignature:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    # From the columns, not from the example: whether a few rows have gaps says nothing.
    kinds = {"number": "double", "category": "string"}
    inputs = Schema([ColSpec(kinds[one.kind], one.name) for one in artefact.columns])
    predicted = _plain(artefact.predict(input_example))
    return ModelSignature(inputs=inputs, outputs=infer_signature(predicted).inputs)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as plain strings: MLflow's schemas know no categories."""
    categories = frame.select_dtypes("category").columns
    return frame.astype(dict.fromkeys(categories, object)).reset_index(drop=True)
