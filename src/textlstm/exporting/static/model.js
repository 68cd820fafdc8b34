// Says which model answers, and how good it is.
import { element, exact, make } from "./answer.js";

const SHOWN = 20; // names of classes
const COLUMNS = {
  accuracy: "accuracy",
  macro_f1: "macro F1",
  log_loss: "log loss",
  calibration_error: "calibration error",
};

function scoreTable({ scored_on, scores }) {
  const names = ["model", ...Object.values(COLUMNS)];
  const head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)));
  const rows = scores.map((row) => make("tr", {},
    make("th", { scope: "row" }, row.model),
    ...Object.keys(COLUMNS).map((key) => make("td", {},
      row[key] === null ? "–" : exact(row[key], row[key].toFixed(4))))));
  return make("table", {}, make("caption", {}, `Scores on ${scored_on}`),
    make("thead", {}, head), make("tbody", {}, ...rows));
}

export function showModel(model) {
  document.title = `Text classifier: ${model.name}`;
  element("about").textContent =
    `Model ${model.name}: ${model.classes.length} classes, ` +
    `${model.classes.slice(0, SHOWN).join(", ")}${model.classes.length > SHOWN ? ", …" : ""}.`;
  element("description").textContent = model.description;
  element("threshold").textContent = model.threshold?.sentence ??
    "No probability was chosen below which it would not be sure.";
  element("against").textContent = model.against_baseline ?? "";
  if (model.scores.length > 0) {
    element("scores").replaceChildren(scoreTable(model));
    element("scores").hidden = false;
  }
}
