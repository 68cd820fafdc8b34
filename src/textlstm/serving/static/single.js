// One text: its class, and why.
import { ask } from "./api.js";
import { element, showClasses, showVerdict } from "./answer.js";
import { keepInAddress, say, startText } from "./text.js";
import { showLimits, showWords } from "./words.js";

let asked = 0; // an answer that comes after a newer question is not shown

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

async function classify(text, threshold) {
  const number = ++asked;
  say("…");
  try {
    const { predictions } = await ask("predict", { texts: [text] });
    if (number !== asked) return;
    const [prediction] = predictions;
    keepInAddress(text);
    element("why").hidden = true;
    showVerdict(prediction.classes[0], { sure: prediction.sure, threshold });
    await explain(text, prediction, prediction.label, number);
  } catch (error) {
    if (number === asked) say(error.message, "error");
  }
}

export function startSingle(model) {
  startText(model, (text) => classify(text, model.threshold));
}
