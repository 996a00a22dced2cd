import { blob, call, events, json } from "./api.js";
import { Dabs, Mask } from "./drawing.js";
import { Viewer } from "./viewer.js";

const $ = id => document.getElementById(id);
const previewSide = 1600;
const viewer = new Viewer($("view"), $("divider"));
const dabs = new Dabs();
const mask = new Mask();
// The pictures that were opened, the one that is shown, and its results.
const pictures = [];
let current = null;
let task = "denoise";
let tool = "brush";
let hintsLayer = null;
let job = null;
let server = {};

// MARK: Options

// Name of the command's option, label, kind and default; a value is sent only if it is another one.
const range = (name, label, max, value, step = 0.05) => ({ name, label, kind: "range", min: 0, max, step, value });
const number = (name, label, min, max, value = "", hint = "") => ({ name, label, kind: "number", min, max, value, hint });
const choice = (name, label, values, value = "") => ({ name, label, kind: "choice", values, value });
const flag = (name, label) => ({ name, label, kind: "flag" });
const model = hint => ({ name: "model", label: "Model", kind: "text", value: "", hint });
const samples = [number("samples", "Answers", 1, 16, "", "one"), number("seed", "Seed", 0, 2 ** 31, "", "1")];
const options = {
  denoise: [number("sigma", "Noise level", 0, 75, "", "auto"), range("strength", "Strength", 1, 1),
    choice("effort", "Quality", [["", "fast"], ["best", "best (8 × slower)"]]),
    choice("wrap", "Borders meet", [["", "no"], ["horizontal", "left and right"], ["vertical", "top and bottom"],
      ["both", "both"]]), model("auto")],
  colorize: [range("saturation", "Saturation", 2, 1), range("vividness", "Vividness", 1, 0), ...samples,
    model("colorize-photo")],
  inpaint: [choice("method", "Method", [["", "network"], ["harmonic", "harmonic"], ["biharmonic", "biharmonic"]]),
    number("dilate", "Grow mask", 0, 200, "", "0 pixels"), number("feather", "Feather", 0, 80, "", "0 pixels"),
    ...samples, range("temperature", "Variety", 1, 1), model("inpaint-photo")],
  shared: [choice("format", "Format", [["", "as the input"], ["png", "PNG"], ["jpg", "JPEG"]]),
    number("quality", "JPEG quality", 1, 100, "", "as the input"), flag("strip", "drop metadata"),
    flag("tolerant", "read damaged files")],
};

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function control(option, owner) {
  const id = `${owner}-${option.name}`;
  if (option.kind === "flag") {
    return element("label", { className: "check" }, element("input", { type: "checkbox", id }), option.label);
  }
  let input;
  const row = element("div", { className: "option" }, element("label", { htmlFor: id }, option.label));
  if (option.kind === "choice") {
    input = element("select", { id });
    for (const [value, text] of option.values) input.append(element("option", { value }, text));
  } else {
    const { min, max, step, value } = option;
    input = element("input", { type: option.kind, id, placeholder: option.hint ?? "" });
    if (option.kind !== "text") Object.assign(input, { min, max, step: step ?? "any" });
    input.value = value;
  }
  row.append(input);
  if (option.kind === "range") {
    const shown = element("output", {}, String(option.value));
    input.addEventListener("input", () => { shown.value = input.value; });
    row.append(shown);
  }
  return row;
}

function parameters() {
  const list = [];
  for (const owner of [task, "shared"]) {
    for (const option of options[owner]) {
      const input = $(`${owner}-${option.name}`);
      const value = option.kind === "flag" ? (input.checked ? "true" : "") : input.value.trim();
      if (value === "" || value === String(option.value)) continue;
      list.push([option.name === "effort" ? "quality" : option.name, value]);
    }
  }
  return list;
}

function selectTask(name) {
  task = name;
  for (const tab of $("tasks").children) tab.setAttribute("aria-selected", tab.dataset.task === name);
  for (const other of ["colorize", "inpaint"]) $(`tools-${other}`).hidden = other !== name;
  $("options").replaceChildren(...options[name].map(option => control(option, name)));
  viewer.stroke = name === "denoise" ? null : stroke;
  viewer.canvas.style.cursor = name === "denoise" ? "grab" : "crosshair";
  viewer.draw();
}

// MARK: Pictures

function say(text, isBad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", isBad);
}

const bitmapOf = async (id, side) => createImageBitmap(await blob("GET", `pictures/${id}/preview`,
  [["side", side], ["tolerant", $("shared-tolerant").checked]]));

// The size as shown: a tag may turn the picture.
function uprightSize(picture, bitmap) {
  const turned = (picture.width > picture.height) !== (bitmap.width > bitmap.height) && bitmap.width !== bitmap.height;
  return turned ? [picture.height, picture.width] : [picture.width, picture.height];
}

