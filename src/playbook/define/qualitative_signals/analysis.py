"""Can tone and frontline notes become a number? Coders compared fairly, counts corrected, and what the profile may hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods import agreement, corrected_counts, indicators, rasch, word_weights
from playbook.methods.intervals import Z90

LEAST_SETTLED, LEAST_TEXTS, LEAST_SHARED = 40, 3, 20
GRADES = 3  # 0 bad news, 1 neutral, 2 good news
EVERYONE = "everyone"


@dataclass(frozen=True)
class Limits:
    """What is admitted.

    Parameters
    ----------
    alpha : float
        Least agreement at which codes are used.
    half : float
        Widest half interval at which a share is shown.
    reliability : float
        Least reliability at which an indicator describes one customer.
    overlap : float
        An indicator of which those kept before it tell more than this share is redundant.
    """

    alpha: float = 0.667
    half: float = 0.05
    reliability: float = 0.5
    overlap: float = 0.8


@dataclass(frozen=True)
class Material:
    """Notes and what people said about their tone.

    Parameters
    ----------
    notes : DataFrame
        note_id, subject_id, customer_id, group (role of the author), text, years (before the last note, negative),
        settled (grade by the panel; NaN where it gave none).
    codes : DataFrame
        note_id, group, coder, score: one row per coding.
    """

    notes: pd.DataFrame
    codes: pd.DataFrame


@dataclass(frozen=True)
class Signals:
    """What codes, counts and indicators are worth.

    Parameters
    ----------
    coders : DataFrame
        Index coder: codings, mean code, lower (points below the mean coder on the same notes), low, high, kappa, weighted
        (agreement with the panel; NaN where they share fewer than 20 notes).
    fair : DataFrame
        Index group: raw (mean code), fair (by the mean coder), low, high; the row "gap" is the last group less the first.
    alpha : tuple of float
        Krippendorff's alpha of the codes (interval scale), low, high; alpha_fair: with severities taken out.
    words : DataFrame
        Index word: bad, good (how many times as often as in other notes), notes.
    shares : DataFrame
        Index group: notes, settled, flagged (share the classifier calls bad news), corrected, low, high, panel_half (half
        interval of the panel's verdicts alone), adjusted, hits, alarms (of bad and of other
        notes: share flagged), correlation (of flags and verdicts), spread (standard deviation of verdicts).
    slopes : DataFrame
        Index term of the regression of bad news: raw, corrected, low, high. Differences of shares.
    profile : DataFrame
        Index indicator, most reliable first: subjects, each, reliability, low, high, single (as in
        `methods.indicators.Stability`), needed (measurements a customer for the least reliability), overlap (share of it
        that the distinct ones before it tell).
    limits : Limits
        What is admitted.
    """

    coders: pd.DataFrame
    fair: pd.DataFrame
    alpha: tuple[float, float, float]
    alpha_fair: tuple[float, float, float]
    words: pd.DataFrame
    shares: pd.DataFrame
    slopes: pd.DataFrame
    profile: pd.DataFrame
    limits: Limits

    @property
    def worst(self) -> str:
        """Group whose flagged share is furthest from its corrected one."""
        return str((self.shares["flagged"] - self.shares["corrected"]).abs().idxmax())


def material(
    coded_notes: pd.DataFrame, ratings: pd.DataFrame, *, staff: pd.DataFrame | None = None
) -> Material:
    """Join notes with their codes and the panel's verdicts, on three grades.

    A rating belongs to the panel where `rater_function` is "panel"; all others are codings. Groups are the roles of the
    authors; those of which the panel settled too few notes are left out. Without `staff` all notes are one group.

    Raises
    ------
    ValueError
        When codes or verdicts are missing, too few, or not on three grades.
    """
    codes, verdict = _codes_and_verdicts(ratings)
    notes = coded_notes[coded_notes["text"].notna()]
    notes = notes.assign(settled=notes["note_id"].map(verdict).astype(float), group=EVERYONE)
    if staff is not None:
        role = staff.drop_duplicates("staff_id").set_index("staff_id")["role"]
        notes["group"] = notes["author_staff_id"].map(role)
    settled = notes.groupby("group")["settled"].count()
    notes = notes[notes["group"].isin(settled[settled >= LEAST_SETTLED].index)]
    if notes.empty:
        raise ValueError(f"tone needs a group of which the panel settled {LEAST_SETTLED} notes or more")
    codes = codes.merge(notes[["note_id", "group"]], on="note_id")
    if codes["score"].nunique() < GRADES:
        raise ValueError("tone needs notes coded with each of the three grades")
    years = (notes["written_at"] - notes["written_at"].max()).dt.total_seconds() / (365.25 * 86_400)
    columns = ["note_id", "subject_id", "customer_id", "group", "text", "settled"]
    notes = notes[columns].assign(years=years).reset_index(drop=True)
    return Material(notes, codes[["note_id", "group", "coder", "score"]])


def _codes_and_verdicts(ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return note_id, coder, score, and the panel's verdict by note, of the question that a panel settled most often."""
    rows = ratings[(ratings["subject_type"] == "note") & ratings["score"].notna()]
    rows = rows.rename(columns={"subject_id": "note_id", "rater_id": "coder"})
    rows = rows.assign(asked=rows["exercise"].fillna("") + ": " + rows["item_code"].fillna(""))
    by_panel = rows["rater_function"] == "panel"
    if not by_panel.any() or by_panel.all():
        raise ValueError(
            "tone needs notes rated by coders, and notes drawn by lot rated by a panel; one is missing"
        )
    same = rows["asked"] == rows.loc[by_panel, "asked"].value_counts().index[0]
    if not rows.loc[same, "score"].isin(range(GRADES)).all():
        raise ValueError(
            "tone is coded as 0 (bad news), 1 (neutral) or 2 (good news); other scores were found"
        )
    verdict = rows[same & by_panel].drop_duplicates("note_id", keep="last").set_index("note_id")["score"]
    return rows.loc[same & ~by_panel, ["note_id", "coder", "score"]].astype({"score": int}), verdict


