"""The page of a campaign, written of its store alone."""

from __future__ import annotations

import html
import json
import re
import shutil
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from av_synth import store
from av_synth.errors import UserError
from av_synth.farm.model import Failure, FailureClass, PlannedRun, Recipe
from av_synth.farm.planning import plan
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal
from av_synth.report.campaign import write_campaign_report
from av_synth.report.campaign_charts import timeline
from av_synth.report.campaign_facts import COMMITTED, CUT_OFF, Attempt, read_campaign
from tests.export.synthetic_run import TINY, build_run
from tests.farm import campaign_events as told

HOSTILE = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&amp;\u202e\x1b[31m"
CUT_OFF_RUN, GIVEN_UP_RUN = "e" * 20, "f" * 20


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.source = path, path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data + "\n"

    @property
    def links(self) -> list[Path]:
        return [self.path.parent / unquote(found["href"] or "") for tag, found in self.tags if tag == "a"]

    def rows(self, first: str) -> list[str]:
        """Cells of the table rows that begin with a cell."""
        found = re.findall(r"<tr>(.*?)</tr>", self.source, re.DOTALL)
        cells = [
            [html.unescape(re.sub("<.*?>", "", cell)).strip() for cell in re.split("<t[dh][^>]*>", row)[1:]]
            for row in found
        ]
        return ["|".join(row) for row in cells if row[0] == first]


def build_store(root: Path, scenario: str = "cut_in", town: str = "SynthTown", said: str = "no answer") -> Path:
    """Two committed runs, one after a failed attempt, one given up, and one cut off by the death of its driver."""
    recipe = Recipe(f"{scenario}.yaml", f"{scenario}.rig.yaml", 0)
    done = [PlannedRun(build_run(root, seed, sensors=TINY).name, replace(recipe, seed=seed), town) for seed in (0, 1)]
    lost = PlannedRun(GIVEN_UP_RUN, Recipe(f"hopeless {scenario}.yaml", None, 7), town, 1)
    cut = PlannedRun(CUT_OFF_RUN, lost.recipe, town, 1)
    runs = [asdict(run) for run in (*done, lost, cut)]
    (root / "plan").mkdir()
    content = {"version": plan.VERSION, "campaign": {"name": said, "description": said}, "entries": [], "facts": {}}
    (root / "plan" / "plan.json").write_text(json.dumps({**content, "runs": runs}))
    (root / "plan" / "campaign.yaml").write_text(f"description: {said}")
    log = root / f"{said.replace('/', '')} simulator.log"
    log.write_text("Segmentation fault")
    failure = Failure(FailureClass.DETERMINISTIC, said, said, said, (log,))
    for attempt in (1, 2):
        quarantine.note(root, GIVEN_UP_RUN, attempt, failure)
    quarantine.put(root, lost)
    why = {"kind": "deterministic", "error": said, "message": said, "machine": said}
    journal = Journal(root)
    for event in (
        told.opened(2),
        told.started(done[0], 0, t=100.0),
        told.started(done[1], 1, t=100.0),
        told.failed(done[1], 1, "transient", t=110.0),
        told.committed(done[0], 0, t=130.0, cpu_s=60.0),
        {**told.started(lost, 0, t=131.0), "machine": said},
        told.failed(lost, 0, t=135.0, **why),
        told.started(done[1], 1, attempt=2, t=140.0),
        told.started(cut, 0, t=141.0),
        told.committed(done[1], 1, attempt=2, t=170.0, cpu_s=60.0),
        {**told.opened(2), "t": 90_000.0},
        {**told.started(lost, 0, attempt=2, t=90_001.0), "machine": said},
        told.failed(lost, 0, attempt=2, t=90_010.0, **why),
        {**told.quarantined(lost), "t": 90_010.0},
    ):
        journal.append(event)
    journal.close()
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("campaign"))


@pytest.fixture(scope="module")
def page(root: Path) -> Page:
    return Page(write_campaign_report(root))


def test_the_page_tells_what_was_asked_and_what_was_made(root: Path, page: Page):
    assert page.path == root / "report" / "index.html"
    assert "1 in quarantine, 1 remaining" in page.words
    assert page.rows("1") == ["1|cut_in|cut_in.rig|SynthTown|2|2|2|0|0"]
    assert page.rows("2") == ["2|hopeless cut_in|no sensors|SynthTown|2|0|0|1|1"]
    assert page.rows("scenario")[0].startswith("scenario|cut_in|2|2|0|8|")
    assert page.rows("town")[0].startswith("town|SynthTown|2|2|0|8|")
    assert len(page.rows("weather")) == 1
    assert "description: no answer" in page.words


def test_the_page_shows_one_small_picture_a_scenario(page: Page):
    pictures = [found["src"] or "" for tag, found in page.tags if tag == "img"]

    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/jpeg;base64,/9j/")
    assert 1_000 < len(pictures[0]) < 60_000


def test_the_page_says_why_runs_were_given_up_and_leads_to_the_evidence(root: Path, page: Page):
    evidence = root / "quarantine" / GIVEN_UP_RUN

    assert {evidence / "attempt-1" / "failure.json", evidence / "attempt-2" / "no answer simulator.log"} <= {
        link.resolve() for link in page.links
    }
    assert all(link.exists() for link in page.links)
    assert page.words.count("no answer") >= 2


