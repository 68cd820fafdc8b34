"""Where a run is logged beside its folder: CSV, MLflow, W&B; and the choice of the logger."""
