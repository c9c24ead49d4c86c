"""Every extension point, in one file.

A package offers its plugins through the entry point group `triage`; the built-ins come through
the same door. Each hook returns a list of named things.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import pluggy

from triage.errors import UsageError

GROUP = "triage"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def triage_probes() -> Sequence[Any]:  # type: ignore[empty-body]
    """Probes: objects with `name` and the generator protocol of `triage.lab.protocol.Probe`."""


@hookspec
def triage_signatures() -> Sequence[Any]:  # type: ignore[empty-body]
    """Signature algorithms: objects with `name`, `version` and `signature(failure)`."""


@hookspec
def triage_executors() -> Sequence[Any]:  # type: ignore[empty-body]
    """Executors: objects with `name` and `make(address, workers)`."""


@hookspec
def triage_stores() -> Sequence[Any]:  # type: ignore[empty-body]
    """History stores: objects with `name` (a URL scheme) and `make(url)`."""


@hookspec
def triage_importers() -> Sequence[Any]:  # type: ignore[empty-body]
    """Formats that `triage import` reads: each a `triage.formats.registry.Importer`."""


@hookspec
def triage_report_formats() -> Sequence[Any]:  # type: ignore[empty-body]
    """Formats that `triage report --format` writes: each a `triage.formats.registry.ReportFormat`."""


@hookspec
def triage_report_sections() -> Sequence[Any]:  # type: ignore[empty-body]
    """Sections of the HTML report: objects with `name` and `render(document)` returning text."""


@hookspec
def triage_redactions() -> Sequence[Any]:  # type: ignore[empty-body]
    """Redaction rules: objects with `name` and `pattern`, a regular expression."""


NEEDS: dict[str, tuple[str, ...]] = {
    "triage_probes": ("name", "investigate"),
    "triage_signatures": ("name", "version", "signature"),
    "triage_executors": ("name", "make"),
    "triage_stores": ("name", "make"),
    "triage_importers": ("name", "recognizes", "read", "folder_is_report"),
    "triage_report_formats": ("name", "title", "render"),
    "triage_report_sections": ("name", "render"),
    "triage_redactions": ("name", "pattern"),
}
"""What each thing that a hook offers must have."""


def manager(
    built_in: Any = None, plugins: Iterable[Any] = (), *, installed: bool = True
) -> pluggy.PluginManager:
    """A manager with the built-ins, the given plugins and the installed ones.

    Raises UsageError that names the plugin which cannot be loaded, misspells a hook, raises, or offers
    something without the attributes that the hook promises. What is built in is not asked here, so that
    a command loads only what it uses.
    """
    made = pluggy.PluginManager(GROUP)
    made.add_hookspecs(sys.modules[__name__])
    if built_in is not None:
        made.register(built_in, "built in")
    for plugin in plugins:
        _register(made, plugin)
    if installed:
        _load_installed(made)
    for hook in NEEDS:
        for implementation in getattr(made.hook, hook).get_hookimpls():
            if implementation.plugin is not built_in:
                _offered(implementation, hook)
    return made


def offers(made: pluggy.PluginManager, hook: str) -> list[Any]:
    """Everything that the plugins offer for one hook, what is built in first.

    Raises UsageError where two plugins offer the same name.
    """
    owners: dict[str, str] = {}
    gathered: list[Any] = []
    for implementation in getattr(made.hook, hook).get_hookimpls():
        for offer in _offered(implementation, hook):
            if offer.name in owners:
                raise _bad(implementation, f"{hook} offers {offer.name!r}, as {owners[offer.name]} does")
            owners[offer.name] = implementation.plugin_name
            gathered.append(offer)
    return gathered


def _load_installed(made: pluggy.PluginManager) -> None:
    try:
        made.load_setuptools_entrypoints(GROUP)
        made.check_pending()
    except Exception as error:
        raise UsageError("bad-plugin", f"an installed plugin: {error!r}", "mend or uninstall it") from error


def _register(made: pluggy.PluginManager, plugin: Any) -> None:
    name = _name(plugin)
    if made.has_plugin(name):
        name = f"{name} ({len(made.get_plugins())})"  # another of the same class
    try:
        made.register(plugin, name)
        made.check_pending()
    except pluggy.PluginValidationError as error:
        raise UsageError("bad-plugin", f"plugin {name}: {error}", "mend or uninstall it") from error


def _offered(implementation: pluggy.HookImpl, hook: str) -> list[Any]:
    try:
        function: Any = implementation.function
        offered: list[Any] = list(function() or ())
    except Exception as error:
        raise _bad(implementation, f"{hook} raised {error!r}") from error
    for offer in offered:
        missing = [name for name in NEEDS[hook] if not hasattr(offer, name)]
        if missing:
            raise _bad(implementation, f"{hook} offers {_name(offer)} without {', '.join(missing)}")
    return offered


def _bad(implementation: pluggy.HookImpl, what: str) -> UsageError:
    return UsageError("bad-plugin", f"plugin {implementation.plugin_name}: {what}", "mend or uninstall it")


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", None) or type(thing).__name__)
