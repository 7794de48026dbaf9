from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from neigung.errors import InputError, TrackingError
from neigung.tracking import overview as module
from neigung.tracking import registry
from neigung.tracking.overview import write_overview
from neigung.tracking.review import review
from tests.tracking.conftest import STUDY, make_artefact, make_evaluation, pages, train


def written(language: str = "en") -> str:
    write_overview(Path("out"), language)
    return Path("out/index.html").read_text(encoding="utf-8")


def rows(html: str) -> dict[int, str]:
    """The text of each version's row by its number."""
    found = re.findall(r'<tr role="row"><th scope="row".*?</tr>', html, re.DOTALL)
    texts = [" ".join(re.sub("<[^>]*>", " ", one).split()) for one in found]
    return {int(text.split()[0]): text for text in texts}


def test_all_versions_with_their_reports(reported: Path) -> None:
    client = MlflowClient()
    client.set_registered_model_alias(STUDY.name, "champion", "1")
    client.set_model_version_tag(STUDY.name, "1", "fitness", "fit")
    made = review(STUDY, 1, "approve", by="Ada <b>", note="Fair & calibrated.")
    review(STUDY, 2, "approve", by="Grace", note="Good.")
    client.set_model_version_tag(STUDY.name, "2", "report_digest", "0" * 64)

    result = write_overview(Path("out"))
    html = result.path.read_text(encoding="utf-8")
    assert (result.studies, result.versions) == (1, 6)
    assert (result.fetched, result.kept, result.missing) == (4, 0, 1)
    assert result.changed == ("version 2 of purchase_30d",)
    assert "(1 study, 6 versions)" in result.text
    assert "1 version without a report" in result.text

    folder = Path("out/purchase_30d")
    assert {one.name for one in folder.iterdir()} == {f"{n}_en.html" for n in (1, 4, 5, 6)}
    assert folder.joinpath("1_en.html").read_text() == pages(made.artefact_digest)["report_en.html"]
    assert set(re.findall(r'href="(purchase_30d/[^"]+)"', html)) == {
        f"purchase_30d/{n}_en.html" for n in (1, 4, 5, 6)
    }
    told = rows(html)
    assert list(told) == [6, 5, 4, 3, 2, 1]
    evaluation = make_evaluation(0.5)
    baseline = evaluation.value("average_precision", "recency_rule")
    assert f"{evaluation.value('average_precision'):.3f}" in told[1]
    assert f"{baseline:.3f} recency rule" in told[1]
    assert "champion" in told[1]
    assert "Fit for use" in told[1]
    assert "approved by Ada &lt;b&gt; , " in told[1]
    assert "Fair &amp; calibrated." in told[1]
    assert "does not count" not in told[1]
    assert "does not count" in told[2]
    assert told[2].endswith("changed after the training, not shown")
    assert told[3].endswith("no report")
    assert "not checked" in told[5]
    # Trained with another acceptance, but asked the same.
    assert "test 1 2011-11-09" in told[6]


