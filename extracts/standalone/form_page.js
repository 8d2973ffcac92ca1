// Puts the page together: one request, drawn and checked; faults beside each field and in a list; opened and saved.
const Page = (() => {
  const { el, idOf } = Controls;
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const place = (id) => document.getElementById(id);
  let request = fresh();
  let showAll = false;
  let waiting = 0;
  const touched = new Set();

  // The groups that every request has, empty, so that their fields can be filled in; lists that must be there, too.
  function fresh() {
    const made = { version: 1 };
    for (const name of facts.schema.required) {
      const node = Schema.resolve(facts.schema, facts.schema.properties[name]);
      if (node.type === "object") made[name] = {};
      if (node.type === "array") made[name] = name === "datasets" || name === "controllers" ? [{}] : [];
    }
    for (const inner of facts.schema.$defs.PurposeAsked.required) if (inner === "public_benefits") made.purpose[inner] = [];
    made.datasets = [{ columns: [] }];
    return made;
  }

  const get = (path) => path.reduce((value, name) => (value === undefined || value === null ? undefined : value[name]), request);
  const parent = (path) => path.slice(0, -1).reduce((value, name) => (value[name] === undefined ? (value[name] = {}) : value[name]), request);

  function put(path, value, redrawing = false) {
    parent(path)[path[path.length - 1]] = value;
    if (value === undefined) delete parent(path)[path[path.length - 1]];
    changed(path, redrawing || path.join(".") === "identifiability");
  }

  function remove(path, redrawing = false) {
    delete parent(path)[path[path.length - 1]];
    changed(path, redrawing);
  }

  function changed(path, redrawing) {
    touched.add(path.join("."));
    if (redrawing) redraw();
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  }

  const form = { schema: facts.schema, datasets: facts.datasets, treatments: facts.treatments, choices: facts.choices, get, put, remove };

  function redraw() {
    const active = document.activeElement && document.activeElement.id;
    place("request").replaceChildren(...Fields.whole(form));
    const again = active && place(active);
    if (again) again.focus({ preventScroll: true });
  }

  // The fields in the schema's order, whatever the order in which they were filled in.
  function ordered(value, raw) {
    const node = Fields.settle(facts.schema, raw);
    if (Array.isArray(value)) return value.map((one) => ordered(one, node.items || {}));
    if (!Schema.isGroup(value) || !node.properties) return value;
    const names = [...Object.keys(node.properties).filter((name) => Schema.has(value, name)), ...Object.keys(value).filter((name) => !Schema.has(node.properties, name))];
    return Object.fromEntries(names.map((name) => [name, ordered(value[name], node.properties[name] || {})]));
  }

  const written = () => ordered(request, facts.schema);
  const problems = (given) => {
    const found = [...Schema.problems(facts.schema, given), ...Rules.problems(given)];
    return found.filter((one, at) => found.findIndex((other) => other.path.join(".") === one.path.join(".")) === at);
  };

  function show() {
    clearTimeout(waiting);
    const found = problems(written());
    document.querySelectorAll(".fault").forEach((one) => one.remove());
    document.querySelectorAll("[aria-invalid]").forEach(clear);
    found.filter((one) => showAll || touched.has(one.path.join("."))).forEach(mark);
    if (showAll) list(found);
    place("said").textContent = found.length ? `${found.length} still to be mended or filled in.` : "Complete: every field has the form that it needs. Whether it can be granted is the Board's to say.";
    place("yaml").textContent = Yaml.write(written());
    return found;
  }

  function clear(control) {
    control.removeAttribute("aria-invalid");
    if (control.dataset.hint) control.setAttribute("aria-describedby", control.dataset.hint);
    else control.removeAttribute("aria-describedby");
  }

  // The control of a path, or of the nearest group around it.
  function controlOf(path) {
    for (let length = path.length; length > 0; length -= 1) {
      const found = document.querySelector(`[data-path="${CSS.escape(path.slice(0, length).join("."))}"]`);
      if (found) return found;
    }
    return place("request");
  }

  function mark(fault) {
    const control = controlOf(fault.path);
    const id = `${idOf(fault.path)}-fault`;
    const about = control.dataset.path === fault.path.join(".") ? "" : `${fault.path[fault.path.length - 1]}: `;
    const said = el("p", { class: "fault", id }, about + fault.message);
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), id].filter(Boolean).join(" "));
    if (control.tagName === "FIELDSET") control.querySelector("legend").after(said);
    else control.after(said);
  }

  function list(found) {
    place("faults").hidden = found.length === 0;
    place("faults-list").replaceChildren(...found.map((fault) => {
      const control = controlOf(fault.path);
      const link = el("a", { href: `#${control.id}`, onclick: (event) => { event.preventDefault(); control.focus(); control.scrollIntoView({ block: "center" }); } }, `${fault.path.join(" › ").replaceAll("_", " ")}: ${fault.message}`);
      return el("li", {}, link);
    }));
  }

  function checkAll() {
    showAll = true;
    if (show().length) place("faults").focus();
  }

  function load(given) {
    request = { ...fresh(), ...JSON.parse(JSON.stringify(given)) };
    touched.clear();
    redraw();
    show();
  }

  function save() {
    const found = show();
    const name = typeof request.request_id === "string" && /^[A-Z0-9-]{1,24}$/.test(request.request_id) ? request.request_id : "request";
    const address = URL.createObjectURL(new Blob([Yaml.write(written())], { type: "application/yaml" }));
    const link = el("a", { href: address, download: `${name}.yaml` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    place("said").textContent = found.length ? `Saved as a draft, ${name}.yaml: ${found.length} still to be mended. Open it here again to go on.` : `Saved as ${name}.yaml. Send it, or check it by: extracts request check ${name}.yaml`;
  }

  async function open(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      load(Yaml.read(await file.text()));
      place("said").textContent = `Opened ${file.name}. ${place("said").textContent}`;
    } catch (error) {
      clearTimeout(waiting); // or what is due to be said of the fields would replace this
      place("said").textContent = `${file.name} was not opened. ${error.message}`;
    }
  }

  place("check").addEventListener("click", checkAll);
  place("save").addEventListener("click", save);
  place("open-file").addEventListener("change", open);
  place("request").addEventListener("submit", (event) => event.preventDefault());
  if (facts.begun) load(facts.begun);
  else { redraw(); show(); }
  return { load, written, problems, yaml: () => Yaml.write(written()) };
})();
window.requestForm = Page;
