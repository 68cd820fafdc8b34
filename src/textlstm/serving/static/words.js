// Shows a text with what each of its words adds to the probability of a class.
import { element, exact, make } from "./answer.js";

const SHOWN = 0.005; // a smaller share has no number and no colour

const signed = (share) => `${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(4)}`;

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
    `Words with a plus speak for ${label}, those with a minus against it. All words together add `,
    exact(shares, signed(shares)), " to ", exact(unknown_score, signed(unknown_score)),
    ", which a text of unknown words has, and rounding adds ", exact(rest, signed(rest)),
    ": its probability is ", exact(score, score.toFixed(4)), ".");
  element("why").hidden = false;
}

// Says which words the model does not know, and what of the text its network does not read.
export function showLimits({ unknown_words, tokens, tokens_read }) {
  const unknown = element("unknown");
  unknown.hidden = unknown_words.length === 0;
  unknown.textContent = "The vocabulary does not have these words, which are underlined: " +
    `${unknown_words.slice(0, 50).join(" · ")}${unknown_words.length > 50 ? " · …" : ""}`;
  const cut = element("cut");
  cut.hidden = tokens_read === tokens;
  cut.textContent = `The network reads ${tokens_read} of the ${tokens} words of this text; ` +
    "the others are crossed out.";
}
