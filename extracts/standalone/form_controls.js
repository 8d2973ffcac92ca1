// The parts that fields are made of. Text becomes text, never markup: nothing here or elsewhere sets HTML.
const Controls = (() => {
  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const idOf = (path) => `f-${path.join("--")}`;
  const LABELS = {
    request_id: "Request id",
    leaves_uk: "Leaves the United Kingdom",
    dpia: "Data protection impact assessment (DPIA)",
    privacy_notice_ref: "Address of the privacy notice",
    ref: "Reference",
    agreement_ref: "Agreement that this falls under",
    authority_ref: "Authority that permits it",
    article_6: "Lawful basis: article 6",
    article_9: "Special category data: article 9",
    schedule_1_paragraph: "Paragraph of Schedule 1",
    part_3_applies: "Law enforcement (Part 3) applies",
    k: "Smallest group of people (k)",
    cron: "Schedule in cron words",
  };
  const words = (name) => {
    if (Object.hasOwn(LABELS, name)) return LABELS[name];
    const plain = String(name).replaceAll("_", " ");
    return plain.charAt(0).toUpperCase() + plain.slice(1);
  };

  // A label, a hint, a control, and room for what is wrong with it.
  function field({ path, label, hint, optional, control, kind = "label" }) {
    const id = idOf(path);
    const hintId = `${id}-hint`;
    const named = kind === "label" ? el("label", { for: id }, label) : el("span", { class: "label", id: `${id}-label` }, label);
    if (optional) named.append(" ", el("span", { class: "optional" }, "(may be left out)"));
    if (!control.id) control.id = id;
    control.dataset.path = path.join(".");
    control.dataset.hint = hint ? hintId : "";
    if (hint) control.setAttribute("aria-describedby", hintId);
    if (kind !== "label") control.setAttribute("aria-labelledby", `${id}-label`);
    return el("div", { class: "field", "data-field": path.join(".") }, named, hint ? el("p", { class: "hint", id: hintId }, hint) : null, control);
  }

  function textInput(value, onchange, attributes = {}) {
    const input = el("input", { type: "text", spellcheck: "false", oninput: () => onchange(input.value), ...attributes });
    input.value = value ?? "";
    return input;
  }

  function textArea(value, onchange, attributes = {}) {
    const area = el("textarea", { rows: 3, oninput: () => onchange(area.value), ...attributes });
    area.value = value ?? "";
    return area;
  }

  // `options`: value -> words. A value that is not among them, from a file, stays until somebody chooses another.
  function select(value, options, empty, onchange) {
    const given = value === undefined || value === null ? "" : String(value);
    const made = el("select", { onchange: () => onchange(made.value) }, el("option", { value: "" }, empty));
    for (const [name, said] of Object.entries(options)) made.append(el("option", { value: name }, said));
    if (given && !(given in options)) made.append(el("option", { value: given }, `${given} (not in this catalogue)`));
    made.value = given;
    return made;
  }

  function choices(path, chosen, options, onchange) {
    const group = el("div", { role: "group", id: idOf(path) });
    for (const name of options) {
      const id = `${idOf(path)}--${name.replace(/\W+/g, "-")}`;
      const box = el("input", { type: "checkbox", id, value: name, onchange: () => onchange(options.filter((one) => group.querySelector(`input[value="${CSS.escape(one)}"]`).checked)) });
      box.checked = (chosen || []).includes(name);
      group.append(el("div", { class: "choice" }, box, el("label", { for: id }, name)));
    }
    return group;
  }

  const button = (said, onclick, attributes = {}) => el("button", { type: "button", class: "small", onclick, ...attributes }, said);
  const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
  return { el, idOf, words, field, textInput, textArea, select, choices, button, linesOf };
})();
