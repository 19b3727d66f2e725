"""How people learn, forget and leave, and how long a course takes to reach them.

Sources: Ebbinghaus (1885), savings formula as replicated by Murre & Dros (2015), PLoS ONE 10:e0120644; Wright
(1936), "Factors Affecting the Cost of Airplanes", J. Aeronautical Sciences 3:122; Wixted & Ebbesen (1991),
"On the Form of Forgetting", Psychological Science 2:409; Wu & Carroll (1988), "Estimation and Comparison of
Changes in the Presence of Informative Right Censoring", Biometrics 44:175 (shared-parameter model).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SKILLS = np.linspace(-3.6, 3.6, 25)  # integration grid of latent skill, in standard deviations
LEAVE_CUTS_D = (91.0, 365.0)  # people leave at one rate until, between and after these days
USUAL_GAIN, USUAL_FORGET, USUAL_LOG_SD = (
    0.2,
    0.3,
    1.0,
)  # weak prior: few people a role must not mean no forgetting


def savings(minutes: ArrayLike, *, k: float = 1.84, c: float = 1.25) -> Floats:
    """Return the share of learning effort still saved `minutes` after learning nonsense syllables.

    Parameters
    ----------
    minutes : array_like
        Time since learning, above 1 minute.
    k, c : float
        Ebbinghaus' constants.

    Raises
    ------
    ValueError
        When a time is not above one minute, where the logarithm ends.

    Notes
    -----
    b = k / (log10(t)^c + k), Ebbinghaus (1885), chapter 7.

    Examples
    --------
    >>> savings([20, 1440]).round(3).tolist()
    [0.57, 0.304]
    """
    minutes = np.asarray(minutes, dtype=float)
    if (minutes <= 1).any():
        raise ValueError("the savings formula holds for times above one minute")
    return k / (np.log10(minutes) ** c + k)


def wright(first: float, n: ArrayLike, *, rate: float) -> Floats:
    """Return the time of the n-th unit when each doubling of units takes `rate` times the time.

    Parameters
    ----------
    first : float
        Time of the first unit, any unit of time.
    n : array_like
        Unit numbers, from 1.
    rate : float
        Wright's learning rate, e.g. 0.8.

    Notes
    -----
    y = first * n^b with b = log2(rate), Wright (1936).

    Examples
    --------
    >>> wright(100, [1, 2, 4, 8], rate=0.8).round(1).tolist()
    [100.0, 80.0, 64.0, 51.2]
    """
    if not 0 < rate <= 1:
        raise ValueError(f"a learning rate is above 0 and at most 1, got {rate}")
    return first * np.asarray(n, dtype=float) ** np.log2(rate)


def wright_rate(minutes: ArrayLike, n: ArrayLike, person: ArrayLike) -> float:
    """Return Wright's rate from each person's own times, so that who stays cannot bias it.

    Parameters
    ----------
    minutes, n : array_like, shape (m,)
        Time of a unit and its number.
    person : array_like, shape (m,)
        Whose it is; only differences within a person count.

    Examples
    --------
    >>> round(wright_rate([100, 80, 50, 40], [1, 2, 1, 2], ["a", "a", "b", "b"]), 3)
    0.8
    """
    _, who = np.unique(np.asarray(person), return_inverse=True)
    size = np.bincount(who)
    y, x = np.log(np.asarray(minutes, dtype=float)), np.log2(np.asarray(n, dtype=float))
    y, x = y - (np.bincount(who, y) / size)[who], x - (np.bincount(who, x) / size)[who]
    if not (x**2).sum() > 0:
        raise ValueError("a learning rate needs people with more than one unit")
    return float(np.exp((x * y).sum() / (x**2).sum()))


def kept(gap_d: ArrayLike, practices: ArrayLike, *, forget: ArrayLike) -> Floats:
    """Return the share of what was learned that is left after `gap_d` days without practice.

    Parameters
    ----------
    gap_d : array_like
        Days since the last practice.
    practices : array_like
        Practices so far; each one slows forgetting.
    forget : array_like
        Exponent of forgetting after one practice.

    Notes
    -----
    (1 + gap / 7)^(-forget / practices): power forgetting (Wixted & Ebbesen 1991), slower in proportion to
    practice.

    Examples
    --------
    >>> kept([0, 7, 7], [1, 1, 2], forget=1.0).round(3).tolist()
    [1.0, 0.5, 0.707]
    """
    gap_d, practices = np.asarray(gap_d, dtype=float), np.asarray(practices, dtype=float)
    return np.asarray((1 + gap_d / 7) ** (-np.asarray(forget) / practices))


def learning_path(gaps_d: ArrayLike, *, start: ArrayLike, gain: ArrayLike, forget: ArrayLike) -> Floats:
    """Return the expected score at the start of each practice.

    Parameters
    ----------
    gaps_d : array_like, shape (n,)
        Days since the practice before; the first is not used.
    start : array_like
        Score before any practice, a share.
    gain : array_like
        Each practice multiplies the gap to a perfect score by exp(-gain).
    forget : array_like
        See `kept`; what was known at the start is not forgotten.

    Returns
    -------
    ndarray, shape (n, ...)
        The trailing shape is the common one of the parameters.

    Examples
    --------
    >>> learning_path([0, 7], start=0.5, gain=np.log(2), forget=0.0).tolist()
    [0.5, 0.75]
    """
    start, gain, forget = np.broadcast_arrays(*(np.asarray(p, dtype=float) for p in (start, gain, forget)))
    score, path = start, []
    for n, gap in enumerate(np.asarray(gaps_d, dtype=float)):
        if n > 0:
            learned = after_practice(score, gain=gain)
            score = start + (learned - start) * kept(gap, n, forget=forget)
        path.append(score)
    return np.array(path)


def after_practice(score: ArrayLike, *, gain: ArrayLike) -> Floats:
    """Return the score right after a practice that began at `score`.

    Examples
    --------
    >>> float(after_practice(0.5, gain=np.log(2)))
    0.75
    """
    return np.asarray(1 - (1 - np.asarray(score)) * np.exp(-np.asarray(gain)))


def weeks_above(learned: float, needed: float, practices: int, *, start: float, forget: float) -> float:
    """Return the weeks after which a score of `learned` has fallen to `needed` without practice.

    Returns 0 when `learned` is below `needed`, infinity when even all forgetting leaves enough.

    Examples
    --------
    >>> round(weeks_above(0.9, 0.6, 1, start=0.3, forget=1.0), 3)
    1.0
    """
    if learned < needed:
        return 0.0
    if needed <= start or forget == 0:
        return np.inf
    return float(((needed - start) / (learned - start)) ** (-practices / forget) - 1)


@dataclass(frozen=True)
class LearningFit:
    """Learning, forgetting and leaving, with the covariance of their logarithms.

    Parameters
    ----------
    start, gain, forget : ndarray, shape (groups,)
        For a person of average skill; see `learning_path`.
    gain_on_skill : float
        Change of log gain per standard deviation of skill.
    leave_on_skill : float
        Fall of the log rate of leaving per standard deviation of skill; 0 when leaving was not modelled.
    noise_sd : float
        Of a score around its expectation.
    theta, cov : ndarray, shape (p,) and (p, p)
        All parameters as they are estimated: logit(start), log(gain) and log(forget) of each group,
        log(gain_on_skill), log(noise_sd), then, if leaving was modelled, log rates of leaving a day and
        leave_on_skill. Robust covariance.
    """

    start: Floats
    gain: Floats
    forget: Floats
    gain_on_skill: float
    leave_on_skill: float
    noise_sd: float
    theta: Floats
    cov: Floats

    def interval(self, name: str, *, level: float = 0.9) -> Floats:
        """Return low and high of `gain`, `forget` or `start`, (groups, 2), or of `leave_on_skill`, (1, 2)."""
        from scipy.special import expit
        from scipy.stats import norm

        groups = len(self.gain)
        place = {
            "start": slice(0, groups),
            "gain": slice(groups, 2 * groups),
            "forget": slice(2 * groups, 3 * groups),
            "leave_on_skill": slice(-1, None),
        }[name]
        middle, sd = self.theta[place], np.sqrt(np.diag(self.cov)[place])
        ends = middle[:, None] + norm.ppf([(1 - level) / 2, (1 + level) / 2]) * sd[:, None]
        back = {"start": expit, "gain": np.exp, "forget": np.exp, "leave_on_skill": np.asarray}[name]
        return back(ends)


def fit_learning(
    scores: ArrayLike,
    gaps_d: ArrayLike,
    group: ArrayLike,
    *,
    stay_d: ArrayLike | None = None,
    left: ArrayLike | None = None,
) -> LearningFit:
    """Estimate learning and forgetting by group, together with who leaves.

    Parameters
    ----------
    scores : array_like, shape (people, n)
        Score (share) at the start of each practice; NaN after the last one. A person may have none.
    gaps_d : array_like, shape (people, n)
        Days since the practice before.
    group : array_like of int, shape (people,)
        0, 1, ...; each has its own start, gain and forget.
    stay_d : array_like, shape (people,), optional
        Days from hire to leaving, or until now.
    left : array_like of bool, shape (people,), optional
        Whether they left. Without both, leaving is taken to say nothing about skill.

    Raises
    ------
    ValueError
        When a group has no scores, or the likelihood has no maximum.

    Notes
    -----
    Shared-parameter model (Wu & Carroll 1988): each person has a latent skill z ~ N(0, 1) that multiplies
    gain by exp(gain_on_skill z) and the rate of leaving by exp(-leave_on_skill z). The likelihood integrates
    over z, so that few scores of a person who left early still say that the skill was low. Rates of leaving
    are constant between `LEAVE_CUTS_D`. Gain and forget have a weak lognormal prior (`USUAL_LOG_SD`), so the
    fit is a posterior mode. The covariance is the sandwich over people, each weighed up by the mean leverage
    in the group (HC3, MacKinnon & White 1985), since few people a role are usual.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    scores, gaps_d = np.asarray(scores, dtype=float), np.asarray(gaps_d, dtype=float)
    group = np.asarray(group, dtype=int)
    groups = int(group.max()) + 1
    scored = np.bincount(group, np.isfinite(scores).sum(axis=1), minlength=groups)
    if (scored == 0).any():
        raise ValueError(f"group {int(np.argmin(scored))} has no scores to learn from")
    exposure, events = _exposure(stay_d, left) if stay_d is not None else (None, None)

    theta = np.concatenate([np.full(groups, -0.5), np.full(2 * groups, np.log(0.2)), np.log([0.4, 0.1])])
    if exposure is not None and events is not None:
        base = (events.sum(axis=0) + 0.5) / (exposure.sum(axis=0) + 100)
        theta = np.concatenate([theta, np.log(base), [0.1]])

    people = (scores, gaps_d, group, exposure, events)
    first = _log_likelihood(theta, *people)[1]
    # In these directions the likelihood curves about equally: a third of the steps.
    scale = np.linalg.inv(np.linalg.cholesky(first.T @ first + np.eye(len(theta)))).T

    def total(u: Floats) -> tuple[float, Floats]:
        t = theta + scale @ u
        value, gradient = _log_likelihood(t, *people)
        prior, slope = _log_prior(t, groups)
        return -value.sum() - prior, -scale.T @ (gradient.sum(axis=0) + slope)

    best = minimize(total, np.zeros(len(theta)), jac=True, method="BFGS", options={"gtol": 1e-3})
    theta = theta + scale @ best.x
    cov = _sandwich(theta, scores, gaps_d, group, exposure, events)
    start, gain, forget = (
        expit(theta[:groups]),
        np.exp(theta[groups : 2 * groups]),
        np.exp(theta[2 * groups : 3 * groups]),
    )
    spread, noise = np.exp(theta[3 * groups : 3 * groups + 2])
    link = float(theta[-1]) if exposure is not None else 0.0
    return LearningFit(start, gain, forget, float(spread), link, float(noise), theta, cov)


