"""How much error each candidate of an experiment may spend, so that all together stay within one small total."""

import math

TOTAL_ALPHA = 0.05


def alpha_for(candidate_index: int, total_alpha: float = TOTAL_ALPHA) -> float:
    """The alpha of an experiment's n-th noisy comparison, counted from 1: total * (n^-1/2 - (n+1)^-1/2).

    The terms telescope, so that n candidates spend total * (1 - (n+1)^-1/2), and endlessly many of them spend the
    total. Each comparison is valid given all before it, so the *expected number* of false promotions is at most the
    sum, however candidates depend on one another. The first candidate needs an e-value of 68, the tenth 1 400, the
    fiftieth 14 400: eight, thirteen and sixteen pairs at best.

    Why not e-LOND (Xu, Ramdas, "Online multiple testing with e-values", AISTATS 2024), which multiplies a share by one
    plus the promotions so far? It controls the *rate* of false ones among promotions, which lets their number grow
    with success. Here every false one stays in the champion and in what peers hear, so their number is what counts.
    The price is ln(1 + promotions) of log-evidence: with four earlier promotions about four more pairs.

    A comparison counts from its first pair, whether or not it ended in a promotion. One decided on a deterministic
    metric spends nothing.
    Raises ValueError for an index below 1, or a total outside (0, 1).
    """
    if candidate_index < 1:
        raise ValueError(f"candidates are counted from 1, got {candidate_index}")
    if not 0.0 < total_alpha < 1.0:
        raise ValueError(f"total_alpha lies between 0 and 1, got {total_alpha}")
    here, there = math.sqrt(candidate_index), math.sqrt(candidate_index + 1)
    return total_alpha / (here * there * (here + there))  # the same difference, without its cancellation
