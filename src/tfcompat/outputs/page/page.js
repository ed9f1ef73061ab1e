"use strict";
// Looks up what the rulebook of tfcompat said when this page was made, and shows it. It judges nothing itself:
// what is compared here are numbers of verdicts, and versions of drivers to find the class that was judged.

const D = JSON.parse(document.getElementById("matrix").textContent);
const ERROR = D.levels.indexOf("error"), UNKNOWN = D.levels.indexOf("unknown"), WARNING = D.levels.indexOf("warning");
const OWN_BUILD = D.recipes.indexOf("ngc"), OFFICIAL = D.recipes.indexOf("official");
const LEVEL = 1, MESSAGE = 2, REMEDY = 3, EVIDENCE = 4, FACTS = 5; // of a finding; its rule is the first

// -- looking up -----------------------------------------------------------------------------------

/** What stands at a place of a list that is written as how many, of what, how many, of what. */
function at(runs, place) {
  for (let i = 0; i < runs.length; i += 2) {
    place -= runs[i];
    if (place < 0) return runs[i + 1];
  }
  return 0;
}

function compare(left, right) {
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference) return difference;
  }
  return 0;
}

/** The numbers of a driver's version, or null for what is none. */
function parseDriver(text) {
  return /^\d{1,5}(\.\d{1,5}){0,2}$/.test(text) ? text.split(".").map(Number) : null;
}

/** As NVIDIA writes it. */
function driverText(parts) {
  return parts.map((part, i) => (i < 2 ? String(part) : String(part).padStart(2, "0"))).join(".");
}

/** The class of a driver: of those that nothing tells apart, the one that was judged. */
function driverClass(parts) {
  const [starts, classes] = D.drivers[parts.length - 1];
  let found = 0;
  while (found + 1 < starts.length && compare(starts[found + 1], parts) <= 0) found++;
  return classes[found];
}

const setAt = (row, place) => D.sets[at(D.rows[row], place)];
const rejects = (found) => found.some(({ finding }) => D.findings[finding][LEVEL] === ERROR);

// -- combining ------------------------------------------------------------------------------------

/** A choice with what it stands for: the GPUs, the class of the driver, the numbers of Python and Keras. */
function understand(choice) {
  const gpu = choice.accelerator === "gpu";
  const parts = gpu && choice.driver ? parseDriver(choice.driver) : null;
  const keras = Math.max(D.keras.findIndex(([text]) => text === (choice.keras || "")), 0);
  const named = !gpu && D.keras[keras][1] ? " tf-keras" : "";
  return {
    gpus: gpu ? choice.gpus.map((number) => D.gpus[number]) : [],
    parts,
    driver: parts && driverClass(parts),
    python: choice.python ? D.pythons.indexOf(choice.python) : null,
    keras,
    releases: D.worlds[`${choice.accelerator} ${choice.platform}${named}`],
  };
}

/** What is found of a release beside the GPUs and the driver, whatever image it is in. */
function besideHost(known, release) {
  const found = [];
  for (const gpu of known.gpus) {
    const sets = [setAt(release[6], gpu[2])];
    if (known.driver !== null) {
      sets.push(setAt(at(D.grids[release[7]], known.driver), gpu[2]), setAt(at(D.grids[D.gpu_driver], known.driver), gpu[2]));
    }
    for (const finding of sets.flat()) found.push({ finding, gpu });
  }
  return found;
}

/** Of findings by the same rule about several GPUs together the gravest: they all have to be served. */
function gravest(found) {
  const kept = new Map();
  for (const one of found) {
    const [rule, level] = D.findings[one.finding];
    if (!kept.has(rule) || level > D.findings[kept.get(rule).finding][LEVEL]) kept.set(rule, one);
  }
  return [...kept.values()];
}

/** What is found of an image with its CUDA and a release in it, beside the GPUs and the driver. */
function besideOffer(known, place, remark) {
  const found = D.sets[remark[0]].map((finding) => ({ finding }));
  for (const gpu of known.gpus) for (const finding of setAt(place[9], gpu[2])) found.push({ finding, gpu });
  const together = [];
  if (known.driver !== null) {
    const row = at(D.grids[place[10]], known.driver);
    const places = known.gpus.length ? known.gpus.map((gpu) => gpu[2] + 1) : [0];
    for (const one of places) for (const finding of setAt(row, one)) together.push({ finding, gpu: known.gpus[0] });
  }
  for (const gpu of known.gpus) {
    for (const other of known.gpus) {
      if (gpu[3] > other[3] || !D.pairs.length) continue;
      for (const finding of setAt(D.pairs[remark[1]]?.[gpu[3]] ?? 0, other[3])) together.push({ finding, gpu, other });
    }
  }
  return [...found, ...gravest(together)];
}

