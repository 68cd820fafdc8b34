// Asks the server beside this page; an error is an Error whose message is for the reader.

async function answered(request) {
  let response;
  try {
    response = await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Was it ended?");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  throw new Error(said?.error ?? `The server answered ${response.status}.`);
}

export async function get(path) {
  return (await answered(fetch(path))).json();
}

export async function ask(path, question) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(question);
  return (await answered(fetch(path, { method: "POST", headers, body }))).json();
}

// Sends a file; the answer is read part by part.
export function send(path, parameters, body, signal) {
  const query = new URLSearchParams(parameters);
  return answered(fetch(`${path}?${query}`, { method: "POST", body, signal }));
}
