"""A list of opt-outs as spreadsheets write it: all of it is read, or nothing and each line that is wrong."""

import io

import pytest
from support.people import traces
from support.stored import NINE, US, opted

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.opt_out_lists import COLUMNS, import_opt_outs, plan_import, write_opt_outs
from app.policies.usage import Conversation
from app.store import Store, people
from app.store.people import Changes
from app.store.records import OptOutRecord

PERSON = "33700000002"
ROW = f"+{US},+{PERSON}"


@pytest.mark.parametrize(
    "content",
    [
        f"number;person\r\n+{US};+{PERSON}\r\n",
        f"number\tperson\r\n+{US}\t+{PERSON}\r\n",
        f"sep=;\r\nnumber;person\r\n+{US};+{PERSON}\r\n",
        f"Number,PERSON\n{ROW}\n",
        f"number, person\n+{US}, +{PERSON}\n",
        f'"number", "person"\n"+{US}", "+{PERSON}"\n',
        f"\n ; \nnumber ;name; Person\n\n+{US} ;Doe, Ann; +33 7 00 00 00 02\n;;\n",
        f"number,person\r{ROW}\r",
        f"number,person\n'+{US},'+{PERSON}\n",
        f"number,person,notes\n{ROW}\n",
        f"person,name,number\r\n+33 7 00 00 00 02,Zoé,{US}\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_lists_as_spreadsheets_write_them(read: ReadAddress, content: str, encoding: str) -> None:
    """Semicolons and tabs, columns in any case, order and with blanks, marks of text, blank lines, any line end."""
    plan = await plan_import(None, content.encode(encoding), read)
    (change,) = plan.changes
    assert (change.conversation, change.opted_out, plan.new) == (Conversation(US, PERSON), True, 1)
    assert (change.word, change.source, change.message_uuid, change.signed_by) == ("import", "command", None, "")
    assert plan.warnings == ()


async def test_doubtful_numbers_are_warned_of(read: ReadAddress) -> None:
    """What libphonenumber does not know is taken all the same; after twenty warnings the rest is counted."""
    rows = [f"+{US},52155123456{number:02d}" for number in range(30)]
    plan = await plan_import(None, "\n".join(["number,person", *rows, f"+{US},MTN"]).encode(), read)
    assert len(plan.changes) == 31
    assert (len(plan.warnings), plan.warnings[-1]) == (21, "and 10 more")
    assert plan.warnings[0].endswith(": libphonenumber doubts this number: it is too long; used as written")


async def test_odd_addresses_are_taken_if_the_store_knows_them(store: Store, read: ReadAddress) -> None:
    """An address that is no number and too long for a name, from a list of one's own, if it has written before."""
    odd = "A name of many words"
    content = f"number,person\n+33644600001,{odd}\n".encode()
    for where in (None, store):
        with pytest.raises(OperationRefused):
            await plan_import(where, content, read)
    await store.change(people.change, Changes("anna", (opted(out=True, pair=Conversation(US, odd)),)))
    assert (await plan_import(store, content, read)).changes[0].conversation == Conversation("33644600001", odd)


async def test_what_is_there_already_is_not_new(store: Store, read: ReadAddress) -> None:
    """The plan counts what the import will add, each pair once; a second import adds nothing."""
    await store.change(people.change, Changes("anna", (opted(out=True),)))
    content = f"number,person\n+{US},+33700000001\n{ROW}\n{ROW}\n".encode()
    for new in (1, 0):
        plan = await plan_import(store, content, read)
        assert (len(plan.changes), plan.new) == (3, new)
        assert await import_opt_outs(store, "anna", plan) == new


async def test_a_long_list_goes_in_steps(store: Store, read: ReadAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """G4: each step is a transaction and leaves a row."""
    monkeypatch.setattr("app.store.people.BATCH", 2)
    rows = [f"+{US},+3370000001{number}" for number in range(5)]
    plan = await plan_import(store, "\n".join(["number,person", *rows]).encode(), read)
    assert (plan.new, await import_opt_outs(store, "anna", plan)) == (5, 5)
    assert [what for _, what in await traces(store)] == [f"opt-out: {n} added, 0 removed" for n in (2, 2, 1)]


FORMULAS = ("=1+1", "@SUM(A1)", "-1+1", "+1+cmd", "\uff1dcmd", "'=quoted", "''", "51789", "SHOP-24")


async def test_what_is_written_is_read_again(read: ReadAddress) -> None:
    """Every proof comes back, odd addresses too, and no cell is a formula."""
    records = [
        OptOutRecord(US, person, NINE + place, 'no, "never"\nagain', "message-1", "Ma-V2", "message")
        for place, person in enumerate(FORMULAS)
    ]
    file = io.StringIO()
    write_opt_outs(file, records)
    text = file.getvalue()
    assert text.startswith(",".join(COLUMNS) + "\n")
    assert all(f",'{person}," in text for person in FORMULAS[:7])
    plan = await plan_import(None, text.encode(), read)
    assert [
        OptOutRecord(*one.conversation, one.at, one.word, one.message_uuid, one.signed_by, one.source)
        for one in plan.changes
    ] == records


NOTHING = ["nothing was imported"]
EXPORTED = f"{','.join(COLUMNS)}\n+{US},SHOP,,STOP,message-9,V3,message\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["the first line must name the columns number and person"]),
        (b"number,who\n1,2\n", ["the first line must name the columns number and person"]),
        (
            f"number,person,at\n{ROW},\n+33,+33700000003,\n{ROW},yesterday\n+33644600000\n".encode(),
            [*NOTHING, "line 3: ", "line 4: ", "line 5: "],
        ),
        (f"number,person,at\n{ROW},\n+33644600000,,\n".encode(), [*NOTHING, "line 3: "]),
        (f"number,person,at\n{ROW},\n,+33700000003,\n".encode(), [*NOTHING, "line 3: "]),
        (f"number,person,at\n{ROW},0001-01-01\n".encode(), [*NOTHING, "line 2: "]),
        (f"number,person,message_uuid\n{ROW},\n+33644600000, ,message-1\n".encode(), [*NOTHING, "line 3: "]),
        (f"number,person\n{ROW}\n".encode() + b"\xff\xfe,1\n", ["line 3: not UTF-8; save the file as CSV UTF-8"]),
        (b"number,person\n" + b"3" * 200_000 + b",1\n", [*NOTHING, "line 2: not CSV: field larger than"]),
        (
            f'number,person,name\n{ROW},"Ann\n+33644600000,+33700000003,Bob\n'.encode(),
            [*NOTHING, "line 2: not CSV"],
        ),
        (f"number,person\n{ROW},3\n".encode(), [*NOTHING, "line 2: more cells than the first line has columns"]),
        (b"number,Number,person\n1,2,3\n", ["the first line names the column number twice"]),
        (f'number,person\n{ROW}\n\n\n+33644600000,"3.37E+10"\n'.encode(), [*NOTHING, "line 5: '3.37E+10': a spread"]),
        (b"number;person\n+33644600000;3,37E+10\n", [*NOTHING, "line 2: '3,37E+10': a spreadsheet has changed this"]),
        (
            b"number,person\n+33644600000,33700000002.0\n",
            [*NOTHING, "line 2: '33700000002.0': a spreadsheet has changed"],
        ),
        (b"number,person\n+33644600000,#N/A\n", [*NOTHING, "line 2: '#N/A': a spreadsheet has changed this cell"]),
        (b"number,person\n+33644600000,nan\n", [*NOTHING, "line 2: 'nan': a spreadsheet has changed this cell"]),
        (EXPORTED.replace("SHOP", "3.37E+10").encode(), [*NOTHING, "line 2: '3.37E+10': a spreadsheet has changed"]),
        (
            b"number,person\n" + b"+33644600000,+33\n" * 100,
            [*NOTHING, *(f"line {line}: '+33': " for line in range(2, 22)), "and 80 more"],
        ),
    ],
)
async def test_every_fault_of_a_list_has_its_line(read: ReadAddress, content: bytes, said: list[str]) -> None:
    """G11: all faults at once, and not even the good lines are taken."""
    with pytest.raises(OperationRefused) as refused:
        await plan_import(None, content, read)
    lines = str(refused.value).splitlines()
    assert len(lines) == len(said), lines
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True)), lines
