// The server's API. The token comes in the part of the address that browsers send to nobody, and goes into a header.
const token = (() => {
  const given = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(given)) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") ?? "";
})();

export async function call(method, path, parameters = [], body = undefined, signal = undefined) {
  const query = new URLSearchParams(parameters).toString();
  let response;
  try {
    response = await fetch(`api/${path}${query ? "?" + query : ""}`, {
      method, body, signal, headers: { Authorization: `Bearer ${token}` } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Has it been stopped?");
  }
  if (!response.ok) {
    let reason = `${response.status} ${response.statusText}`;
    try { reason = (await response.json()).error ?? reason; } catch { /* not JSON */ }
    throw new Error(reason);
  }
  return response;
}

export const json = async (...request) => (await call(...request)).json();
export const blob = async (...request) => (await call(...request)).blob();

// The events of a job, as they come.
export async function* events(task, parameters, signal) {
  const response = await call("POST", task, parameters, undefined, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}
