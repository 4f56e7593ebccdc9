"""What the site needs beside Sphinx: formulas as MathML, commands and plans told by the package itself.

Two directives, so that no page can go stale::

    ```{command} corpus simulate
    ```
    ```{plan} nyc-local-law-144
    ```
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import typer
from docutils import nodes
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx.writers.html5 import HTML5Translator

from fairhire.auditing.plan import AuditPlan, read_plan
from fairhire.commands import app as commands

_LOG = logging.getLogger(__name__)

# ---------------------------------------------------------------- formulas

_UNKNOWN_LATEX = re.compile(r"\\[a-zA-Z]+|<mi>&</mi>")
_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows what math is


def mathml(latex: str, *, block: bool) -> str:
    """Return a formula as MathML; raises :class:`ValueError` for a word of LaTeX that the converter passes through."""
    found: str = convert(latex, display="block" if block else "inline").replace(_NAMESPACE, "")
    if unknown := _UNKNOWN_LATEX.search(found):
        raise ValueError(f"formula {latex!r}: expected LaTeX that latex2mathml knows, got {unknown.group()!r}")
    return found


def _formula(translator: HTML5Translator, node: nodes.Element, *, block: bool) -> None:
    try:
        found = mathml(node.astext(), block=block)
    except Exception as error:  # the converter has no common type of error; the build is to go on to the next formula
        _LOG.warning("%s", error, location=node, type="mathml")
        found = translator.encode(node.astext())
    translator.body.append(f'<div class="math">{found}</div>\n' if block else found)
    raise nodes.SkipNode


def _inline(translator: HTML5Translator, node: nodes.Element) -> None:
    _formula(translator, node, block=False)


def _block(translator: HTML5Translator, node: nodes.Element) -> None:
    _formula(translator, node, block=True)


# ---------------------------------------------------------------- words as nodes

_LITERAL = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z-]*)")


def _words(text: str) -> Iterator[nodes.Node]:
    """Yield plain words as text, what stands in backticks and the names of options as code."""
    place = 0
    for found in _LITERAL.finditer(text):
        if found.start() > place:
            yield nodes.Text(text[place : found.start()])
        yield nodes.literal("", found.group(1) or found.group(2))
        place = found.end()
    if place < len(text):
        yield nodes.Text(text[place:])


def _paragraph(*parts: str | nodes.Node) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    for part in parts:
        paragraph += list(_words(part)) if isinstance(part, str) else [part]
    return paragraph


def _items(entries: Iterable[Sequence[str | nodes.Node]]) -> nodes.bullet_list:
    return nodes.bullet_list("", *(nodes.list_item("", _paragraph(*entry)) for entry in entries))


def _terms(entries: Iterable[tuple[Sequence[nodes.Node], Sequence[nodes.Node]]]) -> nodes.definition_list:
    found = nodes.definition_list(classes=["settings"])
    for term, body in entries:
        found += nodes.definition_list_item("", nodes.term("", "", *term), nodes.definition("", *body))
    return found


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> nodes.table:
    """Return a table of words; an empty ``head`` makes one without a head."""
    listed = list(rows)
    width = len(head or listed[0])
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in range(width)), cols=width)
    if head:
        group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(row) for row in listed))
    return nodes.table("", group)


def _row(cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _paragraph(cell)) for cell in cells))


# ---------------------------------------------------------------- commands


def command_tree() -> dict[str, Any]:
    """Return every command of the command line by its words, groups included: {"corpus simulate": command}."""
    found: dict[str, Any] = {}

    def walk(group: Any, before: str) -> None:
        for name, command in group.commands.items():
            found[f"{before}{name}"] = command
            if hasattr(command, "commands"):
                walk(command, f"{before}{name} ")

    walk(typer.main.get_command(commands), "")
    return found


class CommandDirective(SphinxDirective):
    """Tells what a command is for, its arguments and options with defaults, as the command line itself has them."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the help of the command as nodes."""
        words = " ".join(self.arguments[0].split())
        tree = command_tree()
        if words not in tree:
            raise self.error(f"command: expected one of {', '.join(tree)}, got {words!r}")
        command = tree[words]
        context = command.make_context(f"fairhire {words}", [], resilient_parsing=True)
        usage = command.get_usage(context).removeprefix("Usage: ")
        parts: list[nodes.Node] = [nodes.literal_block(usage, " ".join(usage.split()), language="text")]
        parts.append(_paragraph(command.help or ""))
        slug = words.replace(" ", "-")
        if hasattr(command, "commands"):
            parts.append(
                _terms(
                    ([_page(f"{slug}-{name}", f"fairhire {words} {name}")], [_paragraph(one.help or "")])
                    for name, one in command.commands.items()
                )
            )
            return parts
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        for title, settings in (("Arguments", arguments), ("Options", options)):
            if settings:
                parts.append(nodes.rubric(title, title))
                parts.append(_terms(self._setting(one, context, slug, words) for one in settings))
        parts.append(_paragraph(f"Also `--help`, and `--quiet` anywhere. {command.epilog or ''}"))
        return parts

    def _setting(self, setting: Any, context: Any, slug: str, words: str) -> tuple[list[nodes.Node], list[nodes.Node]]:
        """Return a setting's names, and what it does with its default and limits; it can be linked to, and found."""
        names, told = setting.get_help_record(context)
        names, told = names.replace("<str>", "TEXT").replace("<path>", "PATH"), " ".join(told.split())
        names = re.sub(r"<(int|float)( range)?>", "NUMBER", names)
        name, _, value = names.partition(" ")
        anchor = f"{slug}-{setting.name.replace('_', '-')}"
        index = addnodes.index(entries=[("single", f"{name}; fairhire {words}", anchor, "", None)])
        mark = nodes.target("", "", ids=[anchor])
        code: list[nodes.Node] = [nodes.literal("", name)]
        if value:
            code += [nodes.Text(" "), nodes.emphasis("", value)]
        needed = ", needed" if setting.required else ""
        # Typer writes the default behind the help, in brackets; our helps that explain a default do so themselves.
        bracket = re.search(r"\s*\[(default: [^\]]*|[^\]]*<=?x?<?=?[^\]]*|x>=[^\]]*|required)\]$", told)
        said = bracket.group(1) if bracket else ""
        if bracket:
            told = told[: bracket.start()]
        parts = [part for part in said.split("; ") if part and part != "required"]
        body: list[nodes.Node] = list(_words(told))
        for part in parts:
            if part.startswith("default: "):
                body += [nodes.Text(" Default: "), nodes.literal("", part.removeprefix("default: ")), nodes.Text(".")]
            else:
                limits = re.sub(r"x>=(-?[\d.]+)", r"\1 or more", part)
                limits = re.sub(r"(-?[\d.]+)<=x<=(-?[\d.]+)", r"from \1 to \2", limits)
                body.append(nodes.Text(f" {limits[0].upper()}{limits[1:]}."))
        return [index, mark, *code, nodes.Text(needed)], [nodes.paragraph("", "", *body)]


