"""The one object that a notebook's cells talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from playbook import catalogue
from playbook.classroom import output, register, small_cells
from playbook.contract import Decision
from playbook.pictures import in_currency
from playbook.store.reading import Store, views
from playbook.wording import listed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


ILLUSTRATION = "> **Illustration.**"  # how its label begins; the book moves it under the title


LONGEST_QUOTE = 300  # of a client's text that a play may put into its prose


class Tables:
    """The tables and views one play may read, as attributes; each is read once, when first asked for.

    An optional table that the store lacks is None.
    """

    def __init__(
        self, play: catalogue.Play, store: Store, parameters: dict[str, Any], illustration: bool
    ) -> None:
        self._play, self._store, self._parameters = play, store, parameters
        self._quotes: dict[str, set[str]] = {}
        self.illustration = illustration

    def __getattr__(self, name: str) -> pd.DataFrame | None:
        known = self._play.inputs + self._play.optional
        if name.startswith("_") or name not in known:
            raise AttributeError(f"play {self._play.id} reads {', '.join(known)}; not '{name}'")
        if name not in self._store:
            frame = None
        elif name in views():
            frame = self._store.view(name, **self._parameters)
        else:
            frame = self._store.table(name)
        if frame is not None and self._store.info["kind"] != "world":
            self._quotes[name] = _with_marks(frame)
        setattr(self, name, frame)
        return frame

    @property
    def quotes(self) -> set[str]:
        """The texts of a client's tables that Markdown would not show as they are, as far as the tables were read."""
        return {text for texts in self._quotes.values() for text in texts}

    def __dir__(self) -> list[str]:
        return [*self._play.inputs, *self._play.optional, "illustration"]


def planted(play: catalogue.Play, store: Store) -> SimpleNamespace:
    """Return the tables of planted truth that a play may read, as attributes; `store` is a world's."""
    return SimpleNamespace(**{name: store.truth(name, play.id) for name in play.truth})


