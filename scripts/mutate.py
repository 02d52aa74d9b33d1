"""mutate.py DIRECTORY SWITCH: makes every rule of the guard in DIRECTORY one that can be switched off; prints their names.

A rule is a call of refuse("name", …). Afterwards it holds unless the file SWITCH contains its name, so that one build
serves to try what the tests notice without each of them. Called by mutate.sh on a copy of the sources.
"""
import pathlib
import re
import sys

ROOMS = ["src/pg/guard", "src/pg/seal"]
CALL = re.compile(r"(return\s+)?([A-Za-z_]+(?:::|\.))refuse\(\s*\"([a-z-]+)\"")
ELSE = re.compile(r"let [^;{}]*else \{\s*\Z")
OFF = """
/// Whether the rule is switched off.
pub fn off(rule: &str) -> bool {
    std::fs::read_to_string("%s").is_ok_and(|name| name.trim() == rule)
}
"""


def end_of_call(text, opening):
    """The place after the parenthesis that closes the one at `opening`; strings may hold others."""
    depth, at, quoted = 0, opening, False
    while True:
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        else:
            depth += (c == "(") - (c == ")")
            if depth == 0:
                return at + 1
        at += 1


def mutate(text, rules):
    out, done = [], 0
    for call in CALL.finditer(text):
        # without what `let … else` found there is nothing to go on with
        if call.start() < done or ELSE.search(text[:call.start()]):
            continue
        end = end_of_call(text, text.index("(", call.start(2)))
        rule, whole = call.group(3), text[call.start():end]
        rules.add(rule)
        off = f'crate::pg::guard::off("{rule}")'
        out.append(text[done:call.start()])
        out.append(f"if !{off} {{ {whole}; }}" if call.group(1) else f"(if {off} {{ Ok(()) }} else {{ {whole} }})")
        done = end
        # `return …;` is a statement of its own now; as a match arm it is a block
        if call.group(1) and text[done:done + 1] == ";":
            done += 1
        elif call.group(1) and text[done:done + 1] == ",":
            out[-1] = "{ " + out[-1] + " }"
    return "".join(out) + text[done:]


def main():
    root, switch = pathlib.Path(sys.argv[1]), sys.argv[2]
    rules = set()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.rs")):
            path.write_text(mutate(path.read_text(), rules))
    module = root / "src/pg/guard/mod.rs"
    module.write_text(module.read_text() + OFF % switch)
    print("\n".join(sorted(rules)))


main()