async function upload(file) {
  return json("POST", "pictures", [["name", file.name || "picture.png"]], file);
}

async function addFiles(files) {
  for (const file of files) {
    try {
      say(`Loading ${file.name}…`);
      await addPicture(await upload(file));
    } catch (error) { say(error.message, true); }
  }
}

async function addPicture(picture, place = null) {
  const entry = { picture, place, results: [], selected: 0 };
  pictures.push(entry);
  await show(entry);
}

async function show(entry) {
  const bitmap = entry.bitmap ?? await bitmapOf(entry.picture.id, previewSide);
  entry.bitmap = bitmap;
  [entry.width, entry.height] = uprightSize(entry.picture, bitmap);
  const isOther = current !== entry;
  current = entry;
  viewer.show(bitmap, entry.width, entry.height);
  if (isOther) {
    dabs.clear();
    mask.reset(entry.width, entry.height);
    hintsLayer = null;
    $("hints-name").textContent = "";
  }
  $("empty").hidden = true;
  const depth = entry.picture.bit_depth > 8 ? `, ${entry.picture.bit_depth} bit` : "";
  $("name").textContent = `${entry.picture.name} — ${entry.width}×${entry.height}${depth}`;
  say("");
  showResults();
  for (const id of ["next", "previous"]) $(id).hidden = pictures.length < 2 && entry.place === null;
}

function showResults() {
  const { results, selected } = current;
  $("results").hidden = results.length === 0;
  $("warnings").textContent = (current.warnings ?? []).join("\n");
  $("save").hidden = results.length === 0 || !server.folder;
  $("answers").hidden = results.length < 2;
  $("answers").replaceChildren(...(results.length < 2 ? [] : results.map((result, index) => {
    const button = element("button", { type: "button", title: result.picture.name },
      element("img", { src: result.url, alt: `Answer ${index + 1}` }));
    button.setAttribute("aria-pressed", index === selected);
    button.addEventListener("click", () => { current.selected = index; showResults(); });
    return button;
  })));
  viewer.showResult(results[selected]?.bitmap ?? null);
}

const result = () => current?.results[current.selected];

// Once the picture is larger on the screen than what was loaded first, all its pixels are fetched.
viewer.changed = () => {
  const entry = current;
  if (!entry || !viewer.needsAllPixels || entry.isLoading) return;
  entry.isLoading = true;
  loadAllPixels(entry).catch(error => say(error.message, true));
};

async function loadAllPixels(entry) {
  entry.bitmap = await bitmapOf(entry.picture.id, 0);
  for (const result of entry.results) result.bitmap = await bitmapOf(result.picture.id, 0);
  if (current !== entry) return;
  viewer.show(entry.bitmap, entry.width, entry.height, true);
  showResults();
}

// MARK: Work

async function run() {
  if (!current || job) return;
  const entry = current;
  const controller = new AbortController();
  job = { controller };
  busy(true);
  entry.warnings = [];
  try {
    const list = [["picture", entry.picture.id], ...parameters(), ...await companions()];
    for await (const event of events(task, list, controller.signal)) {
      job.id = event.job;
      await handle(event, entry);
    }
  } catch (error) {
    if (error.name === "AbortError") say("Cancelled."); else say(error.message, true);
  }
  job = null;
  busy(false);
}

async function companions() {
  if (task === "colorize") {
    const list = dabs.hints.map(hint => ["hint", hint]);
    if (hintsLayer) list.push(["hints", hintsLayer]);
    return list;
  }
  if (task !== "inpaint") return [];
  if ($("alpha").checked) return [["mask", "alpha"]];
  if (mask.isEmpty) throw new Error("Paint over what is to be filled.");
  const uploaded = await upload(new File([await mask.file()], "mask.png"));
  return [["mask", uploaded.id]];
}

async function handle(event, entry) {
  switch (event.state) {
  case "waiting":
    say(event.before > 0 ? `Waiting for ${event.before} other${event.before > 1 ? "s" : ""}…` : "Starting…");
    break;
  case "running":
    $("progress").value = event.done;
    say(`${Math.floor(event.done * 100)} %${event.seconds_left === undefined ? "" : `, ${duration(event.seconds_left)} left`}`);
    break;
  case "done":
    await finish(event, entry);
    break;
  case "cancelled":
    say("Cancelled.");
    break;
  default:
    say(event.error, true);
  }
}

const duration = seconds => seconds < 60 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

