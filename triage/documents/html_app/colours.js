// Colours tracebacks, diffs and terminal output; every piece is a text in a span.

import { el } from "./dom.js";

const PYTHON = new RegExp(
  [
    "(?<string>[rbfuRBFU]{0,2}(?:\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'))",
    "(?<comment>#.*$)",
    "(?<number>\\b\\d[\\w.]*)",
    "(?<keyword>\\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from" +
      "|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|False|try|while|with|yield)\\b)",
  ].join("|"),
  "g",
);
const PLACE = /^(?<path>[^\s:][^:]*\.\w+):(?<line>\d+)(?<rest>:.*)?$/;
// Source in a traceback is indented, and values stand as `name = value`; all else is prose or a log.
const SOURCE = /^(?:\s{2,}\S|[A-Za-z_]\w* += )/;
const HEAD_OF_SOURCE = /^(?:@\w|(?:async )?def |class )/;
const FILE_LINE = /^(?<before>\s*File ")(?<path>[^"]+)(?<between>", line )(?<line>\d+)(?<rest>.*)$/;

/** One line of Python as spans. */
export function pythonLine(line) {
  const pieces = [];
  let end = 0;
  for (const found of line.matchAll(PYTHON)) {
    const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    if (found.index > end) pieces.push(line.slice(end, found.index));
    pieces.push(el("span", { class: `py-${kind}` }, found[0]));
    end = found.index + found[0].length;
  }
  if (end < line.length) pieces.push(line.slice(end));
  return pieces;
}

/** A traceback as pytest writes it, with links to its places. */
export function traceback(text, report) {
  const lines = text.replace(/\n+$/, "").split("\n");
  if (HEAD_OF_SOURCE.test(lines[0])) lines[0] = `    ${lines[0]}`; // pytest strips the text, and this indent with it
  return el("pre", { class: "traceback", tabindex: "0" }, lines.map((line) => [tracebackLine(line, report), "\n"]));
}

function tracebackLine(line, report) {
  const place = PLACE.exec(line) || FILE_LINE.exec(line);
  if (place) {
    const { path, line: number, before = "", between = ":", rest = "" } = place.groups;
    const address = report.sourceAddress(path, number);
    const shown = before + path + between + number;
    return [
      address ? el("a", { href: address, class: "place" }, shown) : el("span", { class: "place" }, shown),
      el("span", { class: "error" }, rest),
    ];
  }
  if (/^E(\s|$)/.test(line)) return el("span", { class: "error" }, line);
  if (/^>/.test(line)) return el("span", { class: "at" }, ">", pythonLine(line.slice(1)));
  if (/^[_\s]*_ |^-{5,}/.test(line)) return el("span", { class: "rule" }, line);
  if (line.includes("\u001b")) return ansi(line);
  return SOURCE.test(line) ? pythonLine(line) : line;
}

/** Removed and added lines. */
export function diff(text) {
  const kinds = { "+": "added", "-": "removed", "@": "rule" };
  const lines = text.replace(/\n+$/, "").split("\n");
  return el(
    "pre",
    { class: "diff", tabindex: "0" },
    lines.map((line) => [el("span", { class: kinds[line[0]] || null }, line), "\n"]),
  );
}

// A style or a movement; a text for the terminal itself (its title, a link), up to its end; any other escape.
const ESCAPE = /\u001b\[([0-9;:]*)([A-Za-z])|\u001b[\]PX^_][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|\u001b[@-_]?/g;
const COLOUR_NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Output of a terminal: its colours as classes; every other escape is dropped. */
export function ansi(text) {
  const pieces = [];
  const style = { colour: null, bold: false, underline: false };
  let end = 0;
  const add = (piece) => {
    if (!piece) return;
    const names = [style.colour, style.bold && "ansi-bold", style.underline && "ansi-underline"].filter(Boolean);
    pieces.push(names.length ? el("span", { class: names.join(" ") }, piece) : piece);
  };
  for (const found of text.matchAll(ESCAPE)) {
    add(text.slice(end, found.index));
    if (found[2] === "m") restyle(style, found[1].split(/[;:]/).map(Number));
    end = found.index + found[0].length;
  }
  add(text.slice(end));
  return pieces;
}

function restyle(style, codes) {
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 0) Object.assign(style, { colour: null, bold: false, underline: false });
    else if (code === 1) style.bold = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = false;
    else if (code === 24) style.underline = false;
    else if (code === 39) style.colour = null;
    else if (code === 38 || code === 48) {
      const isPalette = codes[index + 1] === 5;
      const number = codes[index + 2];
      if (code === 38 && isPalette && number < 16) style.colour = `ansi-${COLOUR_NAMES[number % 8]}`;
      index += isPalette ? 2 : 4; // a place in the palette, or three parts of a colour
    }
    else if (code >= 30 && code <= 37) style.colour = `ansi-${COLOUR_NAMES[code - 30]}`;
    else if (code >= 90 && code <= 97) style.colour = `ansi-${COLOUR_NAMES[code - 90]}`;
  }
}

/** Captured output. */
export function output(text) {
  return el("pre", { class: "output", tabindex: "0" }, ansi(text.replace(/\n+$/, "")));
}
