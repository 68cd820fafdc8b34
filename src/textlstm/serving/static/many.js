// Many texts: lines or a file, a table of them, and the same table as a file.
import { element, make } from "./answer.js";
import { send } from "./api.js";
import { CsvReader } from "./csv.js";

const SHOWN = 200; // rows on the page; the file has all
const LARGEST = 10_000_000; // bytes that the server takes
const count = (number) => number.toLocaleString("en");

let running = null;
let address = null;

function say(sentence, failed = false) {
  element("many-status").textContent = sentence;
  element("many-status").classList.toggle("error", failed);
}

function startTable(names) {
  const head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)));
  const body = make("tbody");
  element("table").replaceChildren(make("table", {}, make("thead", {}, head), body));
  element("table").hidden = false;
  return body;
}

// Says how many of the texts the model reads badly.
function showLimits(headers, texts) {
  const [unknown, cut] = ["X-Unknown-Texts", "X-Cut-Texts"].map((name) => Number(headers.get(name)));
  const said = [];
  if (unknown > 0) {
    said.push(`The model knows no word of ${count(unknown)} of ${count(texts)} texts, so that its ` +
      "answers to them say little.");
  }
  if (cut > 0) {
    said.push(`Longer than what the network reads, and cut: ${count(cut)} of ${count(texts)} texts.`);
  }
  element("many-limits").textContent = said.join(" ");
  element("many-limits").hidden = said.length === 0;
}

// Reads the answer part by part: the table grows, and so does the progress.
async function follow(response) {
  const texts = Number(response.headers.get("X-Texts"));
  showLimits(response.headers, texts);
  const progress = element("progress");
  progress.max = texts;
  progress.value = 0;
  progress.hidden = false;
  const file = response.clone().blob(); // Chromium calls a body aborted that a reader alone reads
  const reader = response.body.getReader();
  const [decoder, csv, classes] = [new TextDecoder(), new CsvReader(), new Map()];
  let [done, unsure, names, body] = [0, 0, null, null];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    for (const row of csv.read(decoder.decode(part.value, { stream: true }))) {
      if (names === null) {
        names = row;
        body = startTable(names);
        continue;
      }
      done += 1;
      const label = row[names.lastIndexOf("predicted")];
      classes.set(label, (classes.get(label) ?? 0) + 1);
      unsure += row[names.lastIndexOf("sure")] === "false";
      if (done <= SHOWN) body.append(make("tr", {}, ...row.map((cell) => make("td", {}, cell))));
    }
    progress.value = done;
    say(`${count(done)} of ${count(texts)} texts…`);
  }
  return { file: await file, texts: done, classes, unsure };
}

function finish({ file, texts, classes, unsure }, name) {
  const most = [...classes].sort((a, b) => b[1] - a[1]).slice(0, 10);
  const shown = texts > SHOWN ? ` The first ${SHOWN} are shown; the file has all.` : "";
  say(`${count(texts)} ${texts === 1 ? "text" : "texts"}: ` +
    `${most.map(([label, number]) => `${count(number)} ${label}`).join(", ")}` +
    `${unsure ? `; ${count(unsure)} of them not sure` : ""}.${shown}`);
  if (address !== null) URL.revokeObjectURL(address);
  address = URL.createObjectURL(file);
  const link = element("download");
  link.href = address;
  link.download = `${name.replace(/\.[^.]*$/, "")}-predicted.csv`;
  link.hidden = false;
}

async function classify(body, name, parameters = {}) {
  running?.abort();
  const own = running = new AbortController();
  element("download").hidden = true;
  element("table").hidden = true;
  element("many-limits").hidden = true;
  say("The texts are being read…");
  const chosen = { name, spreadsheet: element("spreadsheet").checked, ...parameters };
  try {
    const response = await send("predict/file", chosen, body, own.signal);
    finish(await follow(response), name);
  } catch (error) {
    if (running === own) say(error.message, true);
  } finally {
    if (running === own) {
      element("progress").hidden = true;
      running = null;
    }
  }
}

function classifyFile(file) {
  if (file.size > LARGEST) {
    say(`${file.name} has more than ${count(LARGEST)} bytes. Send it in several parts, or use ` +
      "the command predict.", true);
    return;
  }
  const column = element("column").value.trim();
  classify(file, file.name, column === "" ? {} : { text_column: column });
}

export function startMany() {
  element("lines-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const lines = element("lines").value.replace(/\n+$/, "");
    if (lines.trim() === "") say("Type or paste a text on each line first.");
    else classify(`${lines}\n`, "texts.txt", { format: "lines" });
  });
  element("file").addEventListener("change", () => {
    const [file] = element("file").files;
    if (file) classifyFile(file);
    element("file").value = ""; // so that the same file can be chosen again
  });

  const drop = element("drop");
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) classifyFile(file);
  });
  element("classify-lines").disabled = false;
  element("file").disabled = false;
}
