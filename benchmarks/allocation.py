"""How close the allocation of offers comes to the optimum, and how long it takes.

    .venv/bin/python benchmarks/allocation.py [--customers 1000000] [--solver-customers 300 3000]

Customers of a simulated shop and four discounts (so five arms with the control); budgets are
shares of what the best arm for everybody would cost, revenue targets shares of the way from no
offer to the highest revenue. The peer solves the same instance in the same run: HiGHS of SciPy,
once as an integer program (`milp`, stopped after a minute) and once as its linear relaxation
(`linprog`), whose value no choice can beat. "short of" is the distance to the peer's solution in
percent of it; "gap" what the allocation itself proves, without any peer.
"""

import time

import numpy as np
import numpy.typing as npt
from measuring import Report, options, scaled
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from neigung.decisions.allocation import Allocation, allocate, cheapest

Floats = npt.NDArray[np.float64]

RATES = np.array([0, 0.05, 0.10, 0.15, 0.20])
SHARES = (0.02, 0.2, 0.6)
SECONDS = 60
CUSTOMERS = 1_000_000


def customers(n: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Margin above the control's, cost and revenue of every arm, each (n, 5)."""
    rng = np.random.default_rng(seed)
    moved = rng.gamma(0.5, 0.03, (n, 1)) * np.array([0, 0.6, 1, 1.3, 1.5])
    chance = np.clip(rng.beta(1, 15, (n, 1)) + moved, 0, 1)
    gross = chance * rng.lognormal(4, 0.6, (n, 1))
    contact = np.where(RATES > 0, 0.05, 0.0)
    margin = gross * (0.35 - RATES) - contact
    return margin - margin[:, :1], gross * RATES + contact, gross * (1 - RATES)


def one_arm_each(n: int, arms: int) -> csr_array:
    """The rows of the constraint that every customer gets one arm."""
    return csr_array((np.ones(n * arms), np.arange(n * arms), np.arange(0, n * arms + 1, arms)))


def peer(objective: Floats, limited: Floats, most: float, whole: bool) -> tuple[float, float]:
    """The least sum of `objective` with the sum of `limited` at `most` at most, and seconds."""
    n, arms = objective.shape
    each = one_arm_each(n, arms)
    begun = time.perf_counter()
    if whole:
        found = milp(
            objective.ravel(),
            integrality=np.ones(n * arms),
            bounds=Bounds(0, 1),
            constraints=[
                LinearConstraint(each, 1, 1),
                LinearConstraint(csr_array(limited.reshape(1, -1)), -np.inf, most),
            ],
            options={"mip_rel_gap": 1e-7, "time_limit": SECONDS},
        )
    else:
        found = linprog(
            objective.ravel(),
            A_ub=csr_array(limited.reshape(1, -1)),
            b_ub=[most],
            A_eq=each,
            b_eq=np.ones(n),
            method="highs",
        )
    value = float("nan") if found.fun is None else float(found.fun)
    return value, time.perf_counter() - begun


def cells_of(n: int, seconds: float, plan: Allocation, limit: str, worth: float) -> list[str]:
    """The cells of the allocation itself."""
    return [f"{n:,}", limit, f"{seconds:.2f}", f"{plan.relative_gap:.1e}", f"{worth:,.2f}"]


def compare(n: int, solve: bool) -> list[list[str]]:
    """The rows of one number of customers."""
    rows = []
    gain, cost, revenue = customers(n)
    dearest = cost[np.arange(n), gain.argmax(axis=1)].sum()
    low, high = revenue[:, 0].sum(), revenue.max(axis=1).sum()
    for share in SHARES:
        budget, target = share * dearest, low + share * (high - low)
        begun = time.perf_counter()
        plan = allocate(gain, cost, budget)
        cells = cells_of(n, time.perf_counter() - begun, plan, f"budget {share:.0%}", plan.gain)
        rows.append(cells + against(plan.gain, -gain, cost, budget, -1, solve))
        begun = time.perf_counter()
        plan = cheapest(revenue, cost, target)
        cells = cells_of(n, time.perf_counter() - begun, plan, f"target {share:.0%}", plan.cost)
        rows.append(cells + against(plan.cost, cost, -revenue, -target, 1, solve))
    return rows


def against(
    own: float, objective: Floats, limited: Floats, most: float, sign: int, solve: bool
) -> list[str]:
    """The cells of both peers."""
    if not solve:
        return ["", "", "", ""]
    cells = []
    for whole in (True, False):
        value, seconds = peer(objective, limited, most, whole)
        short = sign * (own - sign * value) / abs(value)
        cells += [f"{100 * short:.3f} %", f"{seconds:.2f}"]
    return cells


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, help=f"default {CUSTOMERS:,} times the size")
    parser.add_argument("--solver-customers", type=int, nargs="*", help="of what the peer solves")
    given = parser.parse_args()
    report = Report(given)
    heads = "customers, limit, s, gap, objective, short of milp, milp s, short of LP, LP s"
    few = given.solver_customers or ([300, 3_000] if given.size >= 1 else [300])
    rows = [row for n in few for row in compare(n, solve=True)]
    many = given.customers or scaled(CUSTOMERS, given.size, least=3_000)
    largest = compare(many, solve=False)
    report.table(heads.split(", "), rows + largest)
    for what, row in zip(("a budget", "a revenue target"), largest[2:], strict=False):
        report.figure(f"{what}, {many:,} customers", float(row[2]), "s")
    report.figure("relative gap at most", max(float(row[3]) for row in largest), "")
    report.close()


if __name__ == "__main__":
    main()
