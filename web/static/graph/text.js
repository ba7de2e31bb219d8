// Texts and numbers as the pages show them: whatever is invisible made visible, four digits of a number.
const PICTURES = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\0": "␀" };
const HIDDEN = /[\p{C}\p{Z}]/gu;

const code = (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`;

// Characters are counted, not halves of them.
export function cut(text, most) {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}

export const visibleToken = (text, most = 40) =>
  cut(text, most).replace(HIDDEN, (character) => PICTURES[character] || code(character)) || "◌";

export const visibleText = (text, most = 200) =>
  cut(text, most).replace(HIDDEN, (character) => (character === " " ? " " : code(character)));

export const number = (value) => (Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4))));

export const percent = (share) => `${Number((100 * share).toPrecision(3))} %`;

// An element with attributes, properties that start with "on", and what stands inside it; texts stay texts.
export function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...inside.filter((part) => part !== null && part !== undefined && part !== false));
  return made;
}
