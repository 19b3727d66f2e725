"""The ERP's exports: debtors, orders month by month, and a workbook of order lines and articles."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import xlsxwriter
from planting import NOTES, Dirt, Row, Truth, as_csv, berlin, german, records, text, windows

# UTC; in Berlin the first of July 2025 and of July 2026.
FROM, TO = "2025-06-30 22:00", "2026-06-30 22:00"
AGAIN = 20  # orders of the month before that a monthly delivery brings again
PLATES = {"DE": "D", "FR": "F", "GB": "GB"}
STATUS = {"open": "O", "shipped": "S", "cancelled": "X"}


def debtor_no(key: str) -> str:
    """Return a debtor's number with its leading zeros."""
    return key.zfill(10)


def debtors(out: Path, tables: dict[str, pd.DataFrame], rng: random.Random, truth: Truth) -> None:
    """Write the debtors: cp1252, a title above the header, a line below the last row."""
    rows = [
        {
            "Kundennr": debtor_no(row["customer_no"]), "Name1": text(row["company_name"]), "Name2": text(row["name"]),
            "Strasse": text(row["street_address"]), "PLZ": text(row["postal_code"]), "Ort": text(row["town"]),
            "LKZ": PLATES[row["country_code"]], "Telefon": text(row["telephone"]), "E-Mail": text(row["mail"]),
            "Kreditlimit": f"{rng.randrange(1, 60) * 500:,}".replace(",", "."), "Anlage": row["changed_on"],
        }
        for row in records(tables["src_erp_customers"])
    ]  # fmt: skip
    dirt = Dirt("debtors", rows, rng, truth, key="Kundennr", anew=lambda i: f"{8_000_000 + i:010d}")
    dirt.add("not a time", 3, {"Anlage": "00.00.0000"})
    dirt.add("damaged characters", 2, {"Ort": "M\x81nchen"})
    dirt.add("not in code list 'plates'", 2, {"LKZ": "XX"})
    dirt.repeat("repeated line", 2)
    truth.add("dirt", "debtors", "2 cells where 11 are expected", 1)  # the line below the last row
    title = "Debitorenliste;;;;;;;;;;\r\nBuchungskreis 0100;;Stand 01.07.2026;;;;;;;;\r\n;;;;;;;;;;\r\n"
    body = title + as_csv(list(rows[0]), dirt.mixed_in(), "\r\n") + f"Ende der Liste;{len(rows)} Konten\r\n"
    (out / "erp_debitoren.csv").write_bytes(windows(body))
    truth.add("total", "debtors", "rows", len(rows))


def chosen(tables: dict[str, pd.DataFrame], rng: random.Random) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the last year's orders of customers whom the ERP knows, and their lines; each order names a debtor."""
    entities = tables["truth_entities"].query("source == 'erp'")
    keys = entities.groupby("customer_id")["source_key"].agg(list)
    orders = tables["orders"]
    inside = (orders["ordered_at"] >= FROM) & (orders["ordered_at"] < TO)
    orders = orders[inside & orders["customer_id"].isin(keys.index)]
    orders = orders.sort_values("ordered_at", ignore_index=True)
    orders["debtor"] = [debtor_no(rng.choice(keys[customer])) for customer in orders["customer_id"]]
    orders["number"] = "00" + orders["order_id"].str[1:]
    lines = tables["order_lines"].merge(orders[["order_id", "number", "customer_id"]], on="order_id")
    return orders, lines.assign(value=lines["qty_ordered"] * lines["unit_price_amt"])


