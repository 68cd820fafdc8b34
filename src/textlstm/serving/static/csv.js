// Reads CSV as it arrives: rows of cells, in quotes or not.
export class CsvReader {
  #cell = "";
  #row = [];
  #quoted = false;
  #closing = false; // a quote inside of quotes ends the cell, unless another one follows

  // The rows that end in this part.
  read(part) {
    const rows = [];
    for (const letter of part) {
      if (this.#closing) {
        this.#closing = false;
        if (letter === '"') {
          this.#cell += '"';
          continue;
        }
        this.#quoted = false;
      }
      if (this.#quoted) {
        if (letter === '"') this.#closing = true;
        else this.#cell += letter;
      } else if (letter === '"') {
        this.#quoted = true;
      } else if (letter === ",") {
        this.#row.push(this.#cell);
        this.#cell = "";
      } else if (letter === "\n") {
        rows.push([...this.#row, this.#cell]);
        this.#row = [];
        this.#cell = "";
      } else if (letter !== "\r") {
        this.#cell += letter;
      }
    }
    return rows;
  }
}
