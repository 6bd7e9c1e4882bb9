"""Writes kit/src/stats/classification.fixtures.json: what scikit-learn says of small sets of predictions.

    python3 scripts/classification-reference.py

Every value that is there is scikit-learn's own, on all samples or, class by class, on those whose label is known; null stands where it would warn
and put 0. Values per class are averaged by numpy over the classes that have one. Made with scikit-learn 1.2.1 and numpy 1.24.2.
"""
import json
import sys
from pathlib import Path

import numpy as np
from sklearn import metrics as m

if "--help" in sys.argv:
    print(__doc__)
    sys.exit()

rng = np.random.default_rng(8)
target = Path(__file__).parent.parent / "kit/src/stats/classification.fixtures.json"


def one_class(actual, predicted, scores):
    """One class against the rest; null where nothing is defined."""
    positives, negatives = int(actual.sum()), int((1 - actual).sum())
    both = positives > 0 and negatives > 0
    tn, fp, fn, tp = m.confusion_matrix(actual, predicted, labels=[0, 1]).ravel()
    return {
        "auroc": m.roc_auc_score(actual, scores) if both else None,
        "averagePrecision": m.average_precision_score(actual, scores) if positives else None,
        "sensitivity": m.recall_score(actual, predicted) if positives else None,
        "specificity": m.recall_score(actual, predicted, pos_label=0) if negatives else None,
        "precision": m.precision_score(actual, predicted) if tp + fp else None,
        "f1": m.f1_score(actual, predicted) if tp + fp + fn else None,
        "accuracy": m.accuracy_score(actual, predicted) if len(actual) else None,
    }


def mean(per_class, score):
    values = [q[score] for q in per_class if q[score] is not None]
    return float(np.mean(values)) if values else None


averaged = ["auroc", "averagePrecision", "sensitivity", "specificity", "precision"]


def multi_class(name, p, labels, check_macro=False):
    p, labels = np.asarray(p), np.asarray(labels)
    if p.shape[1] == 1:
        columns, predicted = np.hstack([-p, p]), (p[:, 0] >= 0.5).astype(int)
    else:
        columns, predicted = p, p.argmax(1)
    per_class = [
        one_class((labels == c).astype(int), (predicted == c).astype(int), columns[:, c])
        for c in range(columns.shape[1])
    ]
    own = per_class[1:] if len(per_class) == 2 else per_class
    if check_macro:  # the same by scikit-learn's own averages
        ovr = m.roc_auc_score(labels, p, multi_class="ovr", average="macro")
        assert abs(ovr - mean(own, "auroc")) < 1e-12
        assert abs(m.recall_score(labels, predicted, average="macro") - mean(own, "sensitivity")) < 1e-12
    present = np.unique(labels)
    return {
        "name": name,
        "task": "multi-class",
        "probabilities": p.tolist(),
        "labels": labels.tolist(),
        "expected": {
            **{score: mean(own, score) for score in averaged},
            "macroF1": m.f1_score(labels, predicted, average="macro", zero_division=0),
            "microF1": m.f1_score(labels, predicted, average="micro", zero_division=0),
            "accuracy": m.accuracy_score(labels, predicted),
            "balancedAccuracy": m.recall_score(labels, predicted, labels=present, average="macro"),
            "confusion": m.confusion_matrix(labels, predicted, labels=range(columns.shape[1])).tolist(),
            "perClass": per_class,
        },
    }


def multi_label(name, p, truth, thresholds=None):
    p, truth = np.asarray(p), np.asarray(truth)
    at = np.asarray(thresholds or [0.5] * p.shape[1])
    per_class, kept, left_out, pooled = [], [], [], []
    for c in range(p.shape[1]):
        known = truth[:, c] >= 0
        actual, scores = truth[known, c], p[known, c]
        predicted = (scores >= at[c]).astype(int)
        own = one_class(actual, predicted, scores)
        per_class.append(own)
        if len(np.unique(actual)) < 2:
            left_out.append(c)
            continue
        kept.append((own, m.balanced_accuracy_score(actual, predicted)))
        pooled.append((actual, predicted))
    own = [q for q, _ in kept]
    actual, predicted = (np.concatenate(part) for part in zip(*pooled))
    return {
        "name": name,
        "task": "multi-label",
        "probabilities": p.tolist(),
        "truth": truth.tolist(),
        **({"thresholds": thresholds} if thresholds else {}),
        "expected": {
            **{score: mean(own, score) for score in averaged},
            "macroF1": mean(own, "f1"),
            "microF1": m.f1_score(actual, predicted),
            "accuracy": mean(own, "accuracy"),
            "balancedAccuracy": float(np.mean([b for _, b in kept])),
            "confusion": None,
            "perClass": per_class,
            "leftOut": left_out,
        },
    }


def simplex(n, classes, steps):
    """Rows of multiples of 1 / steps that sum to 1: there are ties between samples, but none for the first place."""
    rows = []
    while len(rows) < n:
        row = rng.multinomial(steps, rng.dirichlet(np.ones(classes))) / steps
        if (row == row.max()).sum() == 1:
            rows.append(row)
    return np.array(rows)


def grid(*shape, steps=8):
    return rng.integers(0, steps + 1, shape) / steps


def drawn(p, strength=0.6):
    """Labels that follow the predictions more often than not."""
    random = rng.integers(0, p.shape[1], len(p))
    return np.where(rng.random(len(p)) < strength, p.argmax(1), random)


four = simplex(24, 4, 8)
grades = simplex(24, 5, 8)
grade_labels = drawn(grades, 0.5)
grade_labels[grade_labels == 3] = 2  # nobody has grade 3
unpredicted = grades.argmax(1) != 3
two = simplex(20, 2, 8)
single = grid(20, 1)
labels = grid(16, 4)
truth = (rng.random((16, 4)) < 0.2 + 0.6 * labels).astype(int)
truth[:, 3] = 1
unknown = np.where(rng.random((16, 4)) < 0.3, -1, truth)
fixtures = [
    multi_class("four classes, tied scores", four, drawn(four), check_macro=True),
    multi_class("five grades, one of them absent", grades, grade_labels),
    multi_class("five grades, one neither there nor predicted", grades[unpredicted], grade_labels[unpredicted]),
    multi_class("two classes, two outputs", two, drawn(two)),
    multi_class("two classes, a single output, some at 0.5", single, (rng.random(20) < single[:, 0]).astype(int)),
    multi_class("labels of one class alone", two[:8], np.zeros(8, int)),
    multi_class("a single output, labels of class 1 alone", single[:6], np.ones(6, int)),
    multi_label("labels, one of them always there", labels, truth),
    multi_label("labels, some not known", labels, unknown),
    multi_label("labels, some not known, thresholds of the card", labels, unknown, [0.25, 0.5, 0.75, 0.5]),
]
rows = ",\n".join("  " + json.dumps(fixture) for fixture in fixtures)
target.write_text(f'{{"by": "scripts/classification-reference.py", "cases": [\n{rows}\n]}}\n')
