// Shows a text with what each of its words adds to the probability of a class.
import { element, exact, listWords, make } from "./answer.js";

const SHOWN = 0.005; // a smaller share has no number and no colour

// Four digits, with a minus only where they are not all 0.
const signed = (share) => `${share <= -0.00005 ? "−" : "+"}${Math.abs(share).toFixed(4)}`;

function wordElement(word, largest) {
  const shown = make("span", { className: "word" }, word.text);
  if (!word.known) shown.classList.add("unknown");
  if (!word.read) shown.classList.add("unread");
  if (Math.abs(word.share) >= SHOWN) {
    shown.classList.add(word.share > 0 ? "for" : "against");
    shown.style.setProperty("--strength", `${20 + 80 * Math.abs(word.share) / largest}%`);
    shown.append(exact(word.share, signed(word.share)));
  }
  return shown;
}

// The text as typed, each word with its share. Places are counted in characters, not in UTF-16.
export function showWords(text, { label, words, score, unknown_score, rest }) {
  const characters = Array.from(text);
  const largest = Math.max(SHOWN, ...words.map((word) => Math.abs(word.share)));
  const parts = [];
  let done = 0;
  for (const word of words) {
    parts.push(characters.slice(done, word.start).join(""), wordElement(word, largest));
    done = word.end;
  }
  element("explained").replaceChildren(...parts, characters.slice(done).join(""));
  element("question").textContent = `Why ${label}?`;
  const shares = words.reduce((sum, word) => sum + word.share, 0);
  element("sum").replaceChildren(
    `Words with a plus speak for ${label}, those with a minus against it. A text of unknown words has `,
    exact(unknown_score, unknown_score.toFixed(4)), "; all words together add ",
    exact(shares, signed(shares)), ", rounding ", exact(rest, signed(rest)),
    ": the probability is ", exact(score, score.toFixed(4)), ".");
  element("why").hidden = false;
}

// Says which words the model does not know, and which of them its network does not read.
export function showLimits(unknown, words) {
  listWords("unknown", "The vocabulary does not have these words, which are underlined", unknown);
  const unread = words.filter((word) => !word.read).map((word) => word.text);
  listWords("cut", "The text is longer than what the network reads. It does not read these words, " +
    "which are crossed out", unread);
}
