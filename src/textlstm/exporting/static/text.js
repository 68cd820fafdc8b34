// The field of a text: it is typed, chosen among examples, or stands in the address.
import { element, make } from "./answer.js";

const PREFIX = "#text=";
const LONGEST = 20_000; // characters of a text in an address; browsers have bounds of their own

export function say(sentence, kind = "") {
  element("status").textContent = sentence;
  element("status").className = kind;
}

// Writes a text into the address, so that the case can be sent on.
export function keepInAddress(text) {
  const fits = text.length <= LONGEST;
  const without = location.pathname + location.search;
  history.replaceState(null, "", fits ? PREFIX + encodeURIComponent(text) : without);
  element("link").href = location.hash;
  element("send-on").hidden = !fits;
}

function textOfAddress() {
  if (!location.hash.startsWith(PREFIX)) return "";
  try {
    return decodeURIComponent(location.hash.slice(PREFIX.length));
  } catch {
    return location.hash.slice(PREFIX.length); // a % that is none of an escape
  }
}

// Lets a reader give texts; `classify` is called with each.
export function startText({ examples }, classify) {
  const field = element("text");
  const submit = () => {
    const text = field.value.toWellFormed(); // an address cannot hold half of a character
    if (text.trim() === "") say("Type a text first.");
    else classify(text);
  };
  const take = (text) => {
    field.value = text;
    submit();
  };
  const fromAddress = () => {
    const given = textOfAddress();
    if (given !== "") take(given);
  };

  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  window.addEventListener("hashchange", fromAddress);
  element("example-list").replaceChildren(...examples.map(({ text }) => {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => take(text));
    return make("li", {}, button);
  }));
  element("examples").hidden = examples.length === 0;
  element("classify").disabled = false;
  fromAddress();
}