def test_the_page_counts_failures_by_class_and_what_it_all_took(page: Page):
    assert page.rows("deterministic")[0].startswith("deterministic|no answer|2|1|no answer|it is played once more")
    assert page.rows("transient")[0].startswith("transient|ConnectionLostError|1|1|here|it is tried again")
    assert "`" not in page.source
    assert page.rows("time of cores") == ["time of cores|0.03 h|60.00 s|15.00 s"]
    assert page.rows("time of workers") == ["time of workers|0.02 h|30.00 s|7.50 s"]
    assert "4 attempts that came to nothing took 52 s of workers" in page.words


def test_the_attempts_of_the_journal_have_their_ends_also_where_the_driver_died(root: Path):
    attempts = read_campaign(root).attempts

    assert [(one.run_id == CUT_OFF_RUN, one.begun_s, one.ended_s) for one in attempts if one.outcome == CUT_OFF] == [
        (True, 141.0, 170.0)
    ]
    assert sum(one.outcome == COMMITTED for one in attempts) == 2


def test_the_time_in_which_nobody_worked_is_cut_out_of_the_charts(page: Page):
    bars = [found for tag, found in page.tags if tag == "rect" and found["class"] != "environmental"]

    assert len([found for tag, found in page.tags if tag == "line" and found["class"] == "cut"]) == 2
    assert max(float(found["width"] or 0) for found in bars) > 100


def test_the_page_asks_for_nothing_from_outside_itself_and_runs_nothing(page: Page):
    loaded = [found[key] for _, found in page.tags for key in ("src", "srcset", "data", "action") if key in found]
    rules = [found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy"]

    assert not re.findall(r"https?:|@import|url\(", page.source)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert all((source or "").startswith("data:image/jpeg;base64,") for source in loaded)
    assert rules == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert "prefers-color-scheme: dark" in page.source


def test_names_and_messages_from_outside_are_text_wherever_they_are(tmp_path: Path):
    root = build_store(tmp_path / "<script>#%41 & co", HOSTILE, HOSTILE, HOSTILE)
    page = Page(write_campaign_report(root))

    assert page.words.count("<script>alert('x')</script>") > 10
    check_harmless(page)

    lost, picture = store.runs(root)
    (lost / "manifest.json").unlink()
    for path in (picture / "blobs" / "CAM_FRONT").iterdir():
        path.unlink()
    failure = root / "quarantine" / GIVEN_UP_RUN / "attempt-1" / "failure.json"
    failure.chmod(0o644)
    failure.write_text("{")
    page = Page(write_campaign_report(root))

    assert all(f"{path}:" in page.words for path in (lost / "manifest.json", picture, failure))
    check_harmless(page)


def check_harmless(page: Page) -> None:
    """Nothing but what the page is made of, and links that lead somewhere."""
    assert not {tag for tag, _ in page.tags} & {"script", "iframe"}
    assert [found for tag, found in page.tags if tag == "img" and not (found["src"] or "").startswith("data:")] == []
    assert [key for _, found in page.tags for key in found if key.startswith("on")] == []
    assert all(link.exists() for link in page.links)


def test_the_same_store_gives_the_same_page_wherever_it_is_written(root: Path, page: Page, tmp_path: Path):
    again = Page(write_campaign_report(root))
    elsewhere = Page(write_campaign_report(root, tmp_path / "new" / "page.html"))

    assert again.source == page.source
    assert [link.resolve() for link in elsewhere.links] == [link.resolve() for link in page.links]
    assert [path.name for path in elsewhere.path.parent.iterdir()] == ["page.html"]


def test_a_run_that_is_damaged_is_told_and_the_rest_is_shown(root: Path, tmp_path: Path):
    shutil.copytree(root, tmp_path / "copy")
    bad, good = store.runs(tmp_path / "copy")
    (bad / "manifest.json").unlink()
    picture = next((good / "blobs" / "CAM_FRONT").iterdir())
    for path in (good / "blobs" / "CAM_FRONT").iterdir():
        path.chmod(0o644)
        path.write_bytes(b"\0" * picture.stat().st_size)
    page = Page(write_campaign_report(tmp_path / "copy"))

    assert "1 in quarantine, 1 remaining; 1 damaged" in page.words
    then = "No such file or directory; the command that began the campaign sets it aside and makes it again"
    assert f"{bad / 'manifest.json'}: cannot be read: {then}" in page.words
    assert f"{good}: 'blobs/CAM_FRONT/" in page.words
    assert page.rows("scenario")[0].startswith("scenario|cut_in|1|")

    (good / "tables" / "boxes.parquet").unlink()
    page = Page(write_campaign_report(tmp_path / "copy"))
    assert "1 in quarantine, 1 remaining; 2 damaged" in page.words


def test_a_campaign_that_has_just_been_planned_has_a_page_and_a_folder_without_plan_has_none(
    root: Path, tmp_path: Path
):
    shutil.copytree(root / "plan", tmp_path / "plan")
    page = Page(write_campaign_report(tmp_path))

    assert "Nothing yet." in page.words
    assert "0 in quarantine, 4 remaining" in page.words
    with pytest.raises(UserError, match="has no plan"):
        write_campaign_report(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_campaign_report(tmp_path, tmp_path / "file" / "index.html")


def test_the_chart_of_a_thousand_attempts_is_small_and_of_a_hundred_workers_not_tall():
    attempts = [
        Attempt(f"{k:020x}", 1, f"machine-{k % 20}", k % 100, 30.0 * (k // 100), 30.0 * (k // 100) + 29.0, COMMITTED)
        for k in range(1000)
    ]
    chart = timeline(attempts, lambda run_id: f"a_scenario {run_id}")
    box = re.search(r'viewBox="0 0 1000 (\d+)"', chart)

    assert chart.count("<rect") == 1000
    assert len(chart) < 300_000
    assert box is not None
    assert int(box[1]) < 700
