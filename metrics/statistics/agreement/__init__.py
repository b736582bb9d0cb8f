"""How far people who answer the same questions agree, and what their answers are worth.

Everything takes `Answers`, the answers to one question, and says in words what it cannot say in
numbers. `alpha` is the first figure to look at; `coefficients` (percent, Fleiss, Gwet) and `cohen`
(every two people) are what others report; `leaving_out` and `annotators` look at single people,
`options` and `distances` at what they confuse and where; `parts` at time, slices and options,
`outlook` at what more labels would buy; `consensus` weighs people by how often they are right.
"""

from metrics.statistics.agreement.alpha import Agreement, agreement, alpha_of
from metrics.statistics.agreement.answers import Answers
from metrics.statistics.agreement.coincidences import Level, Scale
from metrics.statistics.agreement.sets import SetDistance
from metrics.statistics.agreement.undefined import Undefined

__all__ = [
    "Agreement",
    "Answers",
    "Level",
    "Scale",
    "SetDistance",
    "Undefined",
    "agreement",
    "alpha_of",
]