/** Everything there is of a release on one interpreter: candidates, and what stood in the way of the others. */
function onPython(known, release, host, number) {
  const entry = release[8][number];
  if (!entry) return { candidates: [], stage: 0, reasons: [] };
  const [rejected, choices, offers, remarks, missing] = entry;
  const about = { release, python: D.pythons[number] };
  const told = (set) => D.sets[set].map((finding) => ({ finding, ...about }));
  if (D.sets[rejected].length) return { candidates: [], stage: 1, reasons: told(rejected) };
  const [keras, said] = D.choice[D.choices[choices][known.keras]];
  if (rejects(told(said))) {
    const inside = release[2] ? { place: D.places[D.offer[D.offers[offers][0]][0]] } : {}; // NVIDIA's own: there is one image
    return { candidates: [], stage: 2, reasons: told(said).map((one) => ({ ...one, ...inside })) };
  }
  const candidates = [], reasons = told(missing), done = new Set();
  D.offers[offers].forEach((offer, i) => {
    const [placeNumber, order] = D.offer[offer], place = D.places[placeNumber], remark = D.remark[D.remarks[remarks][i]];
    if (done.has(place[2]) || (known.python !== null && place[2] === OFFICIAL && !place[4])) return;
    const found = [...besideOffer(known, place, remark), ...host, ...told(said)].map((one) => ({ ...one, ...about, place }));
    if (rejects(found)) {
      reasons.push(...found.filter(({ finding }) => D.findings[finding][LEVEL] === ERROR));
      return;
    }
    done.add(place[2]);
    candidates.push({ release, number, place, order, keras, found, need: needed(known, remark[2]) });
  });
  return { candidates, stage: 3, reasons };
}

/** The driver that the host must have: the highest floor and the lowest end of what each GPU needs. */
function needed(known, row) {
  const cells = known.gpus.length ? known.gpus.map((gpu) => gpu[3] + 1) : [0];
  let floor = null, last = null;
  for (const cell of cells) {
    const [from, to] = D.needs[at(D.rows[row], cell)] ?? [null, null];
    if (from && (!floor || compare(from, floor) > 0)) floor = from;
    if (to !== null && (last === null || to < last)) last = to;
  }
  return [floor && `>=${driverText(floor)}`, last !== null && `<${last + 1}`].filter(Boolean).join(",");
}

const levelsOf = (candidate) => candidate.found.map(({ finding }) => D.findings[finding][LEVEL]);
const doubtful = (candidate) => levelsOf(candidate).includes(UNKNOWN);

/** In the resolver's order, best first. */
function ranked(candidates) {
  const key = (c) => [Number(doubtful(c)), c.release[2], levelsOf(c).filter((l) => l === WARNING).length, c.order];
  return candidates.map((c) => [key(c), c]).sort(([a], [b]) => compare(a, b)).map(([, c]) => c);
}

/** Every version of TensorFlow, newest first: its outcome, the candidates (one of each recipe) and what stands in the way. */
function judge(choice) {
  const known = understand(choice);
  const rows = D.versions.map((version) => ({ version, wheels: [], own: [] }));
  for (const release of known.releases) {
    const row = rows[release[1]], host = besideHost(known, release);
    const alone = [...D.sets[release[5]].map((finding) => ({ finding })), ...host].map((one) => ({ ...one, release }));
    if (rejects(alone)) {
      (release[2] ? row.own : row.wheels).push({
        candidates: [], stage: 0, reasons: alone.filter(({ finding }) => D.findings[finding][LEVEL] === ERROR),
      });
      continue;
    }
    const numbers = known.python === null ? Object.keys(release[8]).map(Number) : [known.python];
    for (const number of numbers) {
      (release[2] ? row.own : row.wheels).push(onPython(known, release, host, number));
    }
  }
  return rows.map(concluded);
}