def signals(
    material: Material, *, answers: pd.DataFrame | None = None, limits: Limits | None = None, seed: int = 1
) -> Signals:
    """Compare coders, correct counts and test indicators.

    Parameters
    ----------
    material : Material
        From `material`.
    answers : DataFrame, optional
        subject_id, question, score: what customers answered after the contacts that the notes tell of; the two questions
        with most answers are candidates for the profile.
    limits : Limits, optional
        What is admitted.
    seed : int
        Of resampling and of the classifier's folds.
    """
    limits = limits or Limits()
    coders, fair = _coders(material, seed)
    codes, lower = material.codes, coders["lower"]
    alphas = []
    for score in (codes["score"].astype(float), codes["score"] + codes["coder"].map(lower).round(2)):
        wide = (
            codes.assign(score=score).pivot_table(index="coder", columns="note_id", values="score").to_numpy()
        )
        span = agreement.alpha_interval(wide, level="interval", draws=200, seed=seed)
        alphas.append((agreement.krippendorff_alpha(wide, level="interval"), *span))
    notes = material.notes
    words = word_weights.words_of(notes["text"].tolist(), least=LEAST_TEXTS)
    labels = notes["note_id"].map(_labels(codes, lower)).fillna(-1).to_numpy(dtype=int)
    guess = word_weights.guessed(words, labels, classes=GRADES, seed=seed)
    return Signals(
        coders,
        fair,
        alphas[0],
        alphas[1],
        _words(words, labels),
        _shares(notes, guess == 0),
        _slopes(notes, guess == 0),
        _profile(notes, guess, answers, limits),
        limits,
    )


def _labels(codes: pd.DataFrame, lower: pd.Series) -> pd.Series:
    """Return each coded note's grade: the mean of its codes, each raised by what its coder is too low."""
    fair = (codes["score"] + codes["coder"].map(lower)).groupby(codes["note_id"]).mean()
    return fair.round().clip(0, GRADES - 1)


