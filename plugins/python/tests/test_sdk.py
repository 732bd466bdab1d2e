"""The SDK itself, natively."""

import re
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repair_tool import Failure, Tool, action, decline, export, kinds, limits, need, param
from repair_tool import params as parameters
from repair_tool import propose, query, types, wait_seconds
from repair_tool.testing import FakeHost
from repair_tool.tool import manifest

RUST_SDK = Path(__file__).parents[2] / "sdk" / "src" / "kinds.rs"
HOST = FakeHost("docker-oom-killed").service("db").service("web", depends_on=["db"])


def tool(decide: Any, **fields: Any) -> type[Tool]:
    """A tool that decides so."""
    return type(
        "Made",
        (Tool,),
        {
            "id": "made",
            "version": "1.0.0",
            "summary": "Does what a test wants.",
            "handles": ["docker-oom-killed"],
            "sees": ["compose-model", "containers", "networks"],
            "may": ["compose-up"],
            "propose": lambda self, case, params: decide(case, params),
            **fields,
        },
    )


def fails(decide: Any) -> types.ToolError:
    return HOST.error_of(tool(lambda case, params: decide()))


class NamesTest(unittest.TestCase):
    def test_names_are_exactly_those_of_the_rust_sdk(self):
        text = RUST_SDK.read_text()
        for kind, known, made_by in (
            ("QueryKind", kinds.QUERIES, query),
            ("ActionKind", kinds.ACTIONS, action),
        ):
            names = re.findall(r'= "([a-z-]+)"', text.split(f"    {kind} {{")[1].split("\n}")[0])
            self.assertEqual(set(names), known)
            self.assertEqual([name for name in names if not hasattr(made_by, name.replace("-", "_"))], [])

    def test_limits_are_exactly_those_of_the_rust_sdk(self):
        for name, value in re.findall(r"pub const ([A-Z_]+): \w+ = ([0-9 *]+);", RUST_SDK.read_text()):
            self.assertEqual(getattr(limits, name), eval(value), name)


