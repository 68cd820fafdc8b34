// Shows the classes of a text as bars. Names of classes are only ever shown as text.

const LISTED = 50; // words

export const element = (id) => document.getElementById(id);

// Makes an element with a text or with other elements in it.
export function make(name, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

export const percent = (share) => `${(100 * share).toFixed(2)} %`;

// A number as it is shown, with the exact one for whoever reads the page by a program.
export const exact = (value, shown) => make("data", { value: String(value) }, shown);

// Lists classes, the most probable first. With `pick`, each is a button that calls it.
export function showClasses(list, classes, { pick, picked } = {}) {
  list.replaceChildren(...classes.map(({ label, probability }) => {
    const fill = make("span", { className: "fill" });
    fill.style.width = `${100 * probability}%`;
    const row = make(pick ? "button" : "div", { className: "class" },
      make("span", { className: "name" }, label),
      exact(probability, percent(probability)),
      make("span", { className: "bar" }, fill));
    if (pick) {
      row.type = "button";
      row.setAttribute("aria-pressed", String(label === picked));
      row.addEventListener("click", () => pick(label));
    }
    return make("li", {}, row);
  }));
}

// Says the most probable class and, below the threshold, that the model is not sure and why.
export function showVerdict({ label, probability }, { sure, threshold }) {
  const verdict = `${label}, ${percent(probability)}`;
  element("status").textContent = sure ? verdict : `Not sure. Most likely ${verdict}`;
  element("status").className = "verdict";
  element("unsure").hidden = sure;
  if (!sure) {
    element("unsure").textContent = "The probability is below " +
      `${percent(threshold.min_probability)}. ${threshold.sentence} Below, fewer are.`;
  }
  element("answer").hidden = false;
}

// Lists words under a sentence, which is hidden if there are none.
export function listWords(id, sentence, words) {
  const more = words.length > LISTED ? " · …" : "";
  element(id).textContent = `${sentence}: ${words.slice(0, LISTED).join(" · ")}${more}`;
  element(id).hidden = words.length === 0;
}
