// Builds nodes. Text is only ever text: nothing in this script parses markup.

const SVG = "http://www.w3.org/2000/svg";

// Control, direction and zero-width characters could hide or turn around what stands beside them.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text in which what cannot be seen is written out. */
export function visible(text) {
  return String(text).replace(HIDDEN, (character) => {
    const number = character.charCodeAt(0);
    return number < 256
      ? "\\x" + number.toString(16).padStart(2, "0")
      : "\\u" + number.toString(16).padStart(4, "0");
  });
}

/** An element; children are nodes or texts, attributes that are null are left out, `on` holds listeners. */
export function el(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "href") {
      if (isSafeAddress(value)) node.setAttribute("href", value);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(node, children);
  return node;
}

/** Adds nodes, texts and lists of them; nothing for null. */
export function append(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
}

/** Puts other children into a node. */
export function replace(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

// Addresses come from the evidence too: a scheme other than these could run script.
function isSafeAddress(address) {
  return address.startsWith("#") || address.startsWith("https://") || address.startsWith("../");
}
