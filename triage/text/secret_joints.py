"""Patterns of what stands between a name and its value, and of where a value begins and ends."""

from __future__ import annotations

import re

from triage.text.pattern import pattern
from triage.text.quoted import LINE_END, QUOTE

_BAR = r"(?: [|│┃¦] | \\+u250[23] | \xe2\x94[\x82\x83] )"
"""A line between cells; also escaped, and in UTF-8 that was decoded as latin-1."""
JOINT = pattern(
    rf"""
    (?P<close> {QUOTE} )? \]?
    (?:
        (?P<pair>                                                   # name="..." value="..."
          (?: {LINE_END} | [ \t,;] ){{1,12}}
          (?: [\w-]{{1,20}} = {QUOTE} [^"'<>\n]{{0,60}} {QUOTE} [ ] ){{0,3}}
          (?: \\*["'] )? (?: parameter_? )? (?: value | content ) (?: \\*["'] )? [ \t]* [:=] [ \t]*
        )
      | (?P<shown> {LINE_END}                                         # an error of pydantic
          [^\n\\]{{1,200}}? \[ type= \w{{1,60}} , [ ] input_value= )
      | (?P<part> (?<= ["'] ) {LINE_END}{{2}} )                       # of a form with several parts
      | (?P<prompt> [ ] (?: for | of ) [ ] [^\n:]{{1,80}} : [ ]+ )
      | (?P<column> [ \t]+ {_BAR} [ \t]+ )
      | (?P<cell> [ \t]* (?: \.{{3,}} [ ]? :? | -{{1,2}}> | → | \xe2\x86\x92 ) [ \t]* | \\+t | ::[ ]+ )
      | (?P<plist> </key> (?: {LINE_END} | [ \t] ){{0,4}} <string> )
      | (?P<compare> [ \t]* (?: ===? | !==? ) [ \t]* )
      | (?P<assign>
            [ \t]* : [ ]? [A-Za-z_][\w.]* (?: \[ [\w., |]{{0,60}} \] )? (?: [ ]\|[ ][\w.]+ ){{0,3}}
            [ ]? = (?!=) [ ]?
          | [ \t]* (?: := | => | = ) [ \t]*
          | %3[Dd]
        )
      | (?P<colon> [ \t]* : (?!:|//) [ \t]* | %3[Aa] (?: %20 | \+ )* )
      | (?P<element> (?: [ ][^<>\n]{{0,120}} )? > )
      | (?P<comma> , [ \t]* )
      | (?P<verb> [ \t]+ (?: is | was ) [ \t:]+ )
      | (?P<blank> [ \t]+ )
      | (?P<call> \( )
    )
    """,
    matches=[
        "='x'",
        '": "x"',
        "'] = 'x'",
        '" value="x"',
        ": str = 'x'",
        "%3Dx",
        "', 'x'",
        " is x",
        ">x<",
        " | x",
        "....: x",
        " for joe: x",
        "</key><string>x",
        '" id="a" value="x"',
        "\n  Too short [type=string_too_short, input_value='x'",
    ],
    rejects=["::x", ")", "::"],
    flags=re.IGNORECASE,
    how="match",
)
"""What stands between a name and its value."""
YAML_MARK = pattern(
    r"""
    (?:
        (?: ! (?! Ref\b | GetAtt | ImportValue | env | include | reference ) [\w!:.-]*
          | & [\w-]+ )
        [ ]+
    )+
    """,
    matches=["!vault x", "!!str x", "&pw x", "!Sub x"],
    rejects=["!Ref x", "!x", "& x"],
    how="match",
)
"""A tag or an anchor of YAML before a value; not a tag that names where the value is."""
PROMPTED = pattern(
    rf"[ \t]* {LINE_END} (?P<secret> [^\s:,=\\]{{6,80}} ) (?= [ \t]* (?: \r?\n | \\+n | $ ) )",
    matches=["\nx1y2z3", " \nE   x1y2z3"],
    rejects=["\nname: x", "\na = b", " x1y2z3"],
    how="match",
)
"""What was typed, in the line below a prompt."""
BARE_CELL = pattern(
    rf"""(?P<secret> [^\s"'`<>|│\\]{{6,200}} ) (?= [ \t]* (?: {_BAR} | [\r\n"'\\] | $ ) )""",
    matches=["x1y2z3 |", "x1y2z3", "x1y2z3\n"],
    rejects=["x1y2z3 and more", "'x'"],
    how="match",
)
"""A word that is all of a cell of a table, or of the rest of a line."""
OPENS_CELL = re.compile(rf"{_BAR}[ \t]*$", re.VERBOSE)
ELEMENT_TEXT = re.compile(r"(?P<secret>[^<>\n]{4,400})(?=<)")
IN_BRACES = pattern(
    r"\{ (?P<secret> [^{}\s]{4,100} ) \} (?= ; )",
    matches=["{a;b=c};"],
    rejects=["{a}"],
    how="match",
)
"""A value of ODBC."""
NEXT_LINE = pattern(
    rf" (?: [|>][+-]?[ \t]* | \( [ \t]* )? {LINE_END} (?<= [ \t] )",
    matches=["|\n  x", "\n    'x'", "(\n  'x'", "|\\n  x"],
    rejects=["x\n  y", "\nx"],
    how="match",
)
"""A value that begins in the next line: a block of YAML, a wrapped assignment."""
BARE = pattern(
    r"""(?: [^\s'"`<>\\] | \\ (?! ["'`nrtu] ) )+""",
    matches=["hunter2"],
    rejects=["'x'", '\\"'],
    how="match",
)
"""A value without quotes."""
BARE_END = pattern(
    r"""
      [;&,] (?= [A-Za-z_][\w.\ -]{0,60} [=:] | \s | $ )       # a=b;c=d   a=b&c=d   a=b, c=d
    | [#&] (?= \w+= | $ ) | &(?:quot|apos|lt|gt|amp|\#\d+); | %2[267CcFf] | \\[nrt]
    | [)\]},;.:!?]+ $
    """,
    matches=["a;b=c", "a&b=c", "a,", "a)", "a&quot;"],
    rejects=["a,b", "a;b"],
)
"""Where such a value ends before the next blank."""
