from dataclasses import replace

from setwise.evaluation import Store
from setwise.report import Results
from setwise.report.samples import SAMPLED, WORST, pieces, sampled, worst


def lost(results: Results, method: str) -> list[float]:
    """By question: the probability that the best set holds and the first generation does not."""
    k = Store(results.store(results.one(method))).key.protocol.layout.k
    rows = [row for table in Store(results.store(results.one(method))).groups() for row in table.to_pylist()]
    best = [sum(sorted((p for _, p in e.posterior), reverse=True)[:k]) for e in results.examples]
    held = [sum(row["posterior"]) if row["reason"] is None else 0.0 for row in rows]
    return [b - h for b, h in zip(best, held, strict=True)]


def test_the_worst_questions_are_those_that_lose_the_most_probability(results: Results) -> None:
    for setup, shown in worst(results):
        losses = lost(results, setup.method)
        expected = sorted(losses, reverse=True)[:WORST]
        assert [losses[s.number - 1] for s in shown] == expected


def test_without_a_posterior_an_invalid_completion_is_the_worst(results: Results) -> None:
    blind = replace(results, examples=[replace(e, posterior=()) for e in results.examples])
    first = {setup.method: shown for setup, shown in worst(blind)}["rlvr_single"][0]
    assert first.replies[0][2][0].reason != ""


def test_the_sample_is_drawn_by_the_seed_and_shows_every_way_to_k_answers(results: Results) -> None:
    shown = sampled(results)
    assert len(shown) == SAMPLED
    assert shown == sampled(results)
    labels = ["rlvr_single × 3", "rlcr_single × 3", "rlvr_multi", "rlcr_multi"]
    assert all([label for label, _, _ in s.replies] == labels for s in shown)


def test_each_answer_is_marked_and_carries_its_confidence_and_probability(results: Results) -> None:
    for question in sampled(results):
        truth = dict(results.examples[question.number - 1].posterior)
        gold = {alias for aliases in question.gold for alias in aliases}
        for label, _, replies in question.replies:
            for answer in (a for reply in replies for a in reply.answers):
                assert answer.hit == (answer.text in gold)
                assert answer.probability == truth[answer.text]
                assert (answer.confidence is not None) == label.startswith("rlcr")


def test_shared_words_are_marked_and_the_text_is_kept_whole() -> None:
    text = "fever and cough speak for it"
    found = pieces(text, [[0, 5], [6, 9], [22, 25]])
    assert found == (("fever and", True), (" cough speak ", False), ("for", True), (" it", False))
    assert "".join(piece for piece, _ in found) == text
