// Classifies a text with the model beside this file. Names of classes are only ever shown as text.
import * as ort from "./ort.wasm.min.js";
import { element, listWords, showClasses, showVerdict } from "./answer.js";
import { showModel } from "./model.js";
import { keepInAddress, say, startText } from "./text.js";

// One thread: more of them need headers that a plain server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  mjs: new URL("./ort-wasm-simd-threaded.js", import.meta.url).href,
  wasm: new URL("./ort-wasm-simd-threaded.wasm", import.meta.url).href,
};
let asked = 0; // an answer that comes after a newer text is not shown

async function load() {
  const model = await (await fetch("model.json")).json();
  return { model, session: await ort.InferenceSession.create("model.onnx") };
}

// The probability of each class, and the words of the text as the model reads them.
async function predict({ model, session }, text) {
  // The model does not compose letters with accents that follow them, and ONNX Runtime ends a text
  // at a NUL here: another control character stands for the same unknown word.
  const read = text.normalize("NFC").replaceAll("\0", "\u0001");
  const found = await session.run({ texts: new ort.Tensor("string", [read], [1]) });
  const classes = model.classes.map((label, n) => ({
    label,
    probability: found.probabilities.data[n],
  }));
  classes.sort((a, b) => b.probability - a.probability);
  const words = found.text_words.data
    .map((word, n) => ({ word, known: Boolean(found.text_known.data[n]) }))
    .filter(({ word }) => word !== ""); // the end of the list
  return { classes, words };
}

// Says which words the model does not know, and which of them its network does not read.
function showLimits(words, { max_length, words_before_cut }) {
  const unknown = words.filter(({ known }) => !known).map(({ word }) => word);
  listWords("unknown", "The vocabulary does not have these words", [...new Set(unknown)]);
  const cut = max_length === null ? 0 : Math.max(0, words.length - max_length);
  const unread = words.slice(words_before_cut, words_before_cut + cut).map(({ word }) => word);
  listWords("cut", "The text is longer than what the network reads. It does not read these words",
    unread);
}

async function classify(loaded, text) {
  const number = ++asked;
  say("…");
  try {
    const { classes, words } = await predict(loaded, text);
    if (number !== asked) return;
    const { threshold } = loaded.model;
    keepInAddress(text);
    showClasses(element("classes"), classes);
    showLimits(words, loaded.model);
    const sure = threshold === null || classes[0].probability >= threshold.min_probability;
    showVerdict(classes[0], { sure, threshold });
  } catch (error) {
    if (number === asked) fail(error);
  }
}

function fail(error) {
  say(`The model cannot be run: ${error}. A file of this folder may be missing, or the page was ` +
    "opened as a file: it needs a server, such as python -m http.server.", "error");
}

load().then((loaded) => {
  showModel(loaded.model);
  say("");
  startText(loaded.model, (text) => classify(loaded, text));
}).catch(fail);