function concluded(row) {
  const wheels = row.wheels.flatMap((tried) => tried.candidates), own = row.own.flatMap((tried) => tried.candidates);
  const candidates = [], recipes = new Set();
  for (const candidate of ranked(wheels.some((c) => !doubtful(c)) ? wheels : [...wheels, ...own])) {
    if (!recipes.has(candidate.place[2])) candidates.push(candidate);
    recipes.add(candidate.place[2]);
  }
  const best = candidates[0];
  const outcome = !best ? "not" : doubtful(best) ? "open" : levelsOf(best).includes(WARNING) ? "luck" : "fits";
  return { version: row.version, outcome, candidates, reasons: [...furthest(row.wheels), ...furthest(row.own)] };
}

/** The reasons of the attempts that came furthest: that there is no wheel for Python 3.5 says little to who takes any. */
function furthest(tried) {
  const stage = Math.max(...tried.filter(({ reasons }) => reasons.length).map((one) => one.stage));
  const said = new Map();
  for (const one of tried.filter((t) => t.stage === stage).flatMap(({ reasons }) => reasons)) {
    const key = [one.finding, one.release[0], one.gpu?.[0], one.other?.[0]].join("|");
    if (!said.has(key)) said.set(key, { ...one, also: 0 });
    else if (one.place && said.get(key).place !== one.place) said.get(key).also++;
  }
  return [...said.values()];
}

// -- sentences ------------------------------------------------------------------------------------

/** The sentence of a finding, with the names of what it is about. */
function sentence(one, choice) {
  const parts = choice.driver && parseDriver(choice.driver);
  const names = {
    "\x01": one.gpu?.[1], "\x02": one.other?.[1], "\x03": parts && driverText(parts),
    "\x04": one.place && one.place[0] + one.place[1], "\x05": one.release[0],
    "\x06": one.place?.[5], "\x07": one.place?.[6], "\x08": one.python,
  };
  // eslint-disable-next-line no-control-regex
  return D.messages[D.findings[one.finding][MESSAGE]].replace(/[\x01-\x08]/g, (mark) => names[mark] ?? "?");
}

/** The statements behind a finding: its own, then those of the facts it is about. */
function statements(one) {
  const finding = D.findings[one.finding], lists = [finding[EVIDENCE]];
  const [release, gpu, image, cuda, cudnn] = [1, 2, 4, 8, 16].map((bit) => finding[FACTS] & bit);
  if (release) lists.push(one.release[3]);
  if (gpu && one.gpu) lists.push(one.gpu[4], ...(one.other ? [one.other[4]] : []));
  if (one.place && (image || ((cuda || cudnn) && !one.place[7]))) lists.push(one.place[8]);
  if (one.place?.[7] && (cuda || cudnn)) lists.push(one.release[4]);
  return [...new Set(lists.flatMap((list) => D.evidence[list]))].map((number) => D.statements[number]);
}

/** For tests and for the curious: every version with its outcome and sentences, as plain values. */
function answer(choice) {
  const told = (one) => [D.rules[D.findings[one.finding][0]][0], D.levels[D.findings[one.finding][LEVEL]], sentence(one, choice)];
  return judge(choice).map(({ version, outcome, candidates, reasons }) => ({
    version,
    outcome,
    reasons: reasons.map(told),
    images: candidates.map((c) => ({
      reference: c.place[0], recipe: D.recipes[c.place[2]], python: c.place[4], cuda: c.place[5], cudnn: c.place[6],
      keras: c.keras, need: c.need, package: c.release[0], found: c.found.map(told), command: command(choice, version, c, c !== candidates[0]),
    })),
  }));
}

const quoted = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The command that writes the Dockerfile of a candidate. */
function command(choice, version, candidate, other) {
  const words = ["tfcompat", "resolve", "--tensorflow", `'==${version}'`];
  if (choice.accelerator === "cpu") words.push("--cpu");
  else if (!choice.gpus.length) words.push("--gpu");
  else for (const number of choice.gpus) words.push("--gpu", quoted(D.gpus[number][0]));
  if (choice.accelerator === "gpu" && choice.driver && parseDriver(choice.driver)) words.push("--driver", choice.driver);
  if (choice.python) words.push("--python", choice.python);
  if (choice.keras) words.push("--keras", choice.keras);
  if (choice.platform !== D.platforms[0]) words.push("--platform", choice.platform);
  if (other) words.push("--base", D.recipes[candidate.place[2]]);
  return [...words, "--format", "dockerfile"].join(" ");
}

// -- showing --------------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);
const VERDICTS = { fits: "✓ Fits", luck: "! Fits, with a warning", open: "? Not established", not: "✗ Does not fit" };
const SHOWN = 2; // reasons before the rest is folded

