#!/usr/bin/env python3
"""cvc5 as a program, by the library of the PyPI wheel, which brings none: `pip install cvc5`.

As much of it as `palisade prove` asks for: SMT-LIB 2 on standard input, answers on standard output,
`--version`, and options as `--name=value`."""

import sys

try:
    import cvc5
except ImportError as error:
    sys.exit(f"cvc5-of-wheel.py: {error}; `pip install cvc5`, and run this with that Python")


def options(arguments):
    rest = iter(arguments)
    for argument in rest:
        if argument == "--lang":
            next(rest, None)
        elif argument == "--version":
            version = cvc5.Solver(cvc5.TermManager()).getVersion()
            version = version.decode() if isinstance(version, bytes) else version
            print("This is cvc5 version", version)
            sys.exit(0)
        elif argument.startswith("--") and "=" in argument:
            yield argument[2:].split("=", 1)


def commands(lines):
    """Whole commands: lines until the parentheses are closed."""
    depth, text, quote = 0, [], None
    for line in lines:
        for char in line:
            if quote:
                if char == quote:
                    quote = None
            elif char in '"|':
                quote = char
            elif char == ";":
                break
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
        text.append(line)
        if depth == 0 and not quote:
            command, text = "".join(text), []
            if command.strip() and not command.strip().startswith(";"):
                yield command


class Session:
    def __init__(self, settings):
        self.settings = settings
        self.reset()

    def reset(self):
        terms = cvc5.TermManager()
        self.solver = cvc5.Solver(terms)
        for name, value in self.settings:
            self.solver.setOption(name, value)
        self.symbols = cvc5.SymbolManager(terms)
        self.parser = cvc5.InputParser(self.solver, self.symbols)

    def answer(self, text):
        self.parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "input")
        said = []
        while True:
            command = self.parser.nextCommand()
            if command.isNull():
                return "".join(said)
            said.append(command.invoke(self.solver, self.symbols) or "")


def main():
    session = Session(list(options(sys.argv[1:])))
    for command in commands(sys.stdin):
        if command.strip() == "(exit)":
            return
        if command.strip() == "(reset)":
            session.reset()
            continue
        try:
            said = session.answer(command)
        except Exception as error:  # whatever the library raises: the caller takes it for no answer
            words = str(error).replace('"', "'").replace("\n", " ")
            said = f'(error "{words}")\n'
        sys.stdout.write(said)
        sys.stdout.flush()


main()