def _exposure(stay_d: ArrayLike, left: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return days at risk and leavings in each stretch of tenure, (people, stretches)."""
    stay = np.asarray(stay_d, dtype=float)[:, None]
    edges = np.array([0.0, *LEAVE_CUTS_D, np.inf])
    exposure = np.clip(stay - edges[:-1], 0, edges[1:] - edges[:-1])
    events = (stay >= edges[:-1]) & (stay < edges[1:]) & np.asarray(left, dtype=bool)[:, None]
    return exposure, events.astype(float)


def _log_prior(theta: Floats, groups: int) -> tuple[float, Floats]:
    """Return the log prior of gain and forget, and its gradient (p,)."""
    usual = np.repeat(np.log([USUAL_GAIN, USUAL_FORGET]), groups)
    off = (theta[groups : 3 * groups] - usual) / USUAL_LOG_SD
    slope = np.zeros(len(theta))
    slope[groups : 3 * groups] = -off / USUAL_LOG_SD
    return -0.5 * float(off @ off), slope


def _log_likelihood(
    theta: Floats, scores: Floats, gaps_d: Floats, group: NDArray[np.int64],
    exposure: Floats | None, events: Floats | None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return each person's log likelihood (people,) and its gradient (people, p)."""
    groups = int(group.max()) + 1
    people = np.arange(len(group))
    spread, noise = np.exp(theta[3 * groups : 3 * groups + 2])
    start = (1 / (1 + np.exp(-theta[:groups])))[group][:, None]
    forget = np.exp(theta[2 * groups : 3 * groups])[group][:, None]
    gain = np.exp(theta[groups : 2 * groups][group][:, None] + spread * SKILLS)
    left_of_gap = np.exp(-gain)
    d_start = start * (1 - start)

    value = np.broadcast_to(-0.5 * SKILLS**2, gain.shape).copy()
    by_start, by_gain, by_forget, by_noise = (np.zeros(gain.shape) for _ in range(4))
    score = np.broadcast_to(start, gain.shape)
    m_start = np.broadcast_to(d_start, gain.shape)
    m_gain = m_forget = np.zeros(gain.shape)
    for n in range(scores.shape[1]):
        seen = np.isfinite(scores[:, n])
        if not seen.any():
            break
        if n > 0:
            log_kept = -forget / n * np.log1p(np.where(seen, gaps_d[:, n], 0.0) / 7)[:, None]
            keep = np.exp(log_kept)
            step = keep * left_of_gap
            learned = 1 - (1 - score) * left_of_gap
            m_start = d_start * (1 - keep) + step * m_start
            m_gain = step * (m_gain + (1 - score) * gain)
            m_forget = step * m_forget + (learned - start) * keep * log_kept
            score = start + (learned - start) * keep
        error = np.where(seen, scores[:, n], 0.0)[:, None] - score
        error = error * seen[:, None] / noise
        value += -0.5 * error**2 - (np.log(noise) * seen)[:, None]
        by_noise += error**2 - seen[:, None]
        error /= noise
        by_start += error * m_start
        by_gain += error * m_gain
        by_forget += error * m_forget
    if exposure is not None and events is not None:
        rates, link = np.exp(theta[3 * groups + 2 : -1]), theta[-1]
        slower = np.exp(-link * SKILLS)
        risk, went = exposure @ rates, events.sum(axis=1)
        value += (events @ np.log(rates))[:, None] - np.outer(went, link * SKILLS) - np.outer(risk, slower)

    top = value.max(axis=1, keepdims=True)
    weight = np.exp(value - top)
    mass = weight.sum(axis=1, keepdims=True)
    weight /= mass
    gradient = np.zeros((len(group), len(theta)))
    gradient[people, group] = (weight * by_start).sum(axis=1)
    gradient[people, groups + group] = (weight * by_gain).sum(axis=1)
    gradient[people, 2 * groups + group] = (weight * by_forget).sum(axis=1)
    gradient[:, 3 * groups] = spread * (weight * by_gain * SKILLS).sum(axis=1)
    gradient[:, 3 * groups + 1] = (weight * by_noise).sum(axis=1)
    if exposure is not None and events is not None:
        expected = weight @ slower
        gradient[:, 3 * groups + 2 : -1] = events - exposure * rates * expected[:, None]
        gradient[:, -1] = -went * (weight @ SKILLS) + risk * (weight @ (slower * SKILLS))
    return np.log(mass[:, 0]) + top[:, 0], gradient


def _sandwich(
    theta: Floats, scores: Floats, gaps_d: Floats, group: NDArray[np.int64],
    exposure: Floats | None, events: Floats | None, step: float = 1e-4,
) -> Floats:  # fmt: skip
    """Return the robust covariance: the spread of people's gradients (HC3) between two inverse Hessians."""
    people = (scores, gaps_d, group, exposure, events)
    hessian = np.empty((len(theta), len(theta)))
    for i, unit in enumerate(np.eye(len(theta)) * step):
        up, down = (
            _log_likelihood(theta + side * unit, *people)[1].sum(axis=0)
            + _log_prior(theta + side * unit, int(group.max()) + 1)[1]
            for side in (1, -1)
        )
        hessian[i] = (up - down) / (2 * step)
    hessian = -(hessian + hessian.T) / 2
    if np.linalg.eigvalsh(hessian).min() <= 0:
        raise ValueError(
            "the scores do not tell learning, forgetting and skill apart: more people or gaps are needed"
        )
    size = np.bincount(group)[group]
    shared = len(theta) - 3 * (group.max() + 1)
    leverage = np.minimum(3 / size + shared / len(group), 0.5)
    each = _log_likelihood(theta, *people)[1] / (1 - leverage)[:, None]
    inverse = np.linalg.inv(hessian)
    return inverse @ (each.T @ each) @ inverse


def transfer_minutes(package_mb: ArrayLike, kbps: ArrayLike) -> Floats:
    """Return the minutes to move a package at `kbps` kilobits a second (1 MB = 8,000 kilobits).

    Examples
    --------
    >>> float(transfer_minutes(60, 400))
    20.0
    """
    return np.asarray(package_mb, dtype=float) * 8000 / np.asarray(kbps, dtype=float) / 60


def fit_speed(kbps: ArrayLike, limit_kbps: ArrayLike) -> tuple[float, float]:
    """Return mean and sd of log speed from transfers of which the slow ones never finished.

    Parameters
    ----------
    kbps : array_like, shape (n,)
        Speed of each finished transfer; NaN where it did not finish in its slot.
    limit_kbps : array_like, shape (n,)
        Speed that was needed to finish: an unfinished transfer was slower than that.

    Raises
    ------
    ValueError
        When fewer than two transfers finished.

    Notes
    -----
    Maximum likelihood of a left-censored lognormal, Tobin (1958), Econometrica 26:24.
    """
    from scipy.optimize import minimize
    from scipy.stats import norm

    kbps, limit = np.asarray(kbps, dtype=float), np.log(np.asarray(limit_kbps, dtype=float))
    done = np.isfinite(kbps)
    if done.sum() < 2:
        raise ValueError("a speed needs at least two finished transfers")
    logs = np.log(kbps[done])

    def negative(p: Floats) -> float:
        sd = np.exp(p[1])
        seen = norm.logpdf(logs, p[0], sd).sum()
        return -float(seen + norm.logcdf(limit[~done], p[0], sd).sum())

    best = minimize(negative, [logs.mean(), np.log(logs.std() + 0.1)], method="Nelder-Mead",
                    options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 2000})  # fmt: skip
    return float(best.x[0]), float(np.exp(best.x[1]))


def least_squares(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return ordinary least-squares coefficients and heteroscedasticity-robust (HC1) standard errors.

    Parameters
    ----------
    x : array_like, shape (n, p)
        With a constant, full rank, n > p.
    y : array_like, shape (n,)

    Examples
    --------
    >>> beta, _ = least_squares([[1, 0], [1, 1], [1, 0], [1, 1]], [1, 3, 1, 3])
    >>> beta.round(6).tolist()
    [1.0, 2.0]
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if np.linalg.matrix_rank(x) < x.shape[1] or len(x) <= x.shape[1]:
        raise ValueError(f"{len(x)} rows cannot tell {x.shape[1]} coefficients apart")
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    residual = y - x @ beta
    cov = inverse @ (x.T * residual**2) @ x @ inverse * len(x) / (len(x) - x.shape[1])
    return beta, np.sqrt(np.diag(cov))
