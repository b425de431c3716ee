"""Writes statistics.json beside the tests: values of SciPy and statsmodels that the Java statistics must equal."""
import json
import math
import pathlib

import numpy as np
import scipy
import scipy.stats
import statsmodels
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

random = np.random.default_rng(20261124)


def pass_at(n, c, k):
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def paired(n):
    a = random.normal(0.55, 0.05, n)
    b = a + random.normal(0.02, 0.03, n)
    return (b - a).round(4).tolist()


def students(d):
    r = scipy.stats.ttest_1samp(d, 0)
    ci = r.confidence_interval(0.95)
    return {"differences": d, "p": r.pvalue, "low": ci.low, "high": ci.high}


def flips(d):
    r = scipy.stats.permutation_test((np.array(d),), np.mean, permutation_type="samples", n_resamples=np.inf)
    return {"differences": d, "p": r.pvalue}


def bootstrap(values):
    r = scipy.stats.bootstrap((values,), np.mean, n_resamples=200_000, method="percentile", rng=1, batch=2000)
    return {"values": values.tolist(), "low": r.confidence_interval.low, "high": r.confidence_interval.high}


holms = [random.uniform(0, 0.2, n).round(5).tolist() for n in (1, 2, 5, 9)] + [[0.01, 0.01, 0.04, 0.9]]
out = {
    "versions": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
    "pass_at_k": [
        {"n": n, "c": c, "k": k, "value": pass_at(n, c, k)}
        for n, c, k in [(1, 0, 1), (1, 1, 1), (4, 1, 2), (16, 3, 8), (16, 16, 1), (200, 7, 100), (10, 8, 3)]
    ],
    "mcnemar": [
        {"b": b, "c": c, "p": mcnemar([[5, b], [c, 5]], exact=True).pvalue}
        for b, c in [(0, 1), (1, 0), (3, 10), (10, 3), (7, 7), (0, 20), (120, 160)]
    ],
    "sign_flip": [flips(paired(n)) for n in (2, 3, 5, 8, 12)],
    "student": [students(paired(n)) for n in (2, 3, 5, 30)],
    "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in holms],
    "bootstrap": [bootstrap(random.binomial(4, 0.6, n) / 4) for n in (20, 100, 400)],
}
target = pathlib.Path(__file__).parent.parent / "resources" / "statistics.json"
target.write_text(json.dumps(out, indent=1) + "\n")
