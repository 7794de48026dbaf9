import pytest

from neigung.evaluation.metric import METRICS
from neigung.evaluation.verdict import judge

NAN = float("nan")


@pytest.mark.parametrize(
    ("metric", "difference", "beats", "words"),
    [
        ("auroc", (0.02, 0.01, 0.03), True, "beats"),
        ("auroc", (-0.02, -0.03, -0.01), False, "loses to"),
        ("auroc", (0.02, 0.0, 0.03), False, "does not beat"),
        ("log_loss", (0.02, 0.01, 0.03), False, "loses to"),
        ("log_loss", (-0.02, -0.03, -0.01), True, "beats"),
        ("log_loss", (-0.02, -0.03, 0.0), False, "does not beat"),
        ("auroc", (0.02, NAN, NAN), False, "cannot be told"),
    ],
)
def test_only_an_interval_beyond_zero_on_the_right_side_wins(metric, difference, beats, words):
    verdict = judge(METRICS[metric], "bg_nbd", lambda language: "BG/NBD", (0.5, 0.5), difference)
    assert verdict.beats_baseline is beats
    assert words in verdict.text_en


def test_german_numbers_have_commas():
    verdict = judge(
        METRICS["auroc"], "x", {"en": "rule", "de": "Regel"}.get, (0.85, 0.8), (0.05, -0.01, 0.06)
    )
    assert "AUROC 0,850 gegen 0,800, Abstand +0,050 (−0,010 bis +0,060)" in verdict.text_de
