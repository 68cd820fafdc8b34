// One text: its class, and why.
import { ask } from "./api.js";
import { element, percent, showClasses } from "./answer.js";
import { showLimits, showWords } from "./words.js";

const PREFIX = "#text=";
let asked = 0; // an answer that comes after a newer question is not shown

function say(sentence, kind = "") {
  element("status").textContent = sentence;
  element("status").className = kind;
}

async function explain(text, prediction, target, number) {
  showClasses(element("classes"), prediction.classes, {
    picked: target,
    pick: (label) => explainAgain(text, prediction, label),
  });
  const { explanations } = await ask("explain", { texts: [text], target });
  if (number !== asked) return;
  showWords(text, explanations[0]);
  showLimits(prediction.unknown_words, explanations[0].words);
}

async function explainAgain(text, prediction, label) {
  const number = ++asked;
  try {
    await explain(text, prediction, label, number);
    if (number !== asked) return;
    const rows = [...document.querySelectorAll("#classes .name")];
    rows.find((row) => row.textContent === label)?.parentElement.focus();
  } catch (error) {
    if (number === asked) say(error.message, "error");
  }
}

function showVerdict(prediction, threshold) {
  const [best] = prediction.classes;
  const verdict = `${best.label}, ${percent(best.probability)}`;
  say(prediction.sure ? verdict : `Not sure. Most likely ${verdict}`, "verdict");
  element("unsure").hidden = prediction.sure;
  if (!prediction.sure) {
    element("unsure").textContent = "The probability is below " +
      `${percent(threshold.min_probability)}. ${threshold.sentence} Below, fewer are.`;
  }
  element("answer").hidden = false;
}

async function classify(text, threshold) {
  const number = ++asked;
  say("…");
  try {
    const { predictions } = await ask("predict", { texts: [text] });
    if (number !== asked) return;
    const [prediction] = predictions;
    history.replaceState(null, "", PREFIX + encodeURIComponent(text));
    element("link").href = location.hash;
    element("why").hidden = true;
    showVerdict(prediction, threshold);
    await explain(text, prediction, prediction.label, number);
  } catch (error) {
    if (number === asked) say(error.message, "error");
  }
}

function textOfAddress() {
  if (!location.hash.startsWith(PREFIX)) return "";
  try {
    return decodeURIComponent(location.hash.slice(PREFIX.length));
  } catch {
    return location.hash.slice(PREFIX.length); // a % that is none of an escape
  }
}

export function startSingle({ examples, threshold }) {
  const text = element("text");
  const submit = () => {
    if (text.value.trim() === "") say("Type a text first.");
    else classify(text.value, threshold);
  };
  const fromAddress = () => {
    const given = textOfAddress();
    if (given === "") return;
    text.value = given;
    submit();
  };
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  window.addEventListener("hashchange", fromAddress);

  element("example-list").replaceChildren(...examples.map((example) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = example.text;
    button.addEventListener("click", () => {
      text.value = example.text;
      submit();
    });
    row.append(button);
    return row;
  }));
  element("examples").hidden = examples.length === 0;
  element("classify").disabled = false;
  fromAddress();
}
