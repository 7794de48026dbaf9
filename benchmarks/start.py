"""How long `import neigung` and `neigung --help` take, beside an empty Python.

.venv/bin/python benchmarks/start.py [--rounds 9]
"""

import sys

from measuring import Report, in_process, in_turns, median, options, scaled, spread

SECONDS = 1.0


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, help="default 9 times the size, at least 3")
    given = parser.parse_args()
    python = sys.executable
    commands = {
        "an empty Python": [python, "-c", "pass"],
        "import neigung": [python, "-c", "import neigung"],
        "neigung --help": [python, "-m", "neigung", "--help"],
    }
    # Once before, so that all find their files in the page cache and their bytecode written.
    for command in commands.values():
        in_process(command)
    works = {name: lambda command=one: in_process(command) for name, one in commands.items()}
    taken = in_turns(works, given.rounds or scaled(9, given.size, least=3))
    report = Report(given)
    report.table(
        ["", "seconds, median (range)", "CPU, s", "MB"],
        [
            [
                name,
                spread([run.seconds for run in runs]),
                f"{median(runs).cpu_seconds:.2f}",
                f"{median(runs).peak_mb:.0f}",
            ]
            for name, runs in taken.items()
        ],
    )
    for name in ("import neigung", "neigung --help"):
        report.figure(name, median(taken[name]).seconds, "s", at_most=SECONDS)
    report.close()


if __name__ == "__main__":
    main()
