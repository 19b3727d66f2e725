"""Industries: what makes one synthetic company behave unlike another. The world's mechanisms are shared by all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """How an industry buys, ships and asks.

    Four-tuples follow `segments`, from the most to the least demanding customers; weeks, days and minutes as named;
    money in the engagement's currency.
    """

    segments: tuple[str, str, str, str]
    segment_shares: tuple[float, float, float, float]  # of accounts
    segment_rate: tuple[float, float, float, float]  # purchase rate against the average customer
    customers_per_account: float
    industries: tuple[str, ...]  # of the accounts
    categories: tuple[str, ...]  # of the products
    products: int
    price_log_mean: float
    price_log_sd: float
    rate_week: float  # orders of the average active customer
    rate_shape: float  # gamma shape over customers: small = few buy much
    dropout_week: float
    spend_amt: float  # of an order
    season: float  # amplitude of the year on the size of orders
    season_peak_month: float  # 12 = Christmas
    lines_mean: float  # per order
    order_channels: dict[str, float]
    preferred_channels: dict[str, float]
    requests_per_order: float
    handle_min: float  # median of a simple call
    contract_share: tuple[float, float, float, float]
    fee_amt: tuple[float, float, float, float]  # median, a year
    leave_logit: float  # log-odds of leaving at a renewal
    transit_d: float  # median
    promise_d: float
    return_share: float  # of order lines
    visit_share: float  # of requests that need a technician on site
    bot_share: float  # of written contacts that a bot answers first
    things: tuple[str, ...]  # what customers write about
    faults: tuple[str, ...]  # what goes wrong with them


PRESETS: dict[str, Preset] = {
    "industrial distribution": Preset(
        segments=("enterprise", "midmarket", "local", "public"),
        segment_shares=(0.12, 0.30, 0.46, 0.12),
        segment_rate=(2.4, 1.3, 0.7, 1.0),
        customers_per_account=4.0,
        industries=("construction", "food", "utilities", "machinery", "retail"),
        categories=("fittings", "valves", "pumps", "seals", "sensors", "tools"),
        products=240,
        price_log_mean=3.2,
        price_log_sd=0.8,
        rate_week=0.16,
        rate_shape=0.9,
        dropout_week=0.006,
        spend_amt=180.0,
        season=0.15,
        season_peak_month=12.0,
        lines_mean=2.2,
        order_channels={"web": 0.5, "phone": 0.3, "edi": 0.2},
        preferred_channels={"phone": 0.45, "email": 0.35, "chat": 0.20},
        requests_per_order=1.5,
        handle_min=8.6,
        contract_share=(0.75, 0.45, 0.15, 0.55),
        fee_amt=(5200.0, 1900.0, 700.0, 1600.0),
        leave_logit=-1.6,
        transit_d=3.2,
        promise_d=5.0,
        return_share=0.03,
        visit_share=0.05,
        bot_share=0.30,
        things=("pump", "valve", "seal kit", "pressure sensor", "pallet", "spare part"),
        faults=("leaks", "does not fit the flange", "arrived bent", "stopped after two days", "shows a fault code"),
    ),
    "retail": Preset(
        segments=("family", "professional", "student", "club"),
        segment_shares=(0.34, 0.16, 0.30, 0.20),
        segment_rate=(1.2, 1.6, 0.6, 1.4),
        customers_per_account=1.1,
        industries=("household",),
        categories=("clothing", "shoes", "home", "beauty", "toys", "sports"),
        products=400,
        price_log_mean=3.3,
        price_log_sd=0.6,
        rate_week=0.09,
        rate_shape=0.6,
        dropout_week=0.012,
        spend_amt=65.0,
        season=0.45,
        season_peak_month=12.0,
        lines_mean=2.8,
        order_channels={"web": 0.72, "store": 0.25, "phone": 0.03},
        preferred_channels={"phone": 0.20, "email": 0.35, "chat": 0.45},
        requests_per_order=0.7,
        handle_min=5.2,
        contract_share=(0.02, 0.10, 0.01, 0.30),
        fee_amt=(40.0, 90.0, 30.0, 60.0),
        leave_logit=-0.9,
        transit_d=2.2,
        promise_d=3.5,
        return_share=0.18,
        visit_share=0.002,
        bot_share=0.60,
        things=("jacket", "pair of boots", "lamp", "gift card", "parcel", "blender"),
        faults=("is the wrong size", "has a broken zip", "came in the wrong colour", "was opened before", "is scratched"),
    ),
    "telecom and field service": Preset(
        segments=("corporate", "small business", "consumer", "public"),
        segment_shares=(0.08, 0.27, 0.55, 0.10),
        segment_rate=(3.0, 1.2, 0.7, 1.3),
        customers_per_account=2.0,
        industries=("household", "hospitality", "offices", "health", "schools"),
        categories=("lines", "routers", "mobiles", "cloud", "alarms", "cabling"),
        products=140,
        price_log_mean=3.6,
        price_log_sd=0.7,
        rate_week=0.07,
        rate_shape=1.1,
        dropout_week=0.004,
        spend_amt=95.0,
        season=0.08,
        season_peak_month=9.0,
        lines_mean=1.5,
        order_channels={"web": 0.45, "phone": 0.40, "shop": 0.15},
        preferred_channels={"phone": 0.60, "email": 0.15, "chat": 0.25},
        requests_per_order=3.2,
        handle_min=10.5,
        contract_share=(0.95, 0.90, 0.85, 0.95),
        fee_amt=(9600.0, 1400.0, 420.0, 2600.0),
        leave_logit=-1.9,
        transit_d=2.8,
        promise_d=4.5,
        return_share=0.05,
        visit_share=0.22,
        bot_share=0.50,
        things=("router", "fibre line", "alarm panel", "mobile contract", "socket", "cable"),
        faults=("drops every evening", "stays offline", "has no signal upstairs", "beeps all night", "was not installed"),
    ),
    "software": Preset(
        segments=("enterprise", "midmarket", "startup", "education"),
        segment_shares=(0.15, 0.35, 0.38, 0.12),
        segment_rate=(2.0, 1.2, 0.8, 0.6),
        customers_per_account=9.0,
        industries=("finance", "media", "logistics", "health", "universities"),
        categories=("seats", "storage", "add-ons", "training", "support", "connectors"),
        products=90,
        price_log_mean=4.2,
        price_log_sd=0.9,
        rate_week=0.06,
        rate_shape=1.3,
        dropout_week=0.005,
        spend_amt=260.0,
        season=0.10,
        season_peak_month=3.0,
        lines_mean=1.3,
        order_channels={"web": 0.80, "phone": 0.05, "partner": 0.15},
        preferred_channels={"phone": 0.15, "email": 0.45, "chat": 0.40},
        requests_per_order=3.6,
        handle_min=14.0,
        contract_share=(0.98, 0.92, 0.75, 0.85),
        fee_amt=(24000.0, 5200.0, 900.0, 1500.0),
        leave_logit=-1.7,
        transit_d=0.9,
        promise_d=1.5,
        return_share=0.01,
        visit_share=0.01,
        bot_share=0.65,
        things=("dashboard", "login", "import", "report", "connector", "invoice export"),
        faults=("times out", "shows last month's data", "asks for a password again", "drops the umlauts", "is empty"),
    ),
    "logistics": Preset(
        segments=("manufacturer", "retailer", "web shop", "forwarder"),
        segment_shares=(0.22, 0.28, 0.40, 0.10),
        segment_rate=(1.5, 1.1, 0.6, 2.2),
        customers_per_account=5.0,
        industries=("machinery", "food", "fashion", "pharma", "electronics"),
        categories=("parcel", "pallet", "cool chain", "express", "customs", "storage"),
        products=60,
        price_log_mean=3.0,
        price_log_sd=0.5,
        rate_week=0.40,
        rate_shape=0.7,
        dropout_week=0.005,
        spend_amt=140.0,
        season=0.30,
        season_peak_month=11.5,
        lines_mean=1.4,
        order_channels={"edi": 0.65, "web": 0.25, "phone": 0.10},
        preferred_channels={"phone": 0.50, "email": 0.40, "chat": 0.10},
        requests_per_order=0.5,
        handle_min=6.5,
        contract_share=(0.80, 0.65, 0.35, 0.90),
        fee_amt=(7200.0, 3400.0, 1100.0, 9000.0),
        leave_logit=-1.4,
        transit_d=1.8,
        promise_d=3.0,
        return_share=0.02,
        visit_share=0.01,
        bot_share=0.25,
        things=("pallet", "consignment", "customs form", "pickup", "cool box", "proof of delivery"),
        faults=("stands at the depot", "was left in the rain", "has the wrong label", "missed the slot", "got warm"),
    ),
}  # fmt: skip