def test_what_lies_there_is_not_fetched_again(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_overview(Path("out"))
    place = Path("out/purchase_30d/1_en.html")
    first = place.read_bytes()
    fetched: list[str] = []
    real = MlflowClient.download_artifacts

    def noted(self: MlflowClient, run: str, path: str, *rest: str) -> str:
        fetched.append(path)
        return real(self, run, path, *rest)

    monkeypatch.setattr(MlflowClient, "download_artifacts", noted)
    again = write_overview(Path("out"))
    assert (again.fetched, again.kept, fetched) == (0, 5, [])

    place.write_bytes(first + b"x")  # changed here
    Path("out/purchase_30d/2_en.html").unlink()
    repaired = write_overview(Path("out"))
    assert (repaired.fetched, repaired.kept) == (2, 3)
    assert place.read_bytes() == first

    german = write_overview(Path("out"), "de")
    assert (german.fetched, german.kept) == (5, 0)
    assert 'href="purchase_30d/1_de.html"' in Path("out/index.html").read_text(encoding="utf-8")
    assert place.exists()


def test_pages_of_versions_that_are_gone_are_removed(reported: Path) -> None:
    write_overview(Path("out"))
    kept = Path("out/.reports.json")
    outside = Path("outside.html")
    outside.write_text("mine")
    listed = json.loads(kept.read_text())
    kept.write_text(
        json.dumps(listed | {"../outside.html": {}, "purchase_30d/../../outside.html": {}})
    )
    Path("out/purchase_30d/mine.txt").write_text("not ours")
    MlflowClient().delete_model_version(STUDY.name, "2")
    write_overview(Path("out"))
    names = {one.name for one in Path("out/purchase_30d").iterdir()}
    assert names == {"1_en.html", "4_en.html", "5_en.html", "6_en.html", "mine.txt"}
    assert outside.exists()
    assert set(json.loads(kept.read_text())) == {f"purchase_30d/{n}_en.html" for n in (1, 4, 5, 6)}


def test_an_interrupted_overview_leaves_the_old_one(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out").mkdir()
    Path("out/index.html").write_text("old")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("neigung.report.overview_page.build_overview", stopped)
        with pytest.raises(KeyboardInterrupt):
            write_overview(Path("out"))
    assert Path("out/index.html").read_text() == "old"
    assert write_overview(Path("out")).kept == 5
    assert not [one for one in Path("out").rglob(".*") if one.name != ".reports.json"]


def test_other_peoples_models_are_left_out_and_hostile_names_lead_nowhere(store: Path) -> None:
    client = MlflowClient()
    client.create_registered_model("of_others")
    client.create_model_version("of_others", source="s3://nowhere/model")
    evil = "Ü.. <b>x"
    client.create_registered_model(evil)
    digest = make_artefact().digest
    logged = train(0.5, files=pages(digest))
    client.create_model_version(
        evil, "s3://nowhere/model", run_id=logged.run_id,
        tags={"artefact_digest": digest, "test.auroc.low": "0.5", "best_baseline_value": "much",
              "test_cutoff": "soon", "target": "<i>"},
    )  # fmt: skip
    assert list(registry.all_versions()) == [STUDY.name, evil]
    html = written()
    assert "of_others" not in html
    assert "<b>x" not in html
    assert "Ü.. &lt;b&gt;x" in html
    (odd,) = [one for one in Path("out").iterdir() if one.is_dir() and one.name != STUDY.name]
    assert re.fullmatch(r"_{5}b_x-[0-9a-f]{12}", odd.name)
    assert (odd / "1_en.html").exists()


def test_a_version_whose_run_is_gone_is_listed(store: Path) -> None:
    logged = train(0.5, files=pages(make_artefact().digest))
    client = MlflowClient()
    client.create_model_version(
        STUDY.name, "s3://nowhere/model", run_id="f" * 32, tags={"artefact_digest": "ab"}
    )
    client.delete_run(logged.run_id)
    told = rows(written())
    assert told[2].endswith("no report")
    assert "Read" in told[1]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_to_list_is_one_helpful_message(
    request: pytest.FixtureRequest, tmp_path: Path, there: bool
) -> None:
    if there:
        request.getfixturevalue("store")
    with pytest.raises(TrackingError, match="neigung train"):
        write_overview(Path("out"))
    assert not Path("out").exists()


def test_wrong_input_is_refused(reported: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="en or de, found 'fr'"):
        write_overview(Path("out"), "fr")
    Path("file").write_text("mine")
    with pytest.raises(InputError, match="found the file file"):
        write_overview(Path("file"))
    assert Path("file").read_text() == "mine"


def test_the_table_needs_no_artifact(reported: Path) -> None:
    """Hundreds of versions are listed from their tags: what a row says is all there."""
    for one in registry.versions(STUDY.name):
        listed = module._listed(one, None, "missing")
        evaluation = make_evaluation(0.05 if one.version == 2 else 0.5)
        assert listed.metric == "average_precision"
        assert listed.value == evaluation.value("average_precision")
        assert listed.low <= listed.value <= listed.high
        assert listed.baseline_value == evaluation.value("average_precision", "recency_rule")
        assert listed.tested == dt.datetime(2011, 11, 9)
