"""The report as a browser shows it."""

import json
from pathlib import Path

import pytest
from browser import look
from planted import IMAGE, LINK, SCRIPT, VECTOR

PHONE, DESKTOP = 390, 1280
OPEN = "doc.querySelectorAll('details').forEach(d => d.open = true);"


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("opened", [False, True], ids=["as loaded", "all opened"])
def test_the_page_never_scrolls_sideways(page: str, tmp_path: Path, width: int, opened: bool) -> None:
    script = f"{OPEN if opened else ''} return doc.documentElement.scrollWidth;"
    assert look(page, width, script, tmp_path) <= width


def test_every_figure_is_drawn_with_a_title_and_has_its_numbers(page: str, tmp_path: Path) -> None:
    script = """return [...doc.querySelectorAll("figure")].map(f => {
      const svg = f.querySelector(":scope > svg"), box = svg.getBoundingClientRect();
      return {id: f.id, title: svg.querySelector("title").textContent, wide: box.width, high: box.height,
              drawn: svg.querySelectorAll("path[style*='--c-']").length,
              rows: f.querySelectorAll("tbody tr").length, loose: svg.querySelectorAll("[d*=NaN], [d='']").length};
    });"""
    figures = {figure["id"]: figure for figure in look(page, DESKTOP, script, tmp_path)}
    expected = {
        "answers-coverage",
        "answers-correct",
        "answers-unique",
        "unique-histogram",
        "tokens",
        "reliability-rlcr_single",
        "reliability-rlcr_multi",
        "train-reward",
        "train-valid",
        "train-coverage",
    }
    assert expected <= set(figures)
    for figure in figures.values():
        assert figure["title"], figure
        assert figure["wide"] > 200 and figure["high"] > 150, figure
        assert figure["drawn"] and figure["rows"] and not figure["loose"], figure


def test_what_is_planted_in_questions_answers_and_completions_is_shown_and_does_not_run(
    page: str, tmp_path: Path
) -> None:
    script = f"""const planted = {json.dumps([SCRIPT, IMAGE, VECTOR, LINK])};
      const shown = e => planted.map(text => e.textContent.includes(text));
      return {{title: doc.title, made: doc.querySelectorAll("main script, main img, [onload], [onerror]").length,
        links: doc.querySelectorAll("a[href^='javascript:']").length,
        shown: shown(doc.querySelector("#completions"))}};""".replace("</script>", "<\\/script>")
    found = look(page, DESKTOP, script, tmp_path)
    assert found == {"title": "Setwise report: clinic, K = 3", "made": 0, "links": 0, "shown": [True] * 4}


def test_nothing_is_loaded_from_anywhere(page: str, tmp_path: Path) -> None:
    script = """return {loaded: win.performance.getEntriesByType("resource").map(e => e.name),
      asked: [...doc.querySelectorAll("[src], link[href]")].map(e => e.outerHTML)};"""
    assert look(page, DESKTOP, script, tmp_path) == {"loaded": [], "asked": []}


def test_what_scrolls_can_be_reached_and_named_by_keyboard(page: str, tmp_path: Path) -> None:
    script = f"""{OPEN} return [...doc.querySelectorAll("main *")]
      .filter(e => ["auto", "scroll"].includes(win.getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth)
      .filter(e => e.tabIndex < 0 || (e.tagName === "DIV" && !e.getAttribute("aria-label")))
      .map(e => e.outerHTML.slice(0, 80));"""
    assert look(page, PHONE, script, tmp_path) == []


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page: str, tmp_path: Path) -> None:
    script = """const ids = [...doc.querySelectorAll("[id]")].map(e => e.id);
      return {twice: ids.filter((id, i) => ids.indexOf(id) !== i),
              lost: [...doc.querySelectorAll("a[href^='#']")].filter(a => !ids.includes(a.hash.slice(1))).length};"""
    assert look(page, DESKTOP, script, tmp_path) == {"twice": [], "lost": 0}


def test_the_sample_can_be_narrowed_to_questions_that_nobody_got_right(page: str, tmp_path: Path) -> None:
    script = """const shown = () => [...doc.querySelectorAll(".sample .item")]
        .filter(e => win.getComputedStyle(e).display !== "none").map(e => e.dataset.covered);
      const before = shown().length; doc.getElementById("show-some").checked = true;
      return {before, after: [...new Set(shown())]};"""
    found = look(page, DESKTOP, script, tmp_path)
    assert found["before"] == 20
    assert found["after"] == ["some"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground_in_both_schemes(page: str, tmp_path: Path, scheme: str) -> None:
    forced = page.replace("screen and (prefers-color-scheme: dark)", "screen" if scheme == "dark" else "not all")
    script = """const parse = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255);
      const light = c => parse(c).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
      const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
      const ground = win.getComputedStyle(doc.body).backgroundColor;
      const faint = (chosen, part, least) => [...doc.querySelectorAll(chosen)]
        .map(e => [ratio(win.getComputedStyle(e)[part], ground), e.outerHTML.slice(0, 60)])
        .filter(([r]) => r < least);
      return [...faint("p, li, h1, h2, h3, th, td, span, a, dt, dd, summary", "color", 4.5),
        ...faint("figure text", "fill", 4.5), ...faint("figure path[style*='stroke: var(--c-']", "stroke", 3)];"""
    assert look(forced, DESKTOP, script, tmp_path) == []