def _coders(material: Material, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    codes = material.codes
    found = rasch.patterns(codes["note_id"], codes["coder"], codes["score"], codes["group"], grades=GRADES)
    averages = rasch.fair_averages(found, seed=seed)
    by_coder = codes.groupby("coder")["score"]
    coders = pd.DataFrame({"codings": by_coder.size(), "mean code": by_coder.mean()})
    coders[["lower", "low", "high"]] = averages.raters  # both in the order of the coders' names
    verdict = material.notes.set_index("note_id")["settled"]
    both = codes.assign(settled=codes["note_id"].map(verdict)).dropna(subset="settled")
    distance = np.abs(np.subtract.outer(np.arange(GRADES), np.arange(GRADES)))
    for coder, own in both.groupby("coder"):
        if len(own) >= LEAST_SHARED:
            table = agreement.confusion(own["score"], own["settled"], range(GRADES))
            coders.loc[coder, "kappa"] = agreement.cohen_kappa(table)
            coders.loc[coder, "weighted"] = agreement.cohen_kappa(table, distance)
    coders = coders.reindex(columns=[*coders.columns[:5], "kappa", "weighted"])
    raw = codes.groupby("group")["score"].mean()
    fair = pd.DataFrame(averages.groups, index=raw.index, columns=["fair", "low", "high"])
    fair.insert(0, "raw", raw)
    if len(fair) > 1:
        fair.loc["gap"] = [raw.iloc[-1] - raw.iloc[0], *averages.gap]
    return coders.sort_values("lower"), fair


def _words(words: word_weights.Words, labels: np.ndarray) -> pd.DataFrame:
    model = word_weights.learn(words, labels, classes=GRADES)
    pairs = np.unique(words.text * len(words.vocabulary) + words.word) % len(words.vocabulary)
    columns = {
        "bad": np.exp(model.weights(0)),
        "good": np.exp(model.weights(GRADES - 1)),
        "notes": np.bincount(pairs),
    }
    return pd.DataFrame(columns, index=words.vocabulary)


def _shares(notes: pd.DataFrame, flag: np.ndarray) -> pd.DataFrame:
    rows = {}
    for group, at in notes.groupby("group").indices.items():
        own, of = flag[at].astype(float), notes["settled"].to_numpy()[at]
        known = ~np.isnan(of)
        bad = (of[known] == 0).astype(float)
        if known.all() or bad.std() == 0:
            raise ValueError(
                f"of {group}, the panel must settle some notes, not all, and find bad news in some, not all"
            )
        ours = corrected_counts.ppi_mean(bad, own[known], own[~known])
        hits, alarms = own[known][bad == 1].mean(), own[known][bad == 0].mean()
        counted = np.nan
        if hits > alarms:
            counted = corrected_counts.adjusted_count(own, bad, np.flatnonzero(known)).estimate
        rows[group] = {
            "notes": len(at),
            "settled": len(bad),
            "flagged": own.mean(),
            "corrected": ours.estimate,
            "low": max(ours.low, 0.0),
            "high": min(ours.high, 1.0),
            "panel_half": Z90 * bad.std(ddof=1) / np.sqrt(len(bad)),
            "adjusted": counted,
            "hits": hits,
            "alarms": alarms,
            "correlation": np.corrcoef(bad, own[known])[0, 1] if own[known].std() > 0 else 0.0,
            "spread": bad.std(ddof=1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _slopes(notes: pd.DataFrame, flag: np.ndarray) -> pd.DataFrame:
    """Regress bad news on the author's group and the year, from flags alone and corrected.

    The panel drew as many notes from each group, so each known note stands for its group's notes.
    """
    groups = sorted(notes["group"].unique())
    first = groups[0]
    terms = {f"{group} less {first}": (notes["group"] == group).to_numpy(float) for group in groups[1:]}
    x = np.column_stack([np.ones(len(notes)), *terms.values(), notes["years"]])
    known = notes["settled"].notna().to_numpy()
    weights = [
        (notes["group"].value_counts() / side.value_counts()).loc[side].to_numpy()
        for side in (notes.loc[known, "group"], notes.loc[~known, "group"])
    ]
    bad = (notes.loc[known, "settled"] == 0).to_numpy(float)
    flag = flag.astype(float)
    ours = corrected_counts.ppi_slope(
        x[known], bad, flag[known], x[~known], flag[~known], weights=weights[0], weights_others=weights[1]
    )
    raw = np.linalg.lstsq(x, flag, rcond=None)[0]
    rows = [(raw[i], ours[i].estimate, ours[i].low, ours[i].high) for i in range(1, len(raw))]
    return pd.DataFrame(rows, index=[*terms, "per year"], columns=["raw", "corrected", "low", "high"])


def _profile(
    notes: pd.DataFrame, guess: np.ndarray, answers: pd.DataFrame | None, limits: Limits
) -> pd.DataFrame:
    """Return, by indicator that a customer's profile might hold, how stable and how new it is."""
    values = {
        "bad news": (guess == 0).astype(float),
        "good news": (guess == GRADES - 1).astype(float),
        "mean tone": guess.astype(float),
        "length of notes": notes["text"].str.len().to_numpy(dtype=float),
    }
    if answers is not None:
        for question in answers["question"].value_counts().index[:2]:
            own = (
                answers[answers["question"] == question].drop_duplicates("subject_id").set_index("subject_id")
            )
            values[f"answer: {question}"] = notes["subject_id"].map(own["score"]).to_numpy(dtype=float)
    kept = notes["customer_id"].notna().to_numpy()
    customer = notes["customer_id"].to_numpy(dtype=object)[kept]
    frame = pd.DataFrame({name: value[kept] for name, value in values.items()})
    frame = frame[[name for name in frame if pd.Series(customer)[frame[name].notna()].duplicated().any()]]
    if frame.empty:
        return pd.DataFrame(
            columns=["subjects", "each", "reliability", "low", "high", "single", "needed", "overlap"]
        )
    found = {str(name): indicators.stability(frame[name], customer) for name in frame}
    rows = pd.DataFrame.from_dict({name: vars(one) for name, one in found.items()}, orient="index")
    rows["needed"] = [one.needed(limits.reliability) for one in found.values()]
    order = np.argsort(-rows["reliability"].to_numpy(), kind="stable").tolist()
    alike = frame.groupby(customer).mean().corr().fillna(0.0)
    return rows.assign(overlap=indicators.overlaps(alike, order, most=limits.overlap)).iloc[order]
