"""Exports of a synthetic world as five companies would write them: other names, other dialects, the truth beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Company:
    """How one company writes: names of its files and columns (by canonical table and column), dates, numbers, words."""

    files: dict[str, str]
    names: dict[str, dict[str, str]]
    day: str
    clock: str
    decimal: str = "."
    thousands: str = ""
    words: dict[str, str] | None = None
    separator: str = ","
    encoding: str = "utf-8"


GERMAN = Company(
    files={"orders": "Auftragskopf.csv", "order_lines": "Auftragspositionen.csv", "customers": "Kundenstamm.csv",
           "products": "Artikelstamm.csv", "tickets": "Reklamationen.csv", "shipments": "Lieferungen.csv",
           "shifts": "Dienstplan.csv"},
    names={
        "orders": {"order_id": "Auftragsnr.", "customer_id": "KdNr", "kind": "Belegart", "channel": "Vertriebskanal",
                   "ordered_at": "Auftragsdatum", "status": "Status"},
        "order_lines": {"order_id": "Auftragsnr.", "line_no": "Pos.", "product_id": "Artikelnummer",
                        "qty_ordered": "Menge", "unit_price_amt": "Einzelpreis", "unit_cost_amt": "EK-Preis"},
        "customers": {"customer_id": "Kundennummer", "account_id": "Firma", "region_id": "Gebiet", "language": "Sprache",
                      "tier": "Kundenklasse", "birth_year": "Geburtsjahr", "gender": "Geschlecht", "postcode": "PLZ",
                      "created_at": "angelegt am"},
        "products": {"product_id": "ArtNr", "name": "Bezeichnung", "category": "Warengruppe", "price_amt": "Listenpreis",
                     "unit_cost_amt": "Herstellkosten", "weight_kg": "Gewicht (g)"},
        "tickets": {"ticket_id": "Vorgangsnummer", "customer_id": "Kunde", "category": "Kategorie", "severity": "Priorität",
                    "opened_at": "Eingang", "resolved_at": "erledigt am", "first_response_at": "Erste Antwort",
                    "owner_staff_id": "Sachbearbeiter"},
        "shipments": {"shipment_id": "Lieferscheinnr", "order_id": "Auftrag", "customer_id": "Kunde", "site_id": "Lager",
                      "promised_at": "zugesagter Termin", "dispatched_at": "Versanddatum", "delivered_at": "Zustelldatum",
                      "items_correct": "vollständig", "attempts": "Zustellversuche"},
        "shifts": {"shift_id": "Schichtnr", "staff_id": "Mitarbeiter", "starts_at": "Beginn", "ends_at": "Ende",
                   "activity": "Tätigkeit", "is_planned": "geplant", "is_worked": "gearbeitet",
                   "is_overtime": "Überstunden"},
    },
    day="%d.%m.%Y", clock=" %H:%M", decimal=",", thousands=".", separator=";", encoding="cp1252",
    words={"shipped": "versandt", "cancelled": "storniert", "order": "Bestellung", "True": "ja", "False": "nein",
           "severity 1": "niedrig", "severity 2": "normal", "severity 3": "hoch", "severity 4": "dringend"},
)  # fmt: skip
ENGLISH = Company(
    files={"orders": "sales_orders.csv", "order_lines": "SalesOrderLines.csv", "customers": "cust_master.csv",
           "products": "items.csv", "tickets": "cases.csv", "shipments": "shipping.csv", "shifts": "roster shifts.csv"},
    names={
        "orders": {"order_id": "SO_NUMBER", "customer_id": "CUST_NO", "kind": "ORDER_TYPE", "channel": "CHANNEL",
                   "ordered_at": "ORDER_DT", "status": "STATE"},
        "order_lines": {"order_id": "SO_NUMBER", "line_no": "LINE", "product_id": "SKU", "qty_ordered": "QTY",
                        "unit_price_amt": "UNIT_PRICE", "unit_cost_amt": "UNIT_COST"},
        "customers": {"customer_id": "CUST_NO", "account_id": "COMPANY_ID", "region_id": "MARKET", "language": "LANG",
                      "tier": "TIER", "birth_year": "YEAR_OF_BIRTH", "gender": "SEX", "postcode": "ZIP",
                      "created_at": "CUSTOMER_SINCE"},
        "products": {"product_id": "SKU", "name": "ITEM_DESCRIPTION", "category": "PRODUCT_FAMILY",
                     "price_amt": "LIST_PRICE", "unit_cost_amt": "COST", "weight_kg": "WEIGHT_G"},
        "tickets": {"ticket_id": "caseId", "customer_id": "requester", "category": "caseType", "severity": "priority",
                    "opened_at": "createdAt", "resolved_at": "closedAt", "first_response_at": "firstReplyAt",
                    "owner_staff_id": "assignee"},
        "shipments": {"shipment_id": "PARCEL_NO", "order_id": "SO_NUMBER", "customer_id": "CUST_NO", "site_id": "DEPOT",
                      "promised_at": "DUE_DATE", "dispatched_at": "SHIP_DATE", "delivered_at": "DELIVERY_DATE",
                      "items_correct": "COMPLETE", "attempts": "ATTEMPTS"},
        "shifts": {"shift_id": "SHIFT_REF", "staff_id": "EMP_NO", "starts_at": "START", "ends_at": "FINISH",
                   "activity": "ACTIVITY", "is_planned": "PLANNED", "is_worked": "WORKED", "is_overtime": "OVERTIME"},
    },
    day="%m/%d/%Y", clock=" %I:%M %p", thousands=",", words={"True": "Y", "False": "N", "shipped": "complete"},
)  # fmt: skip
FRENCH = Company(
    files={"orders": "commandes.csv", "order_lines": "lignes_de_commande.csv", "customers": "clients.csv",
           "products": "articles.csv", "tickets": "réclamations.csv", "shipments": "expéditions.csv"},
    names={
        "orders": {"order_id": "N° de commande", "customer_id": "Code client", "kind": "Type", "channel": "Canal",
                   "ordered_at": "Date de commande", "status": "Statut"},
        "order_lines": {"order_id": "N° commande", "line_no": "Ligne", "product_id": "Réf. article",
                        "qty_ordered": "Quantité", "unit_price_amt": "Prix unitaire", "unit_cost_amt": "Coût"},
        "customers": {"customer_id": "Code client", "region_id": "Région", "language": "Langue", "tier": "Niveau",
                      "birth_year": "Année de naissance", "gender": "Sexe", "postcode": "Code postal",
                      "created_at": "Date d'inscription"},
        "products": {"product_id": "Référence", "name": "Libellé", "category": "Famille", "price_amt": "Prix de vente",
                     "unit_cost_amt": "Prix d'achat", "weight_kg": "Poids"},
        "tickets": {"ticket_id": "Numéro", "customer_id": "Client", "category": "Catégorie", "severity": "Urgence",
                    "opened_at": "Ouverture", "resolved_at": "Clôture", "first_response_at": "Première réponse",
                    "owner_staff_id": "Responsable"},
        "shipments": {"shipment_id": "Colis", "order_id": "Commande", "customer_id": "Client", "site_id": "Entrepôt",
                      "promised_at": "Date promise", "dispatched_at": "Date d'expédition",
                      "delivered_at": "Date de livraison", "items_correct": "Conforme", "attempts": "Tentatives"},
    },
    day="%d/%m/%Y", clock=" %H:%M:%S", decimal=",", separator="\t", encoding="utf-16",
    words={"True": "oui", "False": "non", "shipped": "expédiée", "order": "Commande", "cancelled": "annulée"},
)  # fmt: skip
SPANISH = Company(
    files={"orders": "pedidos.csv", "order_lines": "lineas_pedido.csv", "customers": "clientes.csv",
           "products": "productos.csv", "tickets": "incidencias.csv"},
    names={
        "orders": {"order_id": "num_pedido", "customer_id": "id_cliente", "kind": "tipo", "channel": "canal",
                   "ordered_at": "fecha_pedido", "status": "estado"},
        "order_lines": {"order_id": "num_pedido", "line_no": "linea", "product_id": "cod_articulo",
                        "qty_ordered": "cantidad", "unit_price_amt": "precio_unitario", "unit_cost_amt": "coste"},
        "customers": {"customer_id": "id_cliente", "region_id": "zona", "language": "idioma", "tier": "nivel",
                      "birth_year": "año_nacimiento", "gender": "sexo", "postcode": "codigo_postal",
                      "created_at": "fecha_alta"},
        "products": {"product_id": "cod_articulo", "name": "descripcion", "category": "familia", "price_amt": "precio",
                     "unit_cost_amt": "coste", "weight_kg": "peso_kg"},
        "tickets": {"ticket_id": "incidencia", "customer_id": "cliente", "category": "tipo", "severity": "prioridad",
                    "opened_at": "fecha_apertura", "resolved_at": "fecha_cierre",
                    "first_response_at": "primera_respuesta", "owner_staff_id": "agente"},
    },
    day="%d-%m-%Y", clock=" %H:%M", decimal=",", separator=";",
    words={"shipped": "enviado", "order": "pedido", "cancelled": "anulado"},
)  # fmt: skip
DUTCH = Company(
    files={"orders": "bestellingen.csv", "order_lines": "orderregels.csv", "customers": "klanten.csv",
           "products": "artikelen.csv", "tickets": "klachten.csv", "shifts": "diensten.csv"},
    names={
        "orders": {"order_id": "Bestelnummer", "customer_id": "Klantnr", "kind": "Soort", "channel": "Kanaal",
                   "ordered_at": "Besteldatum", "status": "Status"},
        "order_lines": {"order_id": "Bestelnummer", "line_no": "Regel", "product_id": "Artikelcode",
                        "qty_ordered": "Aantal", "unit_price_amt": "Stukprijs", "unit_cost_amt": "Kostprijs"},
        "customers": {"customer_id": "Klantnr", "region_id": "Regio", "language": "Taal", "tier": "Klasse",
                      "birth_year": "Geboortejaar", "gender": "Geslacht", "postcode": "Postcode",
                      "created_at": "Aangemaakt op"},
        "products": {"product_id": "Artikelcode", "name": "Omschrijving", "category": "Groep", "price_amt": "Prijs",
                     "unit_cost_amt": "Kostprijs", "weight_kg": "Gewicht"},
        "tickets": {"ticket_id": "Klachtnummer", "customer_id": "Klant", "category": "Categorie", "severity": "Prioriteit",
                    "opened_at": "Geopend op", "resolved_at": "Opgelost op", "first_response_at": "Eerste reactie",
                    "owner_staff_id": "Behandelaar"},
        "shifts": {"shift_id": "Dienstnr", "staff_id": "Medewerker", "starts_at": "Van", "ends_at": "Tot",
                   "activity": "Activiteit", "is_planned": "Gepland", "is_worked": "Gewerkt", "is_overtime": "Overuren"},
    },
    day="%Y-%m-%d", clock=" %H:%M", words={"True": "J", "False": "N", "shipped": "verzonden"},
)  # fmt: skip
COMPANIES = {"German": GERMAN, "English": ENGLISH, "French": FRENCH, "Spanish": SPANISH, "Dutch": DUTCH}


def write_exports(tables: dict[str, pd.DataFrame], company: Company, folder: Path) -> None:
    """Write a world's tables as the company would."""
    for table, file in company.files.items():
        frame = pd.DataFrame(
            {name: tables[table][key].map(_cell(company, key)) for key, name in company.names[table].items()}
        )
        frame.to_csv(folder / file, sep=company.separator, index=False, encoding=company.encoding)


def _cell(company: Company, key: str) -> Callable[[object], object]:
    words = company.words or {}

    def write(value: object) -> object:
        if value is None or value is pd.NaT or value != value:
            return None
        if isinstance(value, pd.Timestamp):
            return value.strftime(company.day + company.clock)
        if key == "severity":
            return words.get(f"severity {value}", value)
        if isinstance(value, float):
            if key == "weight_kg" and any(n[-1:].lower() == "g" or "(g)" in n for n in _weight(company)):
                return round(value * 1000)
            if value == int(value) and key in ("birth_year", "attempts"):
                return int(value)
            plain = f"{value:,.2f}".replace(",", "_").replace(".", company.decimal)
            return plain.replace("_", company.thousands)
        return words.get(str(value), value)

    return write


def _weight(company: Company) -> list[str]:
    return [name for name in company.names["products"].values() if name in ("Gewicht (g)", "WEIGHT_G")]
