"""Dashboard and alert rules name figures that exist; promtool agrees where it is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from idp.metrics import sharing
from tests.idp.metrics.reading import names

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "latchkey-alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "latchkey.json"
_NAME = re.compile(r"\b((?:latchkey|process)_[a-z_0-9]+)\b")


def _alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def _queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def _named(expressions):
    return {name for expression in expressions for name in _NAME.findall(expression)}


def test_every_figure_of_the_dashboard_exists(page):
    named = _named(_queries())
    assert len(named) > 25
    assert named - names(page()) == set()


def test_every_figure_of_the_alerts_exists(page):
    named = _named(rule["expr"] for rule in _alerts())
    assert len(named) > 12
    assert named - names(page()) == set()


def test_every_figure_of_ours_is_on_the_dashboard(page):
    ours = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names(page()) if name.startswith("latchkey_")}
    shown = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in _named(_queries())}
    assert ours - shown == set()


def test_every_label_of_a_query_exists(page):
    known = {"instance", "job", "le"}
    for line in page().splitlines():
        known |= set(re.findall(r'[{,]([a-z_]+)="', line))
    known |= {label for figure in sharing.ALL for label in figure.labels} | {"queue", "task"}
    expressions = [*_queries(), *(rule["expr"] for rule in _alerts())]
    used = {label for text in expressions for label in re.findall(r"([a-z_]+)(?:=~|!=|=)\"", text)}
    grouped = [found for text in expressions for found in re.findall(r"by \(([^)]*)\)", text)]
    used |= {label.strip() for found in grouped for label in found.split(",")}
    assert used - known == set()


def test_every_alert_says_what_to_do():
    for rule in _alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_the_document_names_every_alert_and_every_figure(page):
    text = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    for rule in _alerts():
        assert f"`{rule['alert']}`" in text
    families = {line.split()[2] for line in page().splitlines() if line.startswith("# TYPE")}
    for family in families:
        assert f"`{family}" in text, family


@pytest.fixture
def promtool():
    found = shutil.which("promtool")
    if not found:
        pytest.skip("promtool is missing: apt-get install prometheus")
    return found


def _check(promtool, *arguments):
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_rules(promtool):
    _check(promtool, "check", "rules", str(RULES))


def test_promtool_takes_the_scrape_configuration(promtool):
    _check(promtool, "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


def test_promtool_takes_every_query_of_the_dashboard(promtool, tmp_path):
    filled = [text.replace("$__rate_interval", "5m").replace("$instance", ".*") for text in _queries()]
    rules = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(filled)]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    _check(promtool, "check", "rules", str(file))


def test_alerts_are_raised_when_they_should_be(promtool):
    _check(promtool, "test", "rules", str(Path(__file__).with_name("alerts.yml")))


def test_promtool_takes_the_page_itself(promtool, page):
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page(), capture_output=True, text=True, timeout=60, check=False
    )
    assert "error while linting" not in done.stderr.lower()
    assert done.returncode in {0, 3}, done.stderr  # 3: advice about names
