import importlib
import pkgutil

from neigung.judgement import checks
from neigung.judgement.checks import CHECKS
from neigung.judgement.checks_table import checks_table, kinds_of


def test_every_check_is_in_the_table_with_its_limit_and_why():
    head, _, *rows = checks_table().splitlines()
    assert head.count("|") == 7
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert all(len(row) == 6 for row in cells)
    told = {row[0].split(":")[0].strip("`"): row for row in cells}
    every = {check.code: check for checks in CHECKS.values() for check in checks}
    assert list(told) == list(every)
    for code, check in every.items():
        assert check.care or check.bad, code
        assert check.why in told[code], code
    assert told["calibration"][1] == "propensity"
    assert (told["arms"][1], told["drift"][1]) == ("offer", "all")


def test_limits_stand_once():
    """What the table says is what is judged by."""
    from neigung.judgement.checks import calibration, leak, overlap

    table = checks_table()
    for limit in (calibration.MEAN_CARE, calibration.TENTHS_CARE, leak.LEAK_BAD):
        assert f"{limit:.0%}" in table
    assert f"{overlap.KNOWN_CHANCES:.0%}" in table


def test_every_file_of_a_check_is_registered():
    files = {module.name for module in pkgutil.iter_modules(checks.__path__)}
    found = {importlib.import_module(f"{checks.__name__}.{name}").CHECK for name in files}
    registered = {check for given in CHECKS.values() for check in given}
    assert found == registered
    assert {check.code for check in found} == files
    assert all(kinds_of(check) for check in found)
