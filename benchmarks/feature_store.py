"""Writes a profile store of order lines for the benchmarks: N customers, about 30 N rows.

    .venv/bin/python benchmarks/feature_store.py OUT [--customers 1000000] [--seed 0]

Three years of orders, a Parquet file for each month, rows in the order of time, as a shop's
exports are. Customers differ in how often they order (exponentially distributed rates), join and
leave; an order has one to four lines; one in sixteen is known only days after it happened. Rows
follow from the seed alone, month by month, so that memory does not grow with the store.
"""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from neigung.files import replacing_folder

MONTHS = 36
ORDERS_A_MONTH = 0.83
"""While a customer is there; makes 30 rows a customer of the store."""
MEMORY = "2GB"

DRAWN = "CREATE MACRO drawn(what, of) AS (hash(what, of, {seed}) >> 11) / 9007199254740992.0"
"""A number in [0, 1) that follows from its arguments."""

CUSTOMERS = """
CREATE TABLE customers AS SELECT
    i AS customer,
    format('c{{:08d}}', i) AS customer_id,
    -ln(1 - drawn('rate', i)) AS rate,
    greatest(-1, floor(54 * drawn('joined', i)) - 18)::INT AS joined,
    greatest(0, joined) + ceil(-35 * ln(1 - drawn('left', i)))::INT AS left_after,
    drawn('store', i) AS store,
    drawn('thrift', i) AS thrift,
    floor(12 * drawn('favourite', i))::INT AS favourite,
    exp(0.8 * (drawn('level', i) + drawn('level more', i) - 1)) AS level
FROM range({customers}) AS t(i)
"""

MONTH = """
COPY (
    WITH months AS (
        SELECT *, {month} * 100000000::BIGINT + customer AS at_month,
            rate * {orders} * (CASE WHEN {month} % 12 IN (10, 11) THEN 1.4 ELSE 0.92 END) AS mean
        FROM customers WHERE {month} BETWEEN joined AND left_after
    ), counted AS (
        -- Geometric: some months of a customer are livelier than others. Who is new orders.
        SELECT *, greatest((joined = {month} OR joined < 0 AND {month} = 0)::INT,
                floor(ln(1 - drawn('orders', at_month)) / ln(mean / (1 + mean)))::INT) AS orders
        FROM months WHERE mean > 0
    ), orders AS (
        SELECT *, at_month * 100 + unnest(range(least(orders, 99))) AS number
        FROM counted WHERE orders > 0
    ), dated AS (
        SELECT *, begins + to_seconds(floor(epoch(ends - begins) * drawn('at', number))) AS moment,
            CASE WHEN drawn('channel', number) < store THEN 'store'
                 WHEN drawn('app', number) < 0.4 THEN 'app' ELSE 'web' END AS channel,
            1 + (drawn('lines', number) > 0.4)::INT + (drawn('lines', number) > 0.7)::INT
              + (drawn('lines', number) > 0.9)::INT AS lines
        FROM orders, (SELECT DATE '2023-01-01' + INTERVAL ({month}) MONTH AS begins,
                             DATE '2023-01-01' + INTERVAL ({month} + 1) MONTH AS ends)
    ), lines AS (
        SELECT *, number * 4 + unnest(range(lines)) AS line FROM dated
    ), chosen AS (
        SELECT *,
            CASE WHEN drawn('own', line) < 0.5 THEN favourite
                 ELSE floor(12 * drawn('category', line))::INT END AS category_number,
            floor(200 * pow(drawn('product', line), 2))::INT AS product,
            1 + (drawn('quantity', line) > 0.85)::INT AS quantity,
            drawn('reduced', line) < 0.1 + 0.4 * thrift AS reduced,
            (1 + floor(6 * drawn('depth', line))) * 0.05 AS depth
        FROM lines
    ), priced AS (
        SELECT *, round(quantity * level * (4 + category_number * 3 + product * 0.15), 2)
            ::DECIMAL(10, 2) AS gross
        FROM chosen
    )
    SELECT customer_id, moment AS occurred_at,
        CASE WHEN channel = 'store' AND drawn('late', number) < 0.125
             THEN moment + to_hours(4 + floor(68 * drawn('delay', number))::INT)
             ELSE moment END AS known_at,
        format('o{{:012d}}', number) AS order_id,
        (gross - discount_value)::DECIMAL(10, 2) AS net_value,
        discount_value,
        quantity::DOUBLE AS quantity,
        format('p{{:05d}}', category_number * 200 + product) AS product_id,
        format('category {{:02d}}', category_number) AS category,
        channel
    FROM (SELECT *, (CASE WHEN reduced THEN round(gross * depth, 2) ELSE 0 END)
                    ::DECIMAL(10, 2) AS discount_value FROM priced)
    ORDER BY occurred_at, order_id, product_id
) TO '{file}' (FORMAT parquet)
"""


def write(out: Path, customers: int, seed: int = 0) -> int:
    """Write the store to the new folder `out`; the number of rows."""
    with replacing_folder(out) as folder, tempfile.TemporaryDirectory() as spill:
        lines = folder / "order_lines"
        lines.mkdir(parents=True)
        connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": spill})
        connection.execute(DRAWN.format(seed=seed))
        connection.execute(CUSTOMERS.format(customers=customers))
        rows = 0
        for month in range(MONTHS):
            file = lines / f"{2023 + month // 12}-{month % 12 + 1:02d}.parquet"
            query = MONTH.format(month=month, orders=ORDERS_A_MONTH, file=file)
            rows += connection.execute(query).fetchall()[0][0]
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("out", type=Path)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    begun = time.perf_counter()
    rows = write(given.out, given.customers, given.seed)
    print(f"{given.customers:,} customers, {rows:,} rows, {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
