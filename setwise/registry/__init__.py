"""The registry: evaluated models become challengers, the gate decides who becomes champion, a roll-back undoes it.

How the pieces fit::

    version = register_challenger(candidate, workspace)                   # versions: MLflow, with its card
    decision = hold_gate(params, version, store, examples, workspace)     # contest → gate: a pure decision
    if decision.passed:
        promote(client, name, decision)                                   # versions: the alias moves
    roll_back(domain, workspace)
    champion, report = ask_again(params, examples, workspace)             # contest: the champion on other questions
"""

from setwise.registry.card import Card
from setwise.registry.contest import ask_again, hold_gate
from setwise.registry.gate import Check, Decision, Sides, decide
from setwise.registry.versions import Candidate, promote, register_challenger, roll_back

__all__ = [
    "Candidate",
    "Card",
    "Check",
    "Decision",
    "Sides",
    "ask_again",
    "decide",
    "hold_gate",
    "promote",
    "register_challenger",
    "roll_back",
]