def _page(slug: str, shown: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.literal("", shown),
        refdomain="std",
        reftype="doc",
        reftarget=f"/commands/{slug}",
        refexplicit=True,
        refwarn=True,
    )


# ---------------------------------------------------------------- plans


class PlanDirective(SphinxDirective):
    """Tells everything a shipped plan says, from its file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the plan as nodes."""
        plan = read_plan(self.arguments[0])
        self.env.note_dependency(f"../audits/{plan.name}.toml")
        parts: list[nodes.Node] = [_paragraph(plan.purpose), _table((), _facts(plan))]
        parts += _titled("Gates", [_items([[f"{gate}"] for gate in plan.gates] or [["none"]])])
        parts += _titled("What it says", [_items([[words] for words in plan.wording.values()])])
        if plan.requirements:
            rows = [
                (
                    f"`{one.field}`",
                    one.why + (f"; one of {', '.join(one.choices)}" if one.choices else ""),
                    "to publish" if one.published else "listed if missing",
                    "" if one.when is None else str(one.when),
                )
                for one in plan.requirements
            ]
            head = ("field", "why", "needed", "when")
            parts += _titled("What the auditor must say", [_table(head, rows)])
        statements = [[*_mark(one.verified), one.text, " ", nodes.emphasis("", one.source)] for one in plan.statements]
        parts += _titled("Statements and their sources", [_items(statements)])
        if plan.headings:
            rows = [(one.title, one.asks) for one in plan.headings]
            parts += _titled("Headings of the report", [_table(("heading", "what it asks"), rows)])
        if plan.checklist:
            rows = [(one.article, one.what, one.where, one.how) for one in plan.checklist]
            parts += _titled("Checklist", [_table(("article", "what", "where", "how"), rows)])
        if plan.risks:
            rows = [(one.kind, one.risk, one.measure) for one in plan.risks]
            parts += _titled("Risks", [_table(("kind", "risk", "measured by"), rows)])
        if plan.names:
            rows = [(one.ours, one.theirs, one.source) for one in plan.names]
            parts += _titled("Names", [_table(("ours", "theirs", "source"), rows)])
        return parts