/** An element with attributes and children; text is text, never markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** Something folded, filled when it is first opened. */
function folded(title, fill) {
  const details = make("details", {}, make("summary", {}, title));
  details.addEventListener("toggle", () => details.children.length === 1 && details.append(...fill()), { once: true });
  return details;
}

/** A statement with its address, where it has one, to follow. */
function statementItem(text) {
  const item = make("li");
  for (const part of text.split(/(https:\/\/[^\s,;)]+)/)) {
    item.append(part.startsWith("https://") ? make("a", { href: part, rel: "noreferrer noopener" }, part) : part);
  }
  return item;
}

const evidenceList = (lines) => (lines.length ? make("ul", { class: "evidence" }, ...lines.map(statementItem)) : make("p", {}, "No statement is recorded."));

function reasonItem(one, choice) {
  const [rule, , , remedyNumber] = D.findings[one.finding], [id, title, why, page] = D.rules[rule], remedy = D.remedies[remedyNumber];
  const also = one.also ? ` The same goes for ${one.also} other ${one.also === 1 ? "image" : "images"}.` : "";
  return make("li", {}, `${sentence(one, choice)}.${also}`, folded(`Why: ${id}`, () => [
    make("div", {},
      make("p", {}, make("strong", {}, title), `. ${why}`),
      remedy ? make("p", {}, `What to do: ${remedy}.`) : null,
      page ? make("p", {}, "The rule's page: ", make("code", {}, page)) : null,
      make("p", {}, "Evidence:"), evidenceList(statements(one))),
  ]));
}

function reasonList(reasons, choice) {
  const items = reasons.map((one) => reasonItem(one, choice)), rest = items.slice(SHOWN);
  const list = [make("ul", { class: "reasons" }, ...items.slice(0, SHOWN))];
  if (rest.length) list.push(folded(`${rest.length} more ${rest.length === 1 ? "reason" : "reasons"}`, () => [make("ul", { class: "reasons" }, ...rest)]));
  return list;
}

function commandLine(text) {
  const code = make("code", {}, text), button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
  return make("div", { class: "command" }, code, button);
}

/** An image in a sentence: what to start from, and what comes with it. */
function described(candidate, choice) {
  const [reference, , , from, python, cuda, cudnn, pip] = candidate.place, release = candidate.release[0];
  const parts = [python && `Python ${python}${from === "uv" ? " by uv" : ""}`];
  if (cuda) parts.push(`CUDA ${cuda}${cudnn ? ` and cuDNN ${cudnn}` : ""}${pip ? ` by pip, ${release.replace(" ", "[and-cuda] ")}` : ""}`);
  if (candidate.keras) parts.push(candidate.keras);
  if (candidate.need && !choice.driver) parts.push(`driver ${candidate.need}`);
  return make("p", {}, make("code", {}, reference), `: ${parts.filter(Boolean).join(", ")}`);
}

function evidenceOf(candidate) {
  const lists = [candidate.release[3], candidate.release[4], candidate.place[8]];
  return [...new Set(lists.flatMap((list) => D.evidence[list]))].map((number) => D.statements[number]);
}

function whyCell({ version, outcome, candidates, reasons }, choice) {
  if (outcome === "not") return reasonList(reasons, choice);
  const [best] = candidates, level = outcome === "open" ? UNKNOWN : WARNING;
  const said = best.found.filter(({ finding }) => D.findings[finding][LEVEL] === level);
  const images = folded(`${candidates.length === 1 ? "The command" : `${candidates.length} images and their commands`} for ${version}`, () => [
    make("div", {}, ...candidates.flatMap((c) => [described(c, choice), commandLine(command(choice, version, c, c !== best))])),
  ]);
  const evidence = folded(`Evidence for ${version}`, () => [evidenceList(evidenceOf(best))]);
  return [described(best, choice), ...(outcome === "fits" ? [] : reasonList(said, choice)), images, evidence];
}

function asked(choice) {
  if (choice.accelerator === "cpu") return "the CPU";
  const gpus = choice.gpus.map((number) => D.gpus[number][1]).join(" and ") || "any GPU";
  const driver = choice.driver && parseDriver(choice.driver) ? `driver ${choice.driver}` : "a driver that is new enough";
  return `${gpus} with ${driver}`;
}