class ManifestTest(unittest.TestCase):
    def test_what_the_host_would_refuse_fails_at_once(self):
        for fields in (
            {"id": "Made"},
            {"id": "a" * 65},
            {"id": "3d-logs"},
            {"id": "logs-"},
            {"version": "1"},
            {"version": "01.2.3"},
            {"version": "1.2.3-01"},
            {"version": "1.2.3-a..b"},
            {"version": "1.2.3+"},
            {"version": "1.2.٣"},
            {"version": f"1.2.3-{'a' * 59}"},
            {"summary": ""},
            {"summary": "two  blanks"},
            {"contact": "a\nb"},
            {"handles": []},
            {"sees": ["container"]},
            {"may": ["compose_up"]},
            {"contact": 7},
            {"params": dataclass(type("NoDefault", (), {"__annotations__": {"a": int}}))},
        ):
            with self.subTest(fields), self.assertRaises((ValueError, TypeError)):
                export(tool(None, **fields))

    def test_what_the_host_takes_is_taken(self):
        for id in ("a", "a1", "logs-3d", "a" * 64):
            self.assertEqual(manifest(tool(None, id=id)()).id, id)
        for version in ("0.0.0", "10.20.30", "1.2.3-0", "1.2.3-alpha.1-b.0a", "1.2.3+007.x", "1.2.3-rc.1+build-5"):
            self.assertEqual(manifest(tool(None, version=version)()).version, version)

    def test_an_id_that_begins_with_a_digit_is_told_the_rule(self):
        with self.assertRaisesRegex(ValueError, "beginning with a letter"):
            export(tool(None, id="3d-logs"))

    def test_an_export_describes_and_proposes(self):
        exported = export(tool(lambda case, params: decline("no"), contact="https://example.com"))()
        self.assertEqual(exported.describe().contact, "https://example.com")
        self.assertEqual(exported.propose(HOST.case()), decline("no"))

    def test_an_error_leaves_an_export_as_one(self):
        with self.assertRaises(Exception) as raised:
            export(tool(lambda case, params: 1 // 0))().propose(HOST.case())
        self.assertEqual(raised.exception.value.code, "exception")


class ParamsTest(unittest.TestCase):
    @dataclass
    class Params:
        lines: int = param(5, "Lines.", minimum=1)
        names: list[str] = param([])
        mode: Literal["fast", "safe"] = "safe"
        share: float | None = None

    def told(self, params: Any, **values: Any) -> str:
        return HOST.params(**values).decline_of(tool(lambda case, params: decline(str(params)), params=params))

    def test_a_dataclass_becomes_a_schema_and_its_values(self):
        schema = parameters.schema(self.Params)
        self.assertFalse(schema["additionalProperties"])
        self.assertEqual(
            schema["properties"]["lines"], {"type": "integer", "description": "Lines.", "minimum": 1, "default": 5}
        )
        self.assertEqual(schema["properties"]["names"]["items"], {"type": "string"})
        self.assertEqual(schema["properties"]["mode"]["enum"], ["fast", "safe"])
        self.assertIn("lines=-7, names=['a'], mode='safe', share=1)", self.told(self.Params, lines=-7, names=["a"], share=1))

    def test_a_schema_fills_in_its_defaults(self):
        schema = {"properties": {"lines": {"type": "integer", "default": 5}, "name": {"type": "string"}}}
        self.assertEqual(self.told(schema), "{'lines': 5}")
        self.assertEqual(self.told(schema, lines=6), "{'lines': 6}")

    def test_what_the_tool_does_not_take_is_an_error(self):
        for values in ({"line": 1}, {"lines": "5"}, {"names": [1]}, {"mode": "slow"}, {"lines": True}):
            error = HOST.params(**values).error_of(tool(None, params=self.Params))
            self.assertEqual(error.code, "params")
            self.assertIn("[tools.made]", error.hint)


class CaseTest(unittest.TestCase):
    def test_an_open_question_asks_and_a_refused_one_declines(self):
        made = tool(lambda case, params: propose("r", 800, [action.compose_up(case.project().to_start())]))
        self.assertEqual(HOST.converse(made).rounds, [[query.compose_model(), query.containers()]])
        HOST.refusing("containers", "the engine is gone").assert_declines(made, "`containers`", "the engine is gone")

    def test_a_tool_that_catches_exceptions_still_asks(self):
        def decide(case: Any, params: Any) -> types.Reply:
            try:
                return decline(str(case.networks()))
            except Exception:
                return decline("swallowed")

        HOST.answers(query.networks(), []).assert_declines(tool(decide), "[]")

    def test_what_is_down_is_started_with_what_it_waits_for(self):
        made = tool(lambda case, params: propose("r", 800, [action.compose_up(case.project().to_start())]))
        HOST.assert_proposes(made, [action.compose_up(["db", "web"])])
        healthy = HOST.container("db", "running")
        healthy.assert_proposes(made, [action.compose_up("web")])
        starting = HOST.container("db", "running", health=types.Health.STARTING)
        starting.assert_proposes(made, [action.compose_up(["db", "web"])])
        job = healthy.service("job", one_shot=True).container("job", "exited", exit_code=0)
        job.assert_proposes(made, [action.compose_up(["web"])])

    def test_tries_in_vain_end_with_what_healed_is_old_or_was_abandoned(self):
        up = action.compose_up(["web"])
        made = tool(lambda case, params: decline(f"{len(case.tries_in_vain(up))} {case.is_spent(up)}"))
        twice = HOST.attempt("made", [up], "failed: a", 5).attempt("made", [up], "failed: b", 6)
        twice.assert_declines(made, "2 True")
        HOST.attempt("made", [up], "failed", 5).attempt("made", [up], "healed", 6).assert_declines(made, "1 False")
        HOST.attempt("made", [up], "abandoned: x", 5).attempt("made", [up], "failed", 3600).assert_declines(made, "0")

    def test_facts_waits_and_cuts_are_told(self):
        made = tool(
            lambda case, params: decline(
                f"{case.fact('port')} {case.fact('none')} {case.waited_seconds} {case.networks()} "
                f"{case.is_cut(query.networks())}"
            )
        )
        host = HOST.fact("port", "80").waited(3).answers(query.networks(), []).cutting("networks")
        self.assertEqual(host.decline_of(made), "80 None 3 [] True")


class ReplyTest(unittest.TestCase):
    def test_texts_and_notes_are_cut_and_say_so(self):
        reply = HOST.reply_of(tool(lambda case, params: decline("é" * 5000, ["n" * 5000] * 200)))
        self.assertLessEqual(len(reply.answer.value.encode()), limits.REPLY_TEXT_BYTES_MAX)
        self.assertTrue(reply.answer.value.endswith("é…"))
        self.assertEqual(len(reply.notes), limits.REPLY_NOTES_MAX)

    def test_no_more_is_asked_than_the_host_answers(self):
        many = [query.container_log(f"s{at}") for at in range(100)]
        exported = export(tool(lambda case, params: need(many)))()
        self.assertEqual(len(exported.propose(HOST.case()).answer.value), limits.NEED_QUERIES_MAX)

    def test_what_is_printed_becomes_notes(self):
        self.assertEqual(HOST.reply_of(tool(lambda case, params: print("a\nb") or wait_seconds(1))).notes, ["a", "b"])

    def test_a_reply_of_the_wrong_shape_names_the_place(self):
        for reply, words in (
            (None, "the reply should be a `Reply`"),
            (propose("r", 0.8, [action.compose_up(["web"])]), "confidence should be a whole number, and is 0.8"),
            (propose("r", 800, [action.compose_up([3])]), "actions[0].value.services[0] should be a `str`"),
            (propose("r", 800, ["up"]), "actions[0] should be one of"),
            (decline(None), "value should be a `str`"),
            (wait_seconds(-1), "should be from 0 to 4294967295"),
            (decline("x", [1]), "notes[0]"),
        ):
            self.assertIn(words, fails(lambda: reply).message)

    def test_an_exception_becomes_an_error_with_its_place(self):
        error = fails(lambda: 1 // 0)
        self.assertEqual(error.code, "exception")
        self.assertRegex(error.message, r"^ZeroDivisionError: .* \(test_sdk.py, line \d+, in `<lambda>`\)$")
        self.assertIn("made", error.hint)
        self.assertIn("SystemExit: 3", fails(lambda: exit(3)).message)
        self.assertLess(len(fails(lambda: int("x" * 9000)).message), 1000)

    def test_a_failure_of_its_own_stays_one(self):
        def decide() -> None:
            raise Failure("settings", "these two exclude each other", "leave one out")

        self.assertEqual(fails(decide), types.ToolError("settings", "these two exclude each other", "leave one out"))

    def test_a_failure_of_what_is_no_text_is_told_in_its_words(self):
        def decide() -> None:
            try:
                int("x")
            except ValueError as error:
                raise Failure("settings", error, ["leave", "one", "out"]) from error

        error = fails(decide)
        self.assertIn("invalid literal", error.message)
        self.assertEqual((error.code, error.hint), ("settings", "['leave', 'one', 'out']"))

    def test_a_failure_that_says_nothing_is_an_error_as_well(self):
        class Wordless(Failure):
            def __init__(self) -> None:
                pass

        def decide() -> None:
            raise Wordless

        self.assertIn("has no attribute 'error'", fails(decide).message)

    def test_files_and_late_imports_are_refused_only_during_a_call(self):
        self.assertIn("cannot open", fails(lambda: open(__file__)).message)
        self.assertIn("top of the module", fails(lambda: __import__("colorsys")).message)
        with open(__file__):
            import colorsys  # noqa: F401


class FakeHostTest(unittest.TestCase):
    def test_it_holds_a_tool_to_the_contract(self):
        count = iter(range(100))
        for decide, words in (
            (lambda case, params: decline(str(next(count))), "same reply"),
            (lambda case, params: case.locks(), "not declared in `sees`"),
            (lambda case, params: need([]), "asks for something"),
            (lambda case, params: need([query.containers()]), "already answered"),
            (lambda case, params: propose("r", 800, [action.restart_service("web")]), "not declared in `may`"),
            (lambda case, params: case.networks(), "say what the host answers"),
        ):
            with self.assertRaisesRegex(AssertionError, re.escape(words)):
                HOST.converse(tool(decide))

    def test_a_proposal_that_the_host_turns_down_does_not_hold(self):
        made = tool(lambda case, params: propose("r", 599, [action.compose_up(["web"])]))
        with self.assertRaisesRegex(AssertionError, "below the host's floor"):
            HOST.assert_proposes(made, [action.compose_up(["web"])])


if __name__ == "__main__":
    unittest.main()
