// The heart of a request: which columns of which dataset, each with its treatment and its reason, and which rows.
const Datasets = (() => {
  const { el, idOf, words, field, textInput, textArea, select, button, linesOf } = Controls;
  const OPERATORS = {
    equals: "is",
    in: "is one of (one a line)",
    between: "lies between two values, both included (one a line)",
    before: "is less or earlier than",
    after: "is more or later than",
    is_null: "has no value",
  };

  function draw(form) {
    const asked = form.get(["datasets"]) || [];
    const made = el("fieldset", { id: idOf(["datasets"]), "data-path": "datasets", tabindex: "-1" }, el("legend", {}, "Datasets, columns and rows"), el("p", { class: "hint" }, "What is asked of each dataset. Only the columns that you tick leave the source, each in the treatment that you choose. Ask for the coarsest one that serves."));
    asked.forEach((one, at) => made.append(dataset(form, one, at, asked)));
    made.append(button("Ask of another dataset", () => form.put(["datasets"], [...asked, { columns: [] }], true), { "data-add": "datasets" }));
    return made;
  }

  function dataset(form, asked, at, all) {
    const path = ["datasets", at];
    const known = form.datasets.find((one) => one.name === asked.dataset);
    const node = Schema.resolve(form.schema, { $ref: "#/$defs/DatasetAsked" });
    const made = el("fieldset", {}, el("legend", {}, `Dataset ${at + 1}`));
    const names = Object.fromEntries(Object.entries(form.choices.datasets).map(([name, said]) => [name, `${said} (${name})`]));
    made.append(field({ path: [...path, "dataset"], label: "Dataset", hint: node.properties.dataset.description, control: select(asked.dataset, names, "Choose", (given) => form.put([...path, "dataset"], given || undefined, true)) }));
    if (known) made.append(el("p", { class: "hint" }, `${known.description} Owner: ${known.owner}. Promised: loaded at most ${known.max_age_hours} hours ago. Best source for: ${known.authoritative_for.join(", ")}.`));
    for (const name of ["used_for", "address_reason", "safe_address"]) {
      const one = Fields.settle(form.schema, node.properties[name]);
      made.append(field({ path: [...path, name], label: words(name), hint: Fields.hintOf(one), optional: !node.required.includes(name), control: Fields.leaf(form, one, [...path, name]) }));
    }
    made.append(columns(form, asked, path, known), rows(form, asked, path, known));
    made.append(button(`Remove dataset ${at + 1}`, () => form.put(["datasets"], all.filter((_, other) => other !== at), true)));
    return made;
  }

  function columns(form, asked, path, known) {
    const here = [...path, "columns"];
    const made = el("fieldset", { id: idOf(here), "data-path": here.join("."), tabindex: "-1" }, el("legend", {}, "Columns"));
    const strangers = (asked.columns || []).filter((one) => !known || !known.columns.some((column) => column.name === one.name));
    strangers.forEach((one) => made.append(column(form, asked, here, { name: one.name, meaning: "not in this catalogue: the answer will be \"not held\"", treatments: {} })));
    (known ? known.columns : []).forEach((one) => made.append(column(form, asked, here, one)));
    if (!known && !strangers.length) made.append(el("p", { class: "hint" }, "Choose a dataset first."));
    return made;
  }

  function column(form, asked, path, offered) {
    const columns = asked.columns || [];
    const at = columns.findIndex((one) => one.name === offered.name);
    const id = `${idOf(path)}--tick-${offered.name}`;
    const never = Object.keys(offered.treatments).length > 0 && !Object.values(offered.treatments).some((one) => one.length);
    const box = el("input", { type: "checkbox", id, "data-column": offered.name, "aria-describedby": `${id}-hint`, onchange: () => form.put(path, box.checked ? [...columns, { name: offered.name }] : columns.filter((one) => one.name !== offered.name), true) });
    box.checked = at >= 0;
    const about = [offered.meaning, offered.unit && `unit: ${offered.unit}`, offered.classification && `class: ${offered.classification}`, never && "held, never shared: it will be refused"].filter(Boolean).join("; ");
    const made = el("div", { class: "column" }, el("div", { class: "choice" }, box, el("div", {}, el("label", { for: id }, offered.name), el("p", { class: "hint", id: `${id}-hint` }, about))));
    if (at >= 0) made.append(asking(form, columns[at], [...path, at], offered));
    return made;
  }

  function asking(form, column, path, offered) {
    const made = el("div", { class: "asked" });
    const node = Schema.resolve(form.schema, { $ref: "#/$defs/ColumnAsked" });
    const [name, given] = treatmentOf(column.treatment);
    const listed = offered.treatments[form.get(["identifiability"])] || Object.values(offered.treatments).flat();
    const possible = listed.length ? listed : Object.keys(form.treatments); // it will be refused; why is then said to its asker
    const options = Object.fromEntries([...new Set(possible)].map((one) => [one, `${one}: ${form.treatments[one].plain.replace(/\{\w+\}/g, "…")}`]));
    const put = (treatment, values) => form.put([...path, "treatment"], written(form, treatment, values), true);
    made.append(field({ path: [...path, "treatment"], label: `Treatment of ${column.name}`, hint: node.properties.treatment.description || "What is done to it before it leaves.", control: select(name, options, "Choose", (chosen) => put(chosen, [])) }));
    const needs = name && form.treatments[name] ? form.treatments[name].parameters : [];
    if (needs.length) made.append(field({ path: [...path, "treatment", name], label: `${words(needs.join(", "))} of ${column.name}`, hint: `For example ${form.treatments[name].example.join(", ")}; several with commas between.`, control: textInput(given.join(", "), (said) => form.put([...path, "treatment"], written(form, name, said.split(",").map((one) => one.trim()).filter(Boolean))), { class: "short" }) }));
    made.append(field({ path: [...path, "justification"], label: `Why ${column.name} is needed`, hint: node.properties.justification.description, control: Fields.leaf(form, node.properties.justification, [...path, "justification"]) }));
    made.append(field({ path: [...path, "filled_percent"], label: `Smallest share of ${column.name} that must be filled, in percent`, hint: node.properties.filled_percent.description, optional: true, control: Fields.leaf(form, node.properties.filled_percent, [...path, "filled_percent"]) }));
    return made;
  }

  // `year`, or `{age_band: 10}`, or `{band: [0, 50]}` -> name and values.
  function treatmentOf(treatment) {
    if (typeof treatment === "string") return [treatment, []];
    if (!Schema.isGroup(treatment)) return ["", []];
    const [name] = Object.keys(treatment);
    return [name, name === undefined ? [] : [].concat(treatment[name]).map(String)];
  }

  function written(form, name, values) {
    if (!name) return undefined;
    if (!form.treatments[name].parameters.length) return name;
    return { [name]: values.length === 1 ? values[0] : values };
  }

  function rows(form, asked, path, known) {
    const here = [...path, "rows"];
    const conditions = asked.rows || [];
    const made = el("fieldset", { id: idOf(here), "data-path": here.join("."), tabindex: "-1" }, el("legend", {}, "Rows"), el("p", { class: "hint" }, "Conditions that must all hold; without any, every row of the period. A blank satisfies none but \"has no value\"."));
    conditions.forEach((one, at) => made.append(condition(form, one, [...here, at], conditions, known)));
    made.append(button("Add a condition", () => form.put(here, [...conditions, {}], true), { "data-add": here.join(".") }));
    return made;
  }

  function condition(form, found, path, all, known) {
    const at = path[path.length - 1];
    const { column, operator, values, negated } = stated(found);
    const put = (changed, redraw) => form.put(path, stating({ column, operator, values, negated, ...changed }), redraw);
    const options = Object.fromEntries((known ? known.columns : []).map((one) => [one.name, one.name]));
    const said = (name) => ({ path: [...path, name], label: `${words(name)} of condition ${at + 1}` });
    const made = el("div", { class: "condition" });
    made.append(field({ ...said("column"), control: select(column, options, "Choose", (given) => put({ column: given || undefined }, true)) }));
    made.append(field({ ...said("operator"), control: select(operator, OPERATORS, "Choose", (given) => put({ operator: given, values: [] }, true)) }));
    const several = ["in", "between"].includes(operator);
    const control = several ? textArea(values.join("\n"), (given) => (put({ values: linesOf(given) })), { class: "list", rows: 2 }) : textInput(values[0], (given) => put({ values: given.trim() ? [given.trim()] : [] }));
    if (operator && operator !== "is_null") made.append(field({ ...said("value"), control }));
    made.append(button(`Remove condition ${at + 1}`, () => form.put(path.slice(0, -1), all.filter((_, other) => other !== at), true)));
    const id = `${idOf(path)}--not`;
    const box = el("input", { type: "checkbox", id, "data-not": path.join("."), onchange: () => put({ negated: box.checked }, true) });
    box.checked = negated;
    made.append(el("div", { class: "choice" }, box, el("label", { for: id }, "This must not hold")));
    return made;
  }

  function stated(found) {
    const negated = Schema.isGroup(found.not);
    const inner = negated ? found.not : found;
    const operator = Object.keys(OPERATORS).find((name) => Schema.has(inner, name) && inner[name] !== null) || "";
    const given = operator && operator !== "is_null" ? [].concat(inner[operator]).map(String) : [];
    return { column: found.column, operator, values: given, negated };
  }

  function stating({ column, operator, values, negated }) {
    const several = ["in", "between"].includes(operator);
    const value = operator === "is_null" ? true : several ? values : values.length ? values[0] : "";
    const inner = operator ? { [operator]: value } : {};
    return { ...(column ? { column } : {}), ...(negated ? { not: inner } : inner) };
  }

  return { draw };
})();
