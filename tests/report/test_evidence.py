"""What speaks for a version, as data."""

import json


def test_json_keeps_numbers_and_leaves_out_rows_of_customers(evidence):
    content = json.loads(json.dumps(evidence.to_dict()))
    assert {"fitness", "stability", "fairness", "comparison", "tables"} == set(content)
    assert content["tables"]["columns"][0] == "table"
    lines, customers = content["tables"]["rows"]
    assert lines[:3] == ["order_lines", 5321, 400]
    assert lines[3].startswith("2017-01-01")
    assert customers[3:] == [None, None, 1]


def test_every_part_gives_its_numbers(evidence):
    numbers = evidence.numbers()
    for part in (evidence.evaluation, evidence.stability, evidence.fairness, evidence.comparison):
        assert part.numbers().items() <= numbers.items()
    assert numbers["table.order_lines.rows"] == 5321