function count(rows, choice) {
  const number = (...outcomes) => rows.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const fit = number("fits", "luck"), open = number("open");
  const first = rows.find(({ outcome }) => outcome === "fits" || outcome === "luck");
  const extras = [choice.python && `Python ${choice.python}`, choice.keras && `Keras ${choice.keras}`, choice.platform].filter(Boolean);
  return `${fit} of ${rows.length} releases fit ${[asked(choice), ...extras].join(", ")}. ` +
    (first ? `The newest is TensorFlow ${first.version}. ` : "") + (open ? `${open} more ${open === 1 ? "is" : "are"} not established. ` : "") +
    `${number("not")} do not fit.`;
}

/** The newest release that fits; where none does, what stands in the way most often. */
function showBest(rows, choice) {
  const best = rows.find(({ outcome }) => outcome === "fits" || outcome === "luck") ?? rows.find(({ outcome }) => outcome === "open");
  const box = $("best");
  box.className = best?.outcome ?? "not";
  if (best) {
    const [candidate] = best.candidates;
    const level = best.outcome === "open" ? UNKNOWN : WARNING;
    const said = candidate.found.filter(({ finding }) => D.findings[finding][LEVEL] === level).map((one) => make("p", {}, `${sentence(one, choice)}.`));
    box.replaceChildren(
      make("h3", {}, `TensorFlow ${best.version} `, make("span", { class: "verdict" }, VERDICTS[best.outcome])),
      described(candidate, choice), ...(best.outcome === "fits" ? [] : said),
      make("p", {}, "This writes its Dockerfile:"), commandLine(command(choice, best.version, candidate, false)));
    return;
  }
  const times = new Map();
  for (const { reasons } of rows) {
    for (const id of new Set(reasons.map(({ finding }) => D.rules[D.findings[finding][0]][0]))) times.set(id, (times.get(id) ?? 0) + 1);
  }
  const most = [...times].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([id, n]) => `${id} (${n} releases)`);
  box.replaceChildren(make("h3", {}, "Nothing fits"), make("p", {}, `What stands in the way most often: ${most.join(", ")}. The table says it for each release.`));
}

/** One word a minor: that of its best patch release. */
function showGlance(rows) {
  const order = ["fits", "luck", "open", "not"], minors = new Map();
  for (const { version, outcome } of rows) {
    const minor = version.split(".").slice(0, 2).join("."), before = minors.get(minor) ?? "not";
    minors.set(minor, order.indexOf(outcome) < order.indexOf(before) ? outcome : before);
  }
  $("glance").replaceChildren(...[...minors].map(([minor, outcome]) => {
    const [sign, ...words] = VERDICTS[outcome].split(" ");
    return make("li", { class: `verdict ${outcome}` }, `${sign} ${minor}`, make("span", { class: "said" }, ` ${words.join(" ")}`));
  }));
}

function show() {
  const rows = judge(choice), only = choice.show === "fits";
  $("count").textContent = count(rows, choice);
  showBest(rows, choice);
  showGlance(rows);
  const shown = rows.filter(({ outcome }) => !only || outcome !== "not");
  $("judged").tBodies[0].replaceChildren(...shown.map((row) => make("tr", { class: row.outcome },
    make("th", { scope: "row" }, row.version),
    make("td", {}, make("span", { class: "verdict" }, VERDICTS[row.outcome])),
    make("td", {}, ...whyCell(row, choice)))));
}

// -- picking --------------------------------------------------------------------------------------

const START = { accelerator: "gpu", gpus: [], driver: "", python: "", keras: "", platform: D.platforms[0], show: "all" };
let choice = { ...START };

/** The number of the GPU of this name; null where there is none. */
function findGpu(text) {
  const plain = text.toLowerCase().replace(/[^a-z0-9]+/g, "");
  const names = Object.hasOwn(D.names, plain) ? plain : plain.replace(/^(nvidia|geforce|tesla|quadro)+/, "");
  return Object.hasOwn(D.names, names) ? D.names[names] : null;
}

function addGpu() {
  const input = $("gpu"), text = input.value.trim(), help = $("gpu-help");
  if (!text) return;
  const number = findGpu(text), plain = text.toLowerCase().replace(/[^a-z0-9]+/g, "");
  const several = number === null && Object.hasOwn(D.ambiguous, plain) ? D.ambiguous[plain] : null;
  complain(input, help, number !== null ? "" : several
    ? `“${text}” stands for several GPUs: write the compute capability, ${several.join(" or ")}.`
    : `“${text}” is not a GPU that the matrix knows: write the name on the box, or a compute capability such as 8.6.`);
  if (number === null) return;
  input.value = "";
  change({ gpus: choice.gpus.includes(number) ? choice.gpus : [...choice.gpus, number] });
}

