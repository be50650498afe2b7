"""A config folder as the container has it: mounted read-only, with all that config.toml names beside it."""

from pathlib import Path

from support import mounts, process, wire

CONFIG = (
    process.HEAD
    + """
[[routes]]
name = "listed"
to = { file = "numbers.txt" }
text = { file = "texts/hello.txt" }
[[routes]]
to = "*"
rules = "function"
[rules.function]
python = "replies.hello:reply"
"""
)
RULE = """
async def reply(message, context):
    return "A function says hello."
"""


def test_what_lies_beside_the_config_is_found(tmp_path: Path) -> None:
    """Number files, texts and Python rules work from a read-only folder; the store goes to $AUTOREPLY_DATA."""
    source, config, data = (tmp_path / name for name in ("source", "config", "data"))
    for folder in (source / "texts", source / "replies", config, data):
        folder.mkdir(parents=True)
    (source / "config.toml").write_text(CONFIG)
    (source / "numbers.txt").write_text("+33644600007\n")
    (source / "texts" / "hello.txt").write_text("A file says hello.")
    (source / "replies" / "hello.py").write_text(RULE)
    with mounts.bound(source, config, read_only=True):
        more = {"PYTHONDONTWRITEBYTECODE": "1"}
        service = process.Served(data, "-c", str(config / "config.toml"), command=process.COMMAND, more=more)
        try:
            listed = wire.tell(service, wire.message(To="33644600007"))
            other = wire.tell(service, wire.message())
        finally:
            assert service.stop() == 0
    assert [wire.text_of(xml) for _, xml in (listed, other)] == ["A file says hello.", "A function says hello."]
    assert (data / "autoreply.db").is_file()
