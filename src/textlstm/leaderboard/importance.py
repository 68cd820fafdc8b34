"""Estimates how far the score depends on each hyperparameter of a ranking."""

from typing import TYPE_CHECKING

from textlstm.checks import NUMBER
from textlstm.leaderboard.folder import Ranking
from textlstm.leaderboard.parallel import Scale

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

ENOUGH = 4  # configurations from which importances can be estimated


def importances(ranking: Ranking) -> tuple[dict[str, float], str]:
    """Estimates the share of each swept hyperparameter in the variation of the score.

    By fANOVA (Hutter, Hoos & Leyton-Brown 2014) on the configurations' mean scores. Optuna's
    default, PED-ANOVA, asks what the best tenth has in common, which needs some fifty trials: most
    sweeps are smaller.

    Returns:
        The shares by key, the largest first, and ""; or no shares, and a sentence that says why
        where a reader would ask.
    """
    ranked, swept = ranking.configurations, ranking.swept
    if swept and len(ranked) < ENOUGH:
        return {}, (
            f"No importance of hyperparameters: that needs {ENOUGH} configurations, there are "
            f"{len(ranked)}."
        )
    if len(swept) < 2:
        return {}, ""  # one hyperparameter has all of it
    if len({configuration.score for configuration in ranked}) == 1:
        return {}, "No importance of hyperparameters: all configurations have the same score."

    import optuna  # takes a second, which a small sweep need not wait

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(_study(ranking), evaluator=evaluator), ""


def _study(ranking: Ranking) -> "Study":
    """Makes a study with one trial per configuration, numbers placed as the pictures place them."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    columns: dict[str, list[str] | list[float]] = {}
    distributions: dict[str, BaseDistribution] = {}
    for key in ranking.swept:
        values = [configuration.value(key) for configuration in ranking.configurations]
        if all(NUMBER.fullmatch(value) for value in values):
            scale = Scale(values)
            columns[key] = places = [scale.place(value) for value in values]
            distributions[key] = FloatDistribution(min(places), max(places))
        else:
            columns[key] = values
            distributions[key] = CategoricalDistribution(sorted(set(values)))

    study = optuna.create_study(direction="maximize")
    for number, configuration in enumerate(ranking.configurations):
        params = {key: column[number] for key, column in columns.items()}
        trial = optuna.trial.create_trial(
            params=params, distributions=distributions, value=configuration.score
        )
        study.add_trial(trial)
    return study