def order_files(
    out: Path, orders: pd.DataFrame, lines: pd.DataFrame, rng: random.Random, truth: Truth
) -> None:
    """Write the orders, a file a month; each brings the last orders of the month before again."""
    value = lines.groupby("order_id")["value"].sum()
    rows = [
        {
            "Auftrag": row["number"], "Kundennr": row["debtor"], "Weg": row["channel"],
            "Erfasst": f"{berlin(row['ordered_at']):%d.%m.%Y %H:%M}", "Status": STATUS[row["status"]],
            "Auftragswert": german(value[row["order_id"]]), "Notiz": rng.choice(NOTES) if rng.random() < 0.05 else "",
        }
        for row in records(orders)
    ]  # fmt: skip
    files: dict[str, list[Row]] = {}
    for row in rows:
        month = f"{row['Erfasst'][6:10]}-{row['Erfasst'][3:5]}"
        files.setdefault(month, []).append(row)
    for before, month in pairwise(files):
        late = files[before][-AGAIN:]
        files[month] = late + files[month]  # now with their final state
        files[before] = files[before][:-AGAIN] + [row | {"Status": "O"} for row in late]
    truth.add("dirt", "orders", "replaced by a later delivery", AGAIN * (len(files) - 1))

    last = list(files)[-1]
    dirt = Dirt("orders", files[last][AGAIN:], rng, truth, key="Auftrag", anew=lambda i: f"{90_000_000 + i}")
    dirt.add("not a time", 3, {"Erfasst": "31.06.2026 10:00"})
    dirt.add("not a number", 2, {"Auftragswert": "#WERT!"})
    dirt.add("left out by the filter", 3, {"Kundennr": "TEST"})
    dirt.add("not in code list 'order_status'", 2, {"Status": "?"})
    dirt.add("customer_id is not in customers", 5, {"Kundennr": "0009999999"})
    dirt.add("damaged characters", 2, {"Notiz": "pr\x81fen"})
    dirt.add("8 cells where 7 are expected", 2, {"surplus": ["x"]})
    dirt.repeat("repeated line", 4)
    files[last] = files[last][:AGAIN] + dirt.mixed_in()
    truth.add("dirt", "orders", "file ends in the middle of this row", 1)
    for month, of_month in files.items():
        body = f"Auftragseingang {month};;;;;;\n;;;;;;\n" + as_csv(list(rows[0]), of_month, "\n")
        (out / f"orders_{month}.csv").write_bytes(windows(body + ("00999999;00040" if month == last else "")))
    truth.add("total", "orders", "rows", len(rows))
    minutes = orders["ordered_at"].dt.floor("min").astype("int64") // 60_000_000
    truth.add("total", "orders", "ordered_minutes", int(minutes.sum()))
    truth.add("total", "orders", "shipped", int((orders["status"] == "shipped").sum()))


def line_sheets(
    out: Path, products: pd.DataFrame, lines: pd.DataFrame, rng: random.Random, truth: Truth
) -> None:
    """Write the workbook: a sheet of lines and one of articles, headers in the third row, weights in grams."""
    rows = [
        {
            "Auftrag": row["number"], "Pos": row["line_no"], "Artikel": row["product_id"][1:],
            "Menge": row["qty_ordered"], "ME": "ST", "Preis": row["unit_price_amt"],
        }
        for row in records(lines)
    ]  # fmt: skip
    dirt = Dirt("lines", rows, rng, truth, key="Pos", anew=lambda i: 100 + i)
    dirt.add("not a number", 2, {"Preis": "#N/A"})
    dirt.add("not a whole number", 1, {"Menge": "zwei"})
    dirt.add("not counted in pieces", 4, {"ME": "KG", "Menge": 250})
    dirt.add("order_id is not in orders", 4, {"Auftrag": "00888888"})
    dirt.add("product_id is not in products", 3, {"Artikel": "999999"})
    dirt.add("unit_price_amt is below 0", 1, {"Preis": -5})
    dirt.repeat("repeated key", 5, {"Menge": 7777})
    dirt.repeat("repeated line", 3)
    total = {"Auftrag": "Summe", "Pos": "", "Artikel": "", "Menge": len(rows), "ME": "", "Preis": ""}
    truth.add("dirt", "lines", "a total, no line", 1)
    articles = [
        {
            "Artikel": row["product_id"][1:], "Bezeichnung": row["name"], "Warengruppe": row["category"],
            "Listenpreis": row["price_amt"], "Gewicht (g)": round(row["weight_kg"] * 1000),
        }
        for row in records(products)
    ]  # fmt: skip
    with xlsxwriter.Workbook(out / "erp_positionen.xlsx") as book:
        book.set_properties({"created": datetime(2026, 7, 1, tzinfo=UTC)})
        _sheet(book, "Positionen", "Auftragspositionen", [*dirt.mixed_in(), total])
        _sheet(book, "Artikel", "Artikelstamm", articles)
    truth.add("total", "lines", "rows", len(rows))
    truth.add("total", "lines", "qty_ordered", int(lines["qty_ordered"].sum()))
    truth.add("total", "lines", "revenue", round(float(lines["value"].sum()), 2))
    truth.add("total", "products", "rows", len(articles))


def _sheet(book: xlsxwriter.Workbook, name: str, title: str, rows: list[Row]) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_string(0, 0, title)
    for y, values in enumerate([list(rows[0]), *(list(row.values()) for row in rows)], start=2):
        for x, value in enumerate(values):
            write = sheet.write_string if isinstance(value, str) else sheet.write_number
            write(y, x, value)