async function finish(event, entry) {
  for (const old of entry.results) URL.revokeObjectURL(old.url);
  const side = entry.bitmap.width < entry.width ? previewSide : 0;
  entry.results = [];
  for (const picture of event.results) {
    const shown = await blob("GET", `pictures/${picture.id}/preview`, [["side", side]]);
    entry.results.push({ picture, bitmap: await createImageBitmap(shown), url: URL.createObjectURL(shown) });
  }
  entry.isLoading = side === 0;
  entry.selected = 0;
  entry.warnings = event.record.warnings ?? [];
  const model = event.record.model ? ` by ${event.record.model}` : event.record.method ? "" : ", left as it is";
  if (current === entry) {
    showResults();
    say(`Done${model} in ${event.record.seconds.toFixed(1)} s.`);
  }
}

function busy(isBusy) {
  $("run").disabled = isBusy;
  $("cancel").hidden = $("progress").hidden = !isBusy;
  $("progress").value = 0;
}

function cancel() {
  // The server ends a job that nobody listens to; the request does not depend on the stream.
  if (job?.id) call("DELETE", `jobs/${job.id}`).catch(() => {});
  else job?.controller.abort();
}

// MARK: Drawing

viewer.overlay = (context, scale) => {
  if (task === "colorize") dabs.draw(context, scale);
  if (task !== "inpaint" || viewer.showsOriginal) return;
  if (!current?.results.length || !viewer.after) mask.draw(context);
  if (viewer.hover && viewer.stroke) {
    context.beginPath();
    context.arc(...viewer.hover, $("size").value / 2, 0, 2 * Math.PI);
    context.lineWidth = 1.5 / scale;
    context.strokeStyle = "#fff";
    context.stroke();
  }
};

function stroke(phase, point) {
  if (task === "colorize" && phase === "start") {
    const [x, y] = point.map(Math.floor);
    if (x >= 0 && y >= 0 && x < current.width && y < current.height) dabs.add({ x, y, color: $("color").value });
  } else if (task === "inpaint") {
    if (phase === "start") {
      // Painting goes on where the mask is seen.
      if (viewer.after) viewer.showResult(null);
      mask.start(point, Number($("size").value), tool === "eraser");
    } else if (phase === "move") {
      mask.move(point);
    } else if (phase === "cancel") {
      mask.undo();
    }
  }
  viewer.draw();
}

function selectTool(name) {
  tool = name;
  for (const id of ["brush", "eraser"]) $(id).setAttribute("aria-pressed", id === name);
}

function setSize(size) {
  $("size").value = size;
  $("size-value").value = $("size").value;
  viewer.draw();
}

function edit(action) {
  (task === "colorize" ? dabs : mask)[action]();
  if (task === "inpaint" && viewer.after) viewer.showResult(null);
  viewer.draw();
}

// MARK: Files

