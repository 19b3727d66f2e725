"""What source systems export, uncleaned and all text."""

from playbook.store.schemas import Column, Table

EXTRACTED = Column("extracted_at", "time", "when the extract was taken")


def _raw(name: str, meaning: str) -> Column:
    return Column(name, "text", meaning, nullable=True)


TABLES = (
    Table(
        "src_crm_customers",
        "one contact in the CRM; the same person may have several",
        ("crm_id",),
        (
            Column("crm_id", "text", "key in the CRM"),
            _raw("first_name", "first name"),
            _raw("last_name", "surname"),
            _raw("company", "company it belongs to"),
            _raw("account_class", "A marks a key account"),
            _raw("email", "e-mail address"),
            _raw("phone", "telephone, international"),
            _raw("street", "street and number"),
            _raw("city", "city"),
            _raw("postcode", "postcode"),
            _raw("country", "ISO 3166 alpha-2 code"),
            _raw("terms", "agreed days to pay, e.g. 30 days"),
            _raw("invoice_by", "how invoices are sent"),
            _raw("unloading", "how goods are unloaded"),
            _raw("opening", "when the site takes deliveries"),
            _raw("created_on", "YYYY-MM-DD"),
            EXTRACTED,
        ),
        personal=("first_name", "last_name", "company", "email", "phone", "street"),
        system="CRM",
    ),
    Table(
        "src_erp_customers",
        "one debtor contact in the ERP",
        ("customer_no",),
        (
            Column("customer_no", "text", "key in the ERP"),
            _raw("name", "SURNAME, FIRST NAME"),
            _raw("company_name", "company"),
            _raw("mail", "e-mail address"),
            _raw("telephone", "telephone, national"),
            _raw("street_address", "street and number"),
            _raw("town", "city"),
            _raw("postal_code", "postcode without blanks"),
            _raw("country_code", "ISO 3166 alpha-2 code"),
            _raw("payment_key", "agreed days to pay, e.g. Z030"),
            _raw("billing_mode", "how invoices are sent"),
            _raw("unload_mode", "how goods are unloaded"),
            _raw("receiving_hours", "when the site takes deliveries"),
            _raw("changed_on", "DD.MM.YYYY"),
            EXTRACTED,
        ),
        personal=("name", "company_name", "mail", "telephone", "street_address"),
        system="ERP",
    ),
    Table(
        "src_support_users",
        "one user of the support portal",
        ("user_id",),
        (
            Column("user_id", "text", "key in the portal"),
            _raw("display_name", "first name and surname, as the user wrote them"),
            _raw("login_email", "e-mail address used to sign in"),
            _raw("mobile", "telephone, international with 00"),
            _raw("organisation", "company"),
            _raw("address_line", "street and number"),
            _raw("zip", "postcode"),
            _raw("pays_within", "agreed days to pay, e.g. 30"),
            _raw("invoices", "how invoices are sent"),
            _raw("unloading_by", "how goods are unloaded"),
            _raw("hours", "when the site takes deliveries"),
            _raw("signed_up", "DD/MM/YYYY"),
            EXTRACTED,
        ),
        personal=("display_name", "organisation", "login_email", "mobile", "address_line"),
        system="support portal",
    ),
)
