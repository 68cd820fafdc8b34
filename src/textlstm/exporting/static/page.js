// Classifies a text with the model beside this file. Names of classes are only ever shown as text.
import * as ort from "./ort.wasm.min.js";
import { element, percent, showClasses } from "./answer.js";

// One thread: more of them need headers that a plain server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  mjs: new URL("./ort-wasm-simd-threaded.js", import.meta.url).href,
  wasm: new URL("./ort-wasm-simd-threaded.wasm", import.meta.url).href,
};

async function load() {
  const described = await (await fetch("model.json")).json();
  const session = await ort.InferenceSession.create("model.onnx");
  return { ...described, session };
}

async function probabilities(session, text) {
  // The model does not compose letters with accents that follow them, and ONNX Runtime ends a text
  // at a NUL here: another control character stands for the same unknown word.
  const read = text.normalize("NFC").replaceAll("\0", "\u0001");
  const texts = new ort.Tensor("string", [read], [1]);
  return (await session.run({ texts })).probabilities.data;
}

function show(classes, shares) {
  const found = classes.map((label, n) => ({ label, probability: shares[n] }));
  found.sort((a, b) => b.probability - a.probability);
  showClasses(element("classes"), found);
  element("classes").hidden = false;
  element("status").textContent = `${found[0].label}, ${percent(found[0].probability)}`;
}

function fail(error) {
  element("status").textContent =
    `The model cannot be run: ${error}. A file of this folder may be missing, or the page was ` +
    "opened as a file: it needs a server, such as python -m http.server.";
}

load().then(({ title, classes, session }) => {
  document.title = title;
  element("title").textContent = title;
  element("status").textContent = "";
  element("classify").disabled = false;
  element("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("form").requestSubmit();
  });
  element("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      show(classes, await probabilities(session, element("text").value));
    } catch (error) {
      fail(error);
    }
  });
}).catch(fail);
