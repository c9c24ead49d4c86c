"""The plugin manager: a bad plugin fails when it registers, by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pluggy

from triage.errors import UsageError
from triage.hooks import spec

NEEDS: dict[str, tuple[str, ...]] = {
    "triage_probes": ("name",),
    "triage_signatures": ("name", "version", "signature"),
    "triage_executors": ("name", "make"),
    "triage_stores": ("name", "make"),
    "triage_report_sections": ("name", "render"),
    "triage_redactions": ("name", "pattern"),
}


def manager(plugins: Iterable[Any] = (), *, entry_points: bool = True) -> pluggy.PluginManager:
    """A manager with the given plugins and, unless told otherwise, the installed ones.

    Raises UsageError that names the plugin which cannot be loaded, misspells a hook, or offers
    something without the attributes that the hook promises.
    """
    made = pluggy.PluginManager(spec.GROUP)
    made.add_hookspecs(spec)
    for plugin in plugins:
        _register(made, plugin)
    if entry_points:
        try:
            made.load_setuptools_entrypoints(spec.GROUP)
            made.check_pending()
        except Exception as error:
            raise UsageError("bad-plugin", f"plugin: {error}", "mend or uninstall it") from error
    _check_offers(made)
    return made


@cache
def installed() -> pluggy.PluginManager:
    """The manager of this process, made once."""
    return manager()


def offers(made: pluggy.PluginManager, hook: str) -> list[Any]:
    """Everything that the plugins return for one hook, in the order of registration."""
    gathered: list[Any] = []
    for implementation in getattr(made.hook, hook).get_hookimpls():
        gathered.extend(implementation.function() or ())
    return gathered


def _register(made: pluggy.PluginManager, plugin: Any) -> None:
    try:
        made.register(plugin)
        made.check_pending()
    except pluggy.PluginValidationError as error:
        raise UsageError("bad-plugin", f"plugin {_name(plugin)}: {error}", "mend or uninstall it") from error


def _check_offers(made: pluggy.PluginManager) -> None:
    for hook, needed in NEEDS.items():
        seen: dict[str, str] = {}
        for implementation in getattr(made.hook, hook).get_hookimpls():
            owner = implementation.plugin_name
            for offer in _called(implementation, hook, owner):
                missing = [name for name in needed if not hasattr(offer, name)]
                if missing:
                    raise UsageError(
                        "bad-plugin",
                        f"plugin {owner}: {hook} offers {_name(offer)} without {', '.join(missing)}",
                        "mend or uninstall it",
                    )
                if offer.name in seen:
                    raise UsageError(
                        "bad-plugin",
                        f"plugin {owner}: {hook} offers {offer.name!r}, which {seen[offer.name]} offers too",
                        "rename one of them",
                    )
                seen[offer.name] = owner


def _called(implementation: Any, hook: str, owner: str) -> list[Any]:
    try:
        return list(implementation.function() or ())
    except Exception as error:
        raise UsageError(
            "bad-plugin", f"plugin {owner}: {hook} raised {error!r}", "mend or uninstall it"
        ) from error


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", None) or type(thing).__name__)
