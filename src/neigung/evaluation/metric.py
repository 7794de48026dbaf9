"""The metrics by name, with direction and texts: of predicted probabilities, and of offers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric's name, direction and texts.

    >>> METRICS["log_loss"].higher_is_better, METRICS["auroc"].text("de")
    (False, 'AUROC')
    """

    name: str
    higher_is_better: bool
    needs_both: bool
    text_en: str
    text_de: str

    def text(self, language: str = "en") -> str:
        """The metric's name for readers, in `en` or `de`."""
        return self.text_de if language == "de" else self.text_en


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auroc", True, True, "AUROC", "AUROC"),
        Metric("average_precision", True, True, "average precision", "mittlere Präzision"),
        Metric("log_loss", False, False, "log loss", "Log-Loss"),
        Metric("brier", False, False, "Brier score", "Brier-Score"),
        Metric("calibration_error", False, False, "calibration error", "Kalibrierungsfehler"),
        Metric("lift_10", True, True, "lift in the top 10%", "Lift der besten 10 %"),
        Metric("lift_20", True, True, "lift in the top 20%", "Lift der besten 20 %"),
        Metric("lift_30", True, True, "lift in the top 30%", "Lift der besten 30 %"),
    )
}

OFFER_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("policy_value", True, False, "worth per customer", "Ertrag je Kunde"),
        Metric("qini", True, False, "Qini", "Qini"),
        Metric("auuc", True, False, "AUUC", "AUUC"),
        Metric("uplift_10", True, False, "uplift in the top 10%", "Uplift der besten 10 %"),
        Metric("uplift_20", True, False, "uplift in the top 20%", "Uplift der besten 20 %"),
        Metric("uplift_30", True, False, "uplift in the top 30%", "Uplift der besten 30 %"),
    )
}

ALL_METRICS: dict[str, Metric] = METRICS | OFFER_METRICS
