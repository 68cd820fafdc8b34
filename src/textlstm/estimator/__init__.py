"""A training run as a scikit-learn estimator."""
