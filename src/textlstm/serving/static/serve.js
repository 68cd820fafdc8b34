// The page of a served model: asks which model it is, and starts the parts of the page.
import { element, exact, make } from "./answer.js";
import { get } from "./api.js";
import { startMany } from "./many.js";
import { startSingle } from "./single.js";

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

function showModel(model) {
  document.title = `Text classifier: ${model.name}`;
  element("about").textContent =
    `Model ${model.name}: ${model.classes.length} classes, ${model.classes.slice(0, 20).join(", ")}` +
    `${model.classes.length > 20 ? ", …" : ""}.`;
  element("description").textContent = model.description;
  element("threshold").textContent = model.threshold?.sentence ??
    "No probability was chosen below which it would not be sure.";
  element("against").textContent = model.against_baseline ?? "";
  if (model.scores.length > 0) {
    element("scores").replaceChildren(scoreTable(model));
    element("scores").hidden = false;
  }
}

get("model").then((model) => {
  showModel(model);
  startSingle(model);
  startMany();
}).catch((error) => {
  element("about").textContent = error.message;
});
