"""Compares what a table of rules says with what the delegate itself said."""

from __future__ import annotations

from mobilekit_delegates.coverage.coverage import Answer, Coverage, Disagreement


def compare(estimate: Coverage, measured: Coverage) -> tuple[Disagreement, ...]:
    """Return what the two judge apart, of one graph on one delegate.

    Node by node where the measurement names them, free ones apart; else by their numbers.
    """
    if not measured.answers:
        return _compare_numbers(estimate, measured)
    pairs = zip(estimate.answers, measured.answers, strict=True)
    return tuple(
        Disagreement(node=index, estimate=_words(guess), measured=_words(found))
        for index, (guess, found) in enumerate(pairs)
        if guess.taken != found.taken and not (guess.free or found.free)
    )


def _compare_numbers(estimate: Coverage, measured: Coverage) -> tuple[Disagreement, ...]:
    if (estimate.nodes_taken, estimate.nodes) == (measured.nodes_taken, measured.nodes):
        return ()
    return (Disagreement(node=None, estimate=_numbers(estimate), measured=_numbers(measured)),)


def _numbers(coverage: Coverage) -> str:
    return f"{coverage.nodes_taken} of {coverage.nodes} nodes taken"


def _words(answer: Answer) -> str:
    if answer.taken:
        return "taken"
    reasons = "; ".join(objection.reason for objection in answer.objections)
    return f"refused: {reasons}" if reasons else "refused"
