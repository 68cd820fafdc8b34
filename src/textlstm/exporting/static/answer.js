// Shows the classes of a text as bars. Names of classes are only ever shown as text.

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
