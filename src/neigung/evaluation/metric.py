"""The metrics by name, with direction and texts: of predicted probabilities, and of offers."""

from dataclasses import dataclass

from neigung.language import ENGLISH, Language, Message


@dataclass(frozen=True)
class Metric:
    """A metric's name, direction and texts.

    >>> METRICS["log_loss"].higher_is_better, METRICS["auroc"].text("de")
    (False, 'AUROC')
    """

    name: str
    higher_is_better: bool
    needs_both: bool
    called: Message

    def text(self, language: Language = ENGLISH) -> str:
        """The metric's name for readers."""
        return self.called.to(language)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auroc", True, True, Message("AUROC")),
        Metric("average_precision", True, True, Message("average precision")),
        Metric("log_loss", False, False, Message("log loss")),
        Metric("brier", False, False, Message("Brier score")),
        Metric("calibration_error", False, False, Message("calibration error")),
        Metric("lift_10", True, True, Message("lift in the top 10%")),
        Metric("lift_20", True, True, Message("lift in the top 20%")),
        Metric("lift_30", True, True, Message("lift in the top 30%")),
    )
}

OFFER_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("policy_value", True, False, Message("worth per customer")),
        Metric("qini", True, False, Message("Qini")),
        Metric("auuc", True, False, Message("AUUC")),
        Metric("uplift_10", True, False, Message("uplift in the top 10%")),
        Metric("uplift_20", True, False, Message("uplift in the top 20%")),
        Metric("uplift_30", True, False, Message("uplift in the top 30%")),
    )
}

ALL_METRICS: dict[str, Metric] = METRICS | OFFER_METRICS