function saveAs(file, name) {
  const link = element("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function download() {
  if (result()) saveAs(await blob("GET", `pictures/${result().picture.id}`), result().picture.name);
}

async function copy() {
  const id = result()?.picture.id ?? current?.picture.id;
  if (!id) return;
  // Browsers only take PNG.
  const shown = await createImageBitmap(await blob("GET", `pictures/${id}/preview`, [["side", 0]]));
  const canvas = new OffscreenCanvas(shown.width, shown.height);
  canvas.getContext("2d").drawImage(shown, 0, 0);
  const file = await canvas.convertToBlob({ type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
  say("Copied.");
}

async function saveToFolder() {
  const { picture } = result();
  const folder = current.place?.folder ?? "";
  const path = prompt(`Save in ${server.folder} as:`, folder + picture.name);
  if (!path) return;
  const request = [["picture", picture.id], ["path", path]];
  try {
    await call("POST", "folder/save", request);
  } catch (error) {
    if (!error.message.includes("already exists") || !confirm(`${path} exists. Replace it?`)) throw error;
    await call("POST", "folder/save", [...request, ["overwrite", "true"]]);
  }
  say(`Saved as ${path}.`);
}

async function browse(path) {
  const { entries } = await json("GET", "folder", [["path", path]]);
  $("folder-path").textContent = [server.folder, ...path.split("/").filter(part => part)].join(" / ");
  const line = (text, action) => {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => action().catch(error => say(error.message, true)));
    return element("li", {}, button);
  };
  const up = path ? [line("‹ back", () => browse(path.replace(/[^/]*\/$/, "")))] : [];
  const files = entries.filter(entry => !entry.folder).map(entry => entry.name);
  $("folder-list").replaceChildren(...up, ...entries.map(entry => entry.folder
    ? line(`${entry.name}/`, () => browse(`${path}${entry.name}/`))
    : line(entry.name, async () => { $("folder").close(); await openFrom(path, files, entry.name); })));
  if (!$("folder").open) $("folder").showModal();
}

async function openFrom(folder, files, name) {
  await addPicture(await json("POST", "folder/open", [["path", folder + name]]), { folder, files, name });
}

// The next picture: of the folder, if it is from there, else of those that were opened.
async function step(by) {
  if (!current || job) return;
  if (current.place) {
    const { folder, files, name } = current.place;
    const next = files[files.indexOf(name) + by];
    if (!next) return;
    const known = pictures.find(entry => entry.place?.folder === folder && entry.place.name === next);
    await (known ? show(known) : openFrom(folder, files, next));
  } else {
    const next = pictures[pictures.indexOf(current) + by];
    if (next) await show(next);
  }
}

// MARK: Events

const reporting = action => (...given) => Promise.resolve(action(...given)).catch(error => say(error.message, true));
const onClick = (id, action) => $(id).addEventListener("click", reporting(action));

for (const id of ["open", "choose"]) {
  $(id).addEventListener("change", async event => { await addFiles([...event.target.files]); event.target.value = ""; });
}
for (const tab of $("tasks").children) tab.addEventListener("click", () => selectTask(tab.dataset.task));
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => edit(button.dataset.act));
}
$("panel").addEventListener("submit", event => { event.preventDefault(); run(); });
onClick("cancel", cancel);
onClick("download", download);
onClick("copy", copy);
onClick("save", saveToFolder);
onClick("continue", () => addPicture(result().picture, null));
onClick("browse", () => browse(current?.place?.folder ?? ""));
onClick("fit", () => viewer.fit());
onClick("hundred", () => viewer.hundred());
onClick("next", () => step(1));
onClick("previous", () => step(-1));
onClick("help", () => $("keys").showModal());
onClick("brush", () => selectTool("brush"));
onClick("eraser", () => selectTool("eraser"));
onClick("save-mask", async () => saveAs(await mask.file(), `${current.picture.name.replace(/\.[^.]*$/, "")}_mask.png`));
onClick("stop", async () => {
  if (!confirm("End the server? Pictures that were not downloaded are lost.")) return;
  await call("POST", "stop");
  say("The server has ended.");
});
$("size").addEventListener("input", () => setSize($("size").value));
$("mask").addEventListener("change", reporting(async event => {
  const [file] = event.target.files;
  event.target.value = "";
  mask.load(await createImageBitmap(file));
  viewer.showResult(null);
}));
$("hints").addEventListener("change", reporting(async event => {
  const [file] = event.target.files;
  event.target.value = "";
  hintsLayer = (await upload(file)).id;
  $("hints-name").textContent = file.name;
}));

addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("dragging"); });
addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
addEventListener("drop", event => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  addFiles([...event.dataTransfer.files]);
});
addEventListener("paste", event => {
  const files = [...event.clipboardData.files];
  if (files.length) { event.preventDefault(); addFiles(files); }
});

const takesText = target => target.matches?.("input:not([type=range], [type=checkbox], [type=color]), textarea");

addEventListener("keydown", event => {
  if (takesText(event.target) || $("keys").open || $("folder").open) return;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key;
  if (command) {
    if (key.toLowerCase() === "z") { event.preventDefault(); edit(event.shiftKey ? "redo" : "undo"); }
    if (key === "c" && !getSelection().toString()) reporting(copy)();
    return;
  }
  const middle = [viewer.canvas.width / 2, viewer.canvas.height / 2];
  const actions = {
    R: () => event.shiftKey && run(), Escape: cancel, "?": () => $("keys").showModal(),
    o: () => { viewer.showsOriginal = true; viewer.draw(); }, f: () => viewer.fit(), 1: () => viewer.hundred(),
    "+": () => viewer.zoom(1.25, ...middle), "-": () => viewer.zoom(0.8, ...middle),
    "[": () => setSize(Number($("size").value) / 1.2 - 1), "]": () => setSize(Number($("size").value) * 1.2 + 1),
    e: () => selectTool(tool === "brush" ? "eraser" : "brush"), n: () => step(1), p: () => step(-1),
    ArrowLeft: () => viewer.setSplit(viewer.split - 0.01), ArrowRight: () => viewer.setSplit(viewer.split + 0.01),
  };
  if (key === " " && !event.target.matches("button, summary, select")) {
    event.preventDefault();
    viewer.spaceHeld = true;
    viewer.canvas.style.cursor = "grab";
  } else if (actions[key] && !(key.startsWith("Arrow") && event.target.matches("input, select"))) {
    reporting(actions[key])();
  }
});
addEventListener("keyup", event => {
  if (event.key === "o") { viewer.showsOriginal = false; viewer.draw(); }
  if (event.key === " ") { viewer.spaceHeld = false; viewer.canvas.style.cursor = task === "denoise" ? "grab" : "crosshair"; }
});

$("shared").replaceChildren(...options.shared.map(option => control(option, "shared")));
selectTask("denoise");
json("GET", "server").then(found => {
  server = found;
  document.title = `restore ${server.version}`;
  $("browse").hidden = !server.folder;
}).catch(error => say(error.message, true));
