"""Where stock lies and which ways lead from there to the customers."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "sites",
        "a place where stock is kept or work is done",
        ("site_id",),
        (
            Column("site_id", "text", "key"),
            Column("kind", "text", "warehouse, plant, store, centre, customer stock"),
            Column("region_id", "text", "market it lies in", nullable=True),
            Column("owner_party", "text", "company, supplier, customer", nullable=True),
            Column("account_id", "text", "whose premises it is on", nullable=True),
            Column("timezone", "text", "IANA name", nullable=True),
            Column("capacity_units", "number", "units it can hold", "units", nullable=True, low=0),
            Column("capacity_h_week", "number", "hours of work it offers a week", "h/week", nullable=True, low=0),
            Column("lat_deg", "number", "latitude", "deg", nullable=True, low=-90, high=90),
            Column("lon_deg", "number", "longitude", "deg", nullable=True, low=-180, high=180),
        ),
        system="ERP",
    ),
    Table(
        "lanes",
        "a way from one site to the customers of one market, with one carrier",
        ("lane_id",),
        (
            Column("lane_id", "text", "key"),
            Column("from_site_id", "text", "where it begins"),
            Column("to_region_id", "text", "market it serves"),
            Column("option", "text", "service bought: day, evening", nullable=True),
            Column("mode", "text", "road, air, sea", nullable=True),
            Column("cutoff_time", "text", "latest order of the day that still leaves, HH:MM local", nullable=True),
            Column("capacity_orders_d", "number", "parcels a day it was agreed to take", "1/d", nullable=True, low=0),
            Column("transit_mean_h", "number", "declared mean time on the way", "h", nullable=True, low=0),
            Column("transit_sd_h", "number", "declared standard deviation of it", "h", nullable=True, low=0),
            Column("fixed_amt", "number", "cost of a parcel, whatever its weight", "money", nullable=True, low=0),
            Column("per_kg_amt", "number", "cost of a kilogram more", "money/kg", nullable=True, low=0),
        ),
        system="transport management",
    ),
)  # fmt: skip