const helps = new Map();

/** What is wrong with a field, in the place of its help; nothing brings the help back. */
function complain(input, help, wrong) {
  if (!helps.has(help)) helps.set(help, [...help.childNodes]);
  help.classList.toggle("wrong", Boolean(wrong));
  help.replaceChildren(...(wrong ? [wrong] : helps.get(help)));
  if (wrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function change(what) {
  choice = { ...choice, ...what };
  write();
  reflect();
  show();
}

/** The fields say what the choice is. */
function reflect() {
  const form = $("choices");
  form.accelerator.value = choice.accelerator;
  for (const field of document.querySelectorAll(".of-gpu")) field.hidden = choice.accelerator === "cpu";
  for (const name of ["driver", "python", "keras", "platform"]) form[name].value = choice[name];
  for (const radio of document.querySelectorAll("input[name=show]")) radio.checked = radio.value === choice.show;
  complain($("driver"), $("driver-help"), choice.driver && !parseDriver(choice.driver)
    ? `“${choice.driver}” is not a driver: write for instance 535.183.01. It is left out for now.` : "");
  $("picked").hidden = !choice.gpus.length;
  $("picked").replaceChildren(...choice.gpus.map((number) => {
    const button = make("button", { type: "button", "aria-label": `Remove ${D.gpus[number][1]}` }, `${D.gpus[number][1]} ×`);
    button.addEventListener("click", () => {
      change({ gpus: choice.gpus.filter((other) => other !== number) });
      $("gpu").focus();
    });
    return make("li", {}, button);
  }));
}

/** The choice as the fragment of the address, so that a link brings it back. */
function write() {
  const words = new URLSearchParams();
  if (choice.accelerator === "cpu") words.set("on", "cpu");
  for (const number of choice.gpus) words.append("gpu", D.gpus[number][0]);
  for (const name of ["driver", "python", "keras"]) if (choice[name]) words.set(name, choice[name]);
  for (const name of ["platform", "show"]) if (choice[name] !== START[name]) words.set(name, choice[name]);
  history.replaceState(null, "", `#${words}`);
}

function read() {
  const words = new URLSearchParams(location.hash.slice(1));
  const among = (name, values) => (values.includes(words.get(name)) ? words.get(name) : START[name]);
  choice = {
    accelerator: words.get("on") === "cpu" ? "cpu" : "gpu",
    gpus: [...new Set(words.getAll("gpu").map(findGpu).filter((number) => number !== null))].slice(0, 8),
    driver: (words.get("driver") ?? "").trim().slice(0, 20),
    python: among("python", D.pythons),
    keras: among("keras", D.keras.map(([text]) => text)),
    platform: among("platform", D.platforms),
    show: among("show", ["fits"]),
  };
}

function start() {
  const option = (value, text) => make("option", { value }, text ?? value);
  const kerases = { "": "any", 3: "3", 2: "2, through tf.keras" };
  $("gpu-names").append(...D.gpus.map(([name]) => option(name)));
  $("driver-names").append(...D.suggested.map((text) => option(text)));
  $("python").append(option("", "any"), ...D.pythons.map((text) => option(text)));
  $("keras").append(...D.keras.map(([text]) => option(text, kerases[text] ?? text)));
  $("platform").append(...D.platforms.map((text) => option(text)));
  for (const radio of document.querySelectorAll("input[type=radio]")) {
    radio.addEventListener("change", () => change({ [radio.name]: radio.value }));
  }
  for (const name of ["driver", "python", "keras", "platform"]) {
    $(name).addEventListener(name === "driver" ? "input" : "change", () => change({ [name]: $(name).value.trim() }));
  }
  $("add-gpu").addEventListener("click", addGpu);
  $("gpu").addEventListener("change", addGpu);
  $("choices").addEventListener("submit", (event) => {
    event.preventDefault();
    addGpu();
  });
  $("choices").addEventListener("reset", (event) => {
    event.preventDefault();
    $("gpu").value = "";
    complain($("gpu"), $("gpu-help"), "");
    change(START);
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("answer").focus();
  });
  addEventListener("hashchange", () => {
    read();
    reflect();
    show();
  });
  $("choices").hidden = $("answer").hidden = false;
  read();
  reflect();
  show();
}

globalThis.tfcompat = { answer };
start();
