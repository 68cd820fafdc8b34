// The page of a served model: asks which model it is, and starts the parts of the page.
import { element } from "./answer.js";
import { get } from "./api.js";
import { startMany } from "./many.js";
import { showModel } from "./model.js";
import { startSingle } from "./single.js";

get("model").then((model) => {
  showModel(model);
  startSingle(model);
  startMany();
}).catch((error) => {
  element("about").textContent = error.message;
});