def _titled(title: str, body: Sequence[nodes.Node]) -> list[nodes.Node]:
    return [nodes.rubric(title, title), *body]


def _mark(verified: bool) -> list[nodes.Node]:
    return [] if verified else [nodes.inline("", "Unverified: ", classes=["unverified"])]


def _facts(plan: AuditPlan) -> list[tuple[str, str]]:
    every = "every attribute of the people table" + (" and every pair" if plan.depth > 1 else "")
    facts = [
        ("plan", f"`{plan.name}`, version {plan.version}, written {plan.written}"),
        ("title", plan.title),
        ("jurisdiction", plan.jurisdiction),
        (f"status on {plan.status_as_of}", f"{plan.status} (believed for {plan.stale_after_days} days)"),
        ("source", plan.source),
        ("groups", ", ".join(" × ".join(grouping) for grouping in plan.groupings) or every),
        ("rates", ", ".join(plan.rates) or "none"),
        ("sections", ", ".join(plan.sections) or "none"),
        ("decides by", f"{plan.primary_test}, {plan.correction} within a {plan.family}, level {plan.level:g}"),
        ("sizes", ", ".join(f"{name} {number:g}" for name, number in asdict(plan.sizes).items())),
        ("SHA-256 of the file", f"`{plan.sha256}`"),
    ]
    if plan.window is not None:
        start = f"{plan.window.day}.{plan.window.month}."
        facts.append(("year of reporting", f"begins on {start}, report due {plan.window.due} days after its end"))
    if plan.valid_years is not None:
        facts.append(("too old after", f"{plan.valid_years} year{'s' * (plan.valid_years > 1)}"))
    if plan.legal_basis is not None:
        facts.append(("legal basis", f"needed for {', '.join(plan.legal_basis.attributes)}: {plan.legal_basis.why}"))
    if plan.unknown:
        facts.append(("also unknown", ", ".join(plan.unknown)))
    return facts


# ---------------------------------------------------------------- links within docstrings


def _short_name(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """Link what a docstring calls by its short name, where one documented object has it; else leave it as words."""
    if node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    target = node["reftarget"]
    short = target.rpartition(".")[2]
    named = {entry.docname + entry.node_id: (name, entry) for name, entry in domain.objects.items()}  # type: ignore[attr-defined]
    found = [pair for pair in named.values() if pair[0].rpartition(".")[2] == short]
    if len(found) == 1:
        name, entry = found[0]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)
    return content if _exists(short) else None


def _exists(name: str) -> bool:
    """Return whether a module of ours has something of that name: a misspelt one is a warning, and fails the build."""
    return any(hasattr(module, name) for path, module in sys.modules.items() if path.split(".")[0] == "fairhire")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    for name, directive in (("command", CommandDirective), ("plan", PlanDirective)):
        app.add_directive(name, directive)
    app.connect("missing-reference", _short_name)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
