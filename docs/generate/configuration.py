"""configuration.md, the reference of every key, and config.schema.json, from the declarations of the settings."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, is_dataclass
from typing import Any, get_args

from app.config.forms import written
from app.config.models import declarations
from app.config.rule_options import COMMON
from app.config.schema import example_of, notation_of, schema, summary, type_in_words
from app.config.tables import LISTS, TABLES
from app.config.toml_writer import inline, key
from app.notation import Doc
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules import KINDS, RuleOptions
from app.rules.kinds.keywords import Entry

ELSEWHERE = (LimitOptions, OptOutOptions)  # described under tables of their own

HEAD = """\
<!-- Made from the declarations of the settings. Edit those, then: make reference -->

# Configuration

The service is configured by one TOML file. This page describes every key.
[config.example.toml](../../config.example.toml) is a tour that works as it is.

`plivo-autoreply check` reports every error in a file with line and column. `plivo-autoreply config show` prints the
values in force.

## How values are written

| value | written as |
|---|---|
| a text | `"in double quotes"`, or `'in single quotes'`, where a backslash has no special meaning |
| a duration | `"500ms"`, `"6s"`, `"10m"`, `"12h"`, `"30d"`; also `"1h 30m"` |
| a size | `"64KiB"`, `"1MiB"`, `"2GiB"` |
| a limit | `"30/1h"`: 30 in any period of one hour |
| a number | `"+33 6 44 60 00 00"`, `"+33644600000"`, a national form with `[plivo] country`, or a short code |
| a list | `["a", "b"]`; a single value needs no brackets |

Unknown keys are errors. Times in `[[tests]]` are written without quotes.

## Values from the environment and from files

Any text, duration or size may come from elsewhere:

| written as | value |
|---|---|
| `{ env = "NAME" }` | a variable of the environment, or of a file `.env` beside the configuration file |
| `{ file = "path" }` | the content of a file. The path is relative to the folder of the configuration file |

With `optional = true` the value may be missing. With `default = ".."` another value is used instead.

## Several files

Put this at the top of the main file:

```
include = ["teams/*.toml"]
```

Included files hold only routes, rules, schedules and tests. They are read in the order of their names. Paths in them
are relative to the folder of the main file. An error in one of them refuses the whole configuration.

## Editor support

`plivo-autoreply config schema > schema.json` writes a JSON Schema. Editors with Taplo, such as VS Code with the
extension Even Better TOML, then complete and check keys. The file must begin with

```
#:schema ./schema.json
```

For included files, use `plivo-autoreply config schema --included`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for name, options in TABLES.items():
        if options is None:
            yield from _rules()
        else:
            header = f"[[{name}]]" if name in LISTS else f"[{name}]" if name in _SINGLE else f"[{name}.x]"
            yield from _section(f"## `{header}`", name, options)


_SINGLE = ("server", "plivo", "store", "opt_out", "limits", "logging", "admin")


def _rules() -> Iterator[str]:
    yield from ("## `[rules.x]`\n", f"{summary(RuleOptions)}\n", "### Every rule\n")
    for options in COMMON:
        yield from _keys("rules.x", options)
    for kind, kind_options in KINDS.items():
        yield from _section(f"### `{kind}`", f"rules.x ({kind})", kind_options)
    yield from _section("#### A keyword with options", "rules.x.keywords.WORD", Entry)


def _section(heading: str, name: str, options: type[Any]) -> Iterator[str]:
    yield from (f"{heading}\n", f"{summary(options)}\n")
    yield from _keys(name, options)


def _keys(name: str, options: type[Any]) -> Iterator[str]:
    for key_name, field, hint in declarations(options):
        yield from _key(name, key_name, field, hint)
        inner = next((one for one in (hint, *get_args(hint), *_members(hint)) if is_dataclass(one)), None)
        if isinstance(inner, type) and inner not in (*ELSEWHERE, Entry):
            yield from _keys(f"{name}.{key_name}", inner)


def _members(hint: Any) -> tuple[Any, ...]:
    return tuple(member for one in get_args(hint) for member in get_args(one))


def _key(table: str, name: str, field: Field[Any], hint: Any) -> Iterator[str]:
    documentation = next(one.documentation for one in get_args(hint) if isinstance(one, Doc))
    is_required = field.default is MISSING and field.default_factory is MISSING
    yield f"#### `{table}.{name}`\n"
    yield f"{documentation}\n"
    yield f"- Type: {type_in_words(hint)}"
    default = written(field.default, notation_of(hint))
    if is_required:
        yield "- Required"
    elif default not in (MISSING, None, [], ""):
        yield f"- Default: `{inline(default)}`"
    example = example_of(field, hint)
    if example != default:
        yield f"- Example: `{key(name)} = {inline(example)}`"
    yield ""


def json_schema() -> str:
    """Return the JSON Schema of the file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"