class Session:
    """One sitting with one module's notebook.

    Parameters
    ----------
    module : str
        One of the seven.
    store : str
        Folder of the data; "demo" is the synthetic world up to `as_of`, generated once into the user's cache.
    client, as_of, currency : str
        Name on pages, day of reading (ISO 8601), ISO 4217 code.
    register : str
        Folder in which decisions are recorded.

    Notes
    -----
    A play whose tables the store lacks is shown on the synthetic world, and says so.
    """

    def __init__(
        self,
        module: str,
        *,
        store: str = "demo",
        client: str = "Demo company",
        as_of: str = "2026-07-01",
        currency: str = "EUR",
        register: str = "decisions",
    ) -> None:
        import pandas as pd

        self.module, self.client, self.currency = catalogue.modules()[module], client, currency
        self.as_of = date.fromisoformat(str(as_of))
        self.register = Path(register)
        self._store = _demo_world(self.as_of) if store == "demo" else Store(store)
        self._tables: dict[str, Tables] = {}
        self._attempts: dict[str, int] = {}
        self._illustrating = False
        self._is_client = self._store.info["kind"] != "world"
        pd.set_option("display.precision", 2, "display.max_rows", 20, "display.max_colwidth", 120)
        # A client's texts may hold two dollar signs that are no formula.
        pd.set_option("display.html.use_mathjax", not self._is_client)
        self._show_for_pages()

    def _show_for_pages(self) -> None:
        """From now on let every table that a cell shows carry what a published page may show of it."""
        import pandas as pd
        from IPython import get_ipython

        if shell := get_ipython():
            for kind in (pd.DataFrame, pd.Series):
                shell.display_formatter.mimebundle_formatter.for_type(kind, self._for_page)

    def _for_page(self, table: pd.DataFrame | pd.Series) -> dict[str, Any]:
        if not self._is_client or self._illustrating:
            return {}
        return {output.PUBLISHED: small_cells.published(table)}

    def _repr_markdown_(self) -> str:
        return f"**{output.plain(self.client)}**{self._origin(output.plain)}"

    def __repr__(self) -> str:
        return f"{self.client}{self._origin(str)}"

    def _origin(self, shown: Callable[[object], str]) -> str:
        info = self._store.info
        if info["kind"] == "world":
            settings = info["settings"]
            origin = f"the synthetic world (seed {settings['seed']}, {settings['customers']:,} customers)"
        else:
            origin = f"the exports of {shown(info['name'])}"
        return f", as of {self.as_of:%d %B %Y}. Data: {origin}."

    def data(self, play: ModuleType, **parameters: Any) -> Tables:
        """Return the play's tables, from the client's store or, labelled, from the synthetic world.

        `parameters` fill the `$name` places of its views, beside `$as_of`.
        """
        entry = _entry(play)
        if entry.id not in self._tables or parameters:
            parameters = {"as_of": self.as_of, **parameters}
            tables = Tables(entry, self._store, parameters, illustration=False)
            if reason := self._not_enough(entry, tables):
                tables = Tables(entry, self._illustration(), parameters, illustration=True)
                output.markdown(
                    f"{ILLUSTRATION} {reason} What follows is computed on the synthetic world and says nothing "
                    f"about {output.plain(self.client)}."
                )
            self._tables[entry.id] = tables
        self._illustrating = self._tables[entry.id].illustration
        return self._tables[entry.id]

    def _not_enough(self, entry: catalogue.Play, tables: Tables) -> str:
        """Return why a play cannot be computed on a client's data, as a sentence; empty when it can."""
        client = output.plain(self.client)
        if missing := self._store.missing(entry.inputs):
            lacking = listed(f"no {name.removeprefix('src_').replace('_', ' ')}" for name in missing)
            return f"The data of {client} hold {lacking}, which this play needs."
        if not self._is_client:
            return ""
        if reason := self._store.unfit(entry.id):
            return f"This play could not be computed on the data of {client} ({output.plain(reason)})."
        empty = [name for name in entry.inputs if not len(getattr(tables, name))]
        if empty:
            found = listed(f"no {name.removeprefix('src_').replace('_', ' ')}" for name in empty)
            return f"The data of {client} hold {found} of the kind that this play looks at."
        return ""

    def _illustration(self) -> Store:
        path = self._store.info.get("illustration")
        return Store(self._store.path / path) if path else _demo_world(self.as_of)

    def show(self, ax: Axes) -> None:
        """Show a figure with its alt text; "money" on its axes becomes the currency."""
        output.picture(in_currency(ax, self.currency))

    def say(self, text: str) -> None:
        """Show prose that the data decide, as Markdown; signs in the data's texts stay signs."""
        output.markdown(output.prose(text, self._texts()), text)

    def _texts(self) -> set[str]:
        """Return the texts of a client's tables that hold signs of Markdown, as far as the tables were read."""
        return {self.client}.union(*(tables.quotes for tables in self._tables.values()))

    def what_if(
        self,
        play: ModuleType,
        result: Any,
        label: str,
        *,
        assuming: Mapping[str, Any] | None = None,
        **knob: list[Any],
    ) -> None:
        """Show a slider over one assumption, and all scenarios as one still picture.

        `knob` is the one assumption, by its name in the play's `what_if`, with the values to try; `assuming` holds what else
        the play's `what_if` takes, such as settings of the engagement.
        """
        ((name, values),) = knob.items()
        scenarios = play.what_if(result, **{name: values}, **(assuming or {}))
        middle = values[len(values) // 2]

        def draw(chosen: Any = None) -> Axes:
            return in_currency(play.plot_what_if(scenarios, chosen), self.currency)

        output.slider(label, values, middle, draw)
        output.picture(draw())

    def check(self, play: ModuleType, answer: Any, result: Any) -> None:
        """Say how near an answer is and which way off; each further attempt earns one more hint."""
        entry = _entry(play)
        if answer is None:
            output.markdown(
                "No answer yet: put yours in place of `None` in the cell above, run it, then this one."
            )
            return
        store = self._illustration() if self.data(play).illustration else self._store
        truth = None
        if store.info["kind"] == "world":
            truth = planted(entry, store)
        try:
            feedback = play.check(answer, truth, result)
        except (TypeError, ValueError):
            output.markdown(
                f"Your answer `{answer!r}` cannot be read. Give it in the form that the question asks for; a number "
                "stands alone, without quotes or unit: `answer = 12.5`."
            )
            return
        lines = [f"**{feedback.message}** Checked against {feedback.basis}."]
        if not feedback.near:
            attempt = self._attempts[entry.id] = self._attempts.get(entry.id, 0) + 1
            lines += [f"- Hint {n}: {hint}" for n, hint in enumerate(feedback.hints[:attempt], start=1)]
        output.markdown("\n".join(lines))

    def decide(self, play: ModuleType, decision: Decision, *, owner: str = "") -> None:
        """Record a decision in the register and show it; `owner` puts a name in place of the role."""
        entry = _entry(play)
        tables = self.data(play)
        store = self._illustration() if tables.illustration else self._store
        row = register.entry(
            entry.id,
            entry.title,
            decision,
            as_of=self.as_of,
            currency=self.currency,
            owner=owner,
            illustration=tables.illustration,
            data_hash=store.info["hash"],
        )
        register.record(self.register, self.module.name, row)
        output.markdown(_decided(row, output.plain), _decided(row, str))

    def sum_up(self) -> None:
        """Show on one page what the module's decisions add up to, from the register."""
        titles = {
            play.id: play.title for play in catalogue.plays().values() if play.module == self.module.name
        }
        page = register.on_one_page(self.module, register.merge(self.register), titles)
        output.markdown(
            f"**{output.plain(self.client)}, as of {self.as_of:%d %B %Y}: {self.module.closing}**\n\n{page}"
        )


def _decided(row: Mapping[str, Any], shown: Callable[[object], str]) -> str:
    return (
        f"**Decision{' (illustration)' if row['illustration'] else ''}.** {shown(row['recommendation'])}\n\n"
        f"- Evidence: {shown(row['evidence'])}\n"
        f"- Prediction: {shown(register.predicted(row))}\n"
        f"- Flips if: {shown(row['flips_if'])}\n"
        f"- Owner: {shown(row['owner'])}; review on {row['review_on']}"
    )


def _with_marks(frame: pd.DataFrame) -> set[str]:
    """Return the texts of a frame that plain Markdown would not show as they are."""
    found: set[str] = set()
    for name in frame.select_dtypes(["object", "string"]):
        values = frame[name].drop_duplicates().astype("str")
        found.update(values[values.str.contains(output.MARKED) & (values.str.len() <= LONGEST_QUOTE)])
    return found


def _entry(play: ModuleType) -> catalogue.Play:
    return catalogue.play(play.__name__.removeprefix("playbook."))


def _demo_world(as_of: date) -> Store:
    from playbook.world.generate import cached_world
    from playbook.world.settings import WorldSettings

    return Store(cached_world(WorldSettings(as_of=as_of.isoformat())))
